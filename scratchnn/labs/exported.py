"""Labs for a course: each student gets numbers and a bug of his own, drawn from his name, and is graded against them.

The same name always draws the same, so that nothing has to be kept between handing out and grading.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scratchnn.core.files.atomic import write_atomically
from scratchnn.labs.apart import SECONDS, grade_apart
from scratchnn.labs.checks.zoo import ZOO
from scratchnn.labs.grading import Grade
from scratchnn.labs.lab import Lab
from scratchnn.labs.shelf import LABS, file_of, text_of
from scratchnn.labs.student import CELL, MEASURE, cells_of

MARKDOWN = f"{CELL} [markdown]"
DAY = 86_400  # seconds


def draw(student: str, what: str, choices: int) -> int:
    """A number below `choices`."""
    return int.from_bytes(hashlib.sha256(f"{student}\n{what}".encode()).digest()) % choices


def labs_of(student: str) -> list[Lab]:
    """All labs, and the student's bug of the zoo."""
    labs = [lab for key, lab in LABS.items() if not key.startswith("zoo")]
    return [*labs, ZOO[draw(student, "bug", len(ZOO))]]


def numbers_of(student: str, lab: Lab) -> dict[str, Any]:
    return {name: of[draw(student, f"{lab.key} {name}", len(of))] for name, of in lab.numbers.items()}


def text_for(student: str, lab: Lab) -> str:
    """A lab's text with the student's numbers in it."""
    text = text_of(lab)
    for name, value in numbers_of(student, lab).items():
        text = re.sub(rf"^{name} = \S+  # drawn", f"{name} = {value}  # drawn", text, count=1, flags=re.MULTILINE)
    return text


def export(student: str, folder: Path, notebook: bool = False) -> list[Path]:
    """Write a student's labs into a folder, which is made. Its solutions and tests stay here.

    Raises:
        ValueError: if the student is named by nothing.
        FileExistsError: if something is in the folder already.
    """
    if not student.strip():
        raise ValueError("a student is drawn for by an ID, such as a number or a name; got an empty one")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there already and not empty; give another folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lab in labs_of(student):
        text = _as_exported(text_for(student, lab))
        path = folder / f"{lab.name}{'.ipynb' if notebook else '.py'}"
        write_atomically(path, [(as_notebook(text) if notebook else text).encode()])
        written.append(path)
    return written


def _as_exported(text: str) -> str:
    """The text for a folder that has all labs side by side, and in which its reader is."""
    text = re.sub(r"`python labs/(lab\d+\.py)`", r"`python \1`", text)
    return re.sub(r"`python -m scratchnn\.labs start (\d+)`", r"`lab\1.py`", text)


def _of_notebook(told: str) -> str:
    """A cell of text, in which nothing is said that is true of a script alone."""
    told = re.sub(
        r",\s+in\s+an\s+editor\s+that\s+knows\s+`# %%`,\s+or\s+all.+?`python\s+\S+\.py`", "", told, flags=re.S
    )
    return (
        told.replace("`# %% measure`", "`# measure`")
        .replace("run this file", "run its cells")
        .replace(".py`", ".ipynb`")
    )


def as_notebook(text: str) -> str:
    """A script in cells as a notebook."""
    cells: list[dict[str, Any]] = []
    for _, cell in cells_of(text):
        head, _, body = cell.partition("\n")
        lines = body.strip("\n").splitlines()
        if head == MARKDOWN:
            told = [re.sub(r"^# ?", "", line) for line in lines]
            cells.append({"cell_type": "markdown", "metadata": {}, "source": _of_notebook("\n".join(told))})
        else:
            measures = head.startswith(MEASURE)
            tags, lines = ({"tags": ["measure"]}, ["# measure", *lines]) if measures else ({}, lines)
            code = {"cell_type": "code", "execution_count": None, "metadata": tags, "outputs": []}
            cells.append(code | {"source": "\n".join(lines)})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(book, ensure_ascii=False, indent=1) + "\n"


def grade_folder(student: str, folder: Path, seconds: float = SECONDS) -> Iterator[tuple[Lab, Grade | None]]:
    """Grade what a student handed in, on other inputs than `check` draws; None where a lab is not in the folder.

    Each file is run by itself and has so many seconds; what is not done by then is wrong.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if the seconds are not above 0.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    if not 0 < seconds <= DAY:
        raise ValueError(f"--seconds is the time for each program, above 0 and at most {DAY:,}; got {seconds:g}")
    for lab in labs_of(student):
        try:
            path = file_of(lab, folder)
        except FileNotFoundError:
            yield lab, None
            continue
        yield lab, grade_apart(lab, path, numbers_of(student, lab), f"handed in by {student}", seconds)
