"""Grading a student's file, task by task, and saying what came out."""

import hashlib
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scratchnn.labs.lab import Lab, Prediction
from scratchnn.labs.student import Open, Student, Wrong

RIGHT, OPEN, WRONG = "right", "open", "wrong"


@dataclass(frozen=True)
class Result:
    task: str
    verdict: str  # RIGHT, OPEN or WRONG
    words: str


@dataclass(frozen=True)
class Grade:
    lab: Lab
    path: Path
    results: tuple[Result, ...]
    predictions: tuple[str, ...]
    error: str | None  # of a cell that broke off although no hole is open

    @property
    def right(self) -> int:
        return sum(result.verdict == RIGHT for result in self.results)

    @property
    def done(self) -> bool:
        return self.right == len(self.results) and self.error is None

    def lines(self, width: int = 120) -> Iterator[str]:
        """What a student sees, in lines of about this width."""
        told = [("predicted", prediction) for prediction in self.predictions]
        told += [(result.verdict, f"{result.task}: {result.words}") for result in self.results]
        if self.error is not None:
            told.append(("error", f"a cell breaks off: {self.error}"))
        yield f"{self.lab.title} ({self.path})"
        for verdict, words in told:
            yield from textwrap.wrap(
                words,
                width,
                initial_indent=f"  {verdict:<9}  ",
                subsequent_indent=" " * 13,
                break_long_words=False,
                break_on_hyphens=False,
            )
        yield f"{self.right} of {len(self.results)} tasks are right."


def grade(lab: Lab, path: Path, drawn: Mapping[str, Any] | None = None, hidden: str = "") -> Grade:
    """Run a student's file and check its tasks.

    `drawn` are the numbers that must stand in it, where they are known; `hidden` names other inputs than those that
    `check` draws, so that nothing fitted to the latter passes.

    Raises:
        OSError, ValueError: if the file cannot be read.
    """
    student = Student(path)
    results = []
    for task in lab.tasks:
        seed = hashlib.sha256(f"{lab.key} {task.name} {hidden}".encode()).digest()
        try:
            _require_drawn(student, drawn or {})
            results.append(Result(task.name, RIGHT, task.check(student, np.random.default_rng(list(seed)))))
        except Open:
            results.append(Result(task.name, OPEN, "not written yet"))
        except Wrong as wrong:
            results.append(Result(task.name, WRONG, str(wrong)))
    predictions = tuple(_told(student, prediction) for prediction in lab.predictions)
    waits = any(result.verdict == OPEN for result in results)  # a cell that measures needs its holes filled
    return Grade(lab, path, tuple(results), predictions, None if waits else student.error)


def _require_drawn(student: Student, drawn: Mapping[str, Any]) -> None:
    for name, value in drawn.items():
        if student.number(name) != value:
            raise Wrong(f"{name} = {value} was drawn for this student, and the file has {student.number(name)}")


def _told(student: Student, prediction: Prediction) -> str:
    """How far off a prediction is; the measured value only to those who made one."""
    said = student.names.get(prediction.name)
    if said is None:
        return f"{prediction.name} is open: write {prediction.words} before you measure"
    try:
        measured = prediction.measured(student)
    except (Open, Wrong):
        return f"{prediction.name} = {said!r}; what is measured needs the holes filled"
    if isinstance(measured, str):
        return f"{prediction.name} = {said!r}: " + ("so it is" if said == measured else f"measured is {measured!r}")
    if isinstance(said, bool) or not isinstance(said, int | float | np.integer | np.floating):
        return f"{prediction.name} = {said!r} is no number; expected is {prediction.words}"
    off = float(said) - measured
    way = "high" if off > 0 else "low"
    told = "so it is" if off == 0 else f"measured is {measured:.4g}, so yours is {abs(off):.3g} too {way}"
    return f"{prediction.name} = {said:.4g}: {told}"
