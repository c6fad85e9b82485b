"""Labs to learn recurrent networks by writing them: `python -m scratchnn.labs`; docs/labs.md says how they are used.

A lab is a script in cells (`# %%`) that a student reads from top to bottom: it asks a question and wants a prediction,
it has holes to fill, it measures, and it explains what came out. To write lab N:

1.  `texts/labN.py`, the script. It imports numpy, and of scratchnn only what a user may import.

    - A hole is a function with a docstring (shapes, equations) and the body `raise NotImplementedError("write me")`.
    - A prediction is a line `name = None  # what to write here`, before the cell that measures it. `check` tells what
      is measured once all holes above it are right.
    - A number that is drawn for each student is a line `NAME = 3  # drawn for you`.

    - A cell that takes longer than a second or so begins with `# %% measure`: `check` leaves it out.

2.  `checks/labN.py`, which ends in `LAB = Lab(...)` (see lab.py): for each hole a `Task` with its check and its hints,
    for each prediction a `Prediction` (with its choices, and with the hole below it that measures it, if any), for each
    drawn number its choices. A check is a function

        def backward(student: Student, rng: np.random.Generator) -> str

    that draws its input from rng, calls what the student wrote with `student.call("backward", ...)`, and compares with
    `same` or `by_step` (compare.py) or, for a backward pass, `gradcheck` (gradients.py): they raise `Wrong` with what
    was expected, what came, and what to do next. It returns what it found right, in a few words. Its numbers come from
    the reference kernels or from the text's drawn numbers, `student.number("UNITS")`. Open holes, exceptions in the
    student's code and functions that are gone are dealt with in student.py; a function that calls a wrong one of the
    lab waits for it (grading.py).

3.  A line for it in `shelf.py`.
4.  `tests/labs/solutions/labN.py`, kept out of the package: the holes filled (functions and predictions of the same
    names), and `WRONG`, at least two mistakes as (text, what replaces it, a part of the message that must appear). If
    the lab trains, `surprises(names)` may list what came out otherwise than the text says.
    `pytest tests/labs` then solves the lab, leaves it unsolved and plants each mistake.
"""
