"""Grading a student's file, task by task, and saying what came out."""

import hashlib
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scratchnn.labs.lab import Lab, Prediction
from scratchnn.labs.student import Open, Student, Wrong

RIGHT, OPEN, WRONG, WAITS = "right", "open", "wrong", "waits"


@dataclass(frozen=True)
class Result:
    task: str
    verdict: str  # RIGHT, OPEN, WRONG, or WAITS for another task that is not right
    words: str


@dataclass(frozen=True)
class Grade:
    lab: Lab
    path: Path
    results: tuple[Result, ...]
    predictions: tuple[str, ...]
    error: str | None  # of a cell that broke off although all tasks are right
    unreadable: str | None = None  # a cell that is no Python
    stopped: str | None = None  # why grading ended before all was looked at

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
        if self.unreadable is not None:  # what else could be said follows from it
            told = [("error", f"Python cannot read a cell; mend this first: {self.unreadable}")]
        elif self.stopped is not None:
            told.append(("error", self.stopped))
        elif self.error is not None:
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
            if others := _others(student, drawn or {}):
                raise Wrong(others)
            results.append(Result(task.name, RIGHT, task.check(student, np.random.default_rng(list(seed)))))
        except Open:
            results.append(Result(task.name, OPEN, "not written yet"))
        except Wrong as wrong:
            results.append(Result(task.name, WRONG, str(wrong).removeprefix(f"{task.name}: ")))
    if not _others(student, drawn or {}):
        results = _waiting(student, results)
    right = {result.task for result in results if result.verdict == RIGHT}
    predictions = tuple(_told(lab, student, prediction, right) for prediction in lab.predictions)
    error = student.error if len(right) == len(results) else None  # before that it follows from a task
    return Grade(lab, path, tuple(results), predictions, error, student.unreadable)


def _waiting(student: Student, results: list[Result]) -> list[Result]:
    """A function that calls one that is not right is not to blame: it waits for that one."""
    bad = {result.task for result in results if result.verdict != RIGHT}
    judged = []
    for result in results:
        blamed = [
            each.task
            for each in results
            if each.task in (bad & student.uses(result.task)) - {result.task}
            and result.task not in student.uses(each.task)  # of two that call each other neither waits
        ]
        if result.task in bad and blamed:
            result = Result(result.task, WAITS, f"it calls {' and '.join(blamed)}; make that right first")
        judged.append(result)
    return judged


def _others(student: Student, drawn: Mapping[str, Any]) -> str:
    """What is wrong with the drawn numbers in the file, "" where nothing is."""
    for name, value in drawn.items():
        if student.names.get(name) != value:
            return f"{name} = {value} was drawn for this student, and the file has {student.names.get(name)!r}"
    return ""


def _told(lab: Lab, student: Student, prediction: Prediction, right: set[str]) -> str:
    """How far off a prediction is; the measured value only to those who made one, and wrote what measures it."""
    said = student.names.get(prediction.name)
    if said is None:
        return f"{prediction.name} is open: write {prediction.words} before you measure"
    if prediction.choices and _choice(said) not in map(_choice, prediction.choices):
        return f"{prediction.name} = {said!r} is none of {', '.join(map(repr, prediction.choices))}"
    missing = [name for name in _above(lab, student, prediction) if name not in right]
    if missing:
        return f"{prediction.name} = {said!r}: what is measured is told when this is right: {', '.join(missing)}"
    try:
        measured = prediction.measured(student)
    except (Open, Wrong) as why:
        return f"{prediction.name} = {said!r}; nothing can be measured: {why}"
    if isinstance(measured, str):
        agrees = _choice(said) == _choice(measured)
        return f"{prediction.name} = {said!r}: " + ("so it is" if agrees else f"measured is {measured!r}")
    if isinstance(said, bool) or not isinstance(said, int | float | np.integer | np.floating):
        return f"{prediction.name} = {said!r} is no number; expected is {prediction.words}"
    off = float(said) - measured
    way = "high" if off > 0 else "low"
    told = "so it is" if off == 0 else f"measured is {measured:.4g}, so yours is {abs(off):.3g} too {way}"
    return f"{prediction.name} = {said:.4g}: {told}"


def _choice(said: object) -> str:
    return str(said).strip().casefold()


def _above(lab: Lab, student: Student, prediction: Prediction) -> list[str]:
    """The tasks that stand above a prediction in the file, and the one below that measures it."""

    def line(pattern: str) -> int:
        found = re.search(pattern, student.source, re.MULTILINE)
        return found.start() if found else 0

    here = line(rf"^{prediction.name}\s*=")
    return [task.name for task in lab.tasks if task.name == prediction.after or line(rf"^def {task.name}\(") < here]
