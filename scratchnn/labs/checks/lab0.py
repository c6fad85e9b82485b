"""Lab 0, a linear network: powers of a matrix by hand."""

import numpy as np

from scratchnn.labs.compare import by_step, same
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student

Generator = np.random.Generator


def _forward(student: Student, rng: Generator) -> str:
    T, H = 5, int(rng.integers(2, 5))
    W, x, h0 = rng.normal(size=(H, H)) / H, rng.normal(size=(T, H)), rng.normal(size=H)
    h = [h0]
    for t in range(T):
        h.append(W @ h[t] + x[t])
    by_step(
        "h",
        student.call("forward", W, x, h0),
        h,
        "h[0] is h0 itself, as it was given.",
        "Each step multiplies the state before it: W @ h[t], then adds x[t].",
        backward=False,
        axes="T+1 states, h[0] among them, and H units",
    )
    return "the states agree"


def _backward(student: Student, rng: Generator) -> str:
    T, H = 6, int(rng.integers(2, 5))
    W, last = rng.normal(size=(H, H)) / np.sqrt(H), rng.normal(size=H)
    right = [last]
    for _ in range(T):
        right.insert(0, W.T @ right[0])
    came = student.call("backward", W, last, T)
    then = "One step back multiplies by Wᵀ: in (2), j, the first index of W, is the one that is summed over."
    by_step("dh", came, right, "dh[T] is dh_last itself, in the last row.", then, axes="T+1 states and H units")
    return "agrees with the powers of Wᵀ"


def _norms(student: Student, rng: Generator) -> str:
    W = rng.normal(size=(3, 3)) / 2
    right = [np.linalg.norm(np.linalg.matrix_power(W, k), 2) for k in range(9)]
    then = "It is the norm (largest singular value) of the power, and not a power of the norm, nor of each element."
    by_step(
        "norms",
        student.call("norms", W, 8),
        right,
        "The 0th power is the identity.",
        then,
        False,
        axes="the powers 0 to most",
    )
    return "agree"


def _radius(student: Student, rng: Generator) -> str:
    angle, size = rng.uniform(0.5, 1.5), rng.uniform(0.5, 1.5)
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for what, W, radius in (
        ("a rotation", turn, size),
        ("a negative eigenvalue", np.diag([0.2, -size]), size),
        ("[[0.9, 2], [0, 0.9]]", np.array([[0.9, 2.0], [0.0, 0.9]]), 0.9),
    ):
        then = "It is the largest absolute value of np.linalg.eigvals(W), which may be complex or negative."
        same(f"the spectral radius of {what}", student.call("spectral_radius", W), radius, then)
    return "right, for complex and negative eigenvalues too"


def _steps(student: Student) -> int:
    radius = student.number("RADIUS")
    return next((k for k in range(10_000) if radius**k < 0.01), 10_000)


LAB = Lab(
    key="0",
    title="Lab 0: how far back does a network remember?",
    minutes=20,
    tasks=(
        Task(
            "forward",
            _forward,
            (
                "Begin with a list that holds h0, and append one state for each x[t].",
                "The state that enters step t is the last one of the list, and `W @ state` multiplies it.",
                "np.stack makes one array (T+1, H) of a list of T+1 vectors.",
            ),
        ),
        Task(
            "backward",
            _backward,
            (
                "Fill the rows from the last to the first: row T is given.",
                "`for t in reversed(range(T))` goes through the steps backward; dh[t] comes from dh[t+1].",
                "(2) in NumPy is a product with the transposed matrix, W.T.",
            ),
        ),
        Task(
            "norms",
            _norms,
            (
                "Keep a matrix that begins as np.eye(len(W)), and multiply it by W once for each k.",
                "Take np.linalg.norm(matrix, 2) of that matrix each time, before you multiply again.",
            ),
        ),
        Task(
            "spectral_radius",
            _radius,
            (
                "np.linalg.eigvals gives all eigenvalues; of a matrix that rotates they are complex.",
                "The absolute value of a complex number is what np.abs gives.",
            ),
        ),
    ),
    predictions=(
        Prediction("steps_to_one_percent", "a number of steps", _steps),
        Prediction("five_steps_back", '"smaller" or "larger"', lambda student: "larger", ("smaller", "larger")),
    ),
    numbers={"SEED": range(1, 1000), "UNITS": range(3, 8), "RADIUS": (0.8, 0.85, 0.88, 0.92, 0.94, 0.96)},
)
