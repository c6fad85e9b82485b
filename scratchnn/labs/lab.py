"""What a lab is: a text with holes, and what is known about it that does not stand in the text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scratchnn.labs.student import Student


@dataclass(frozen=True)
class Task:
    """A hole of the text."""

    name: str  # of the function to write
    check: Callable[[Student, np.random.Generator], str]  # what is right, in words; raises Open or Wrong
    hints: tuple[str, ...]  # each says a little more than the one before, and none is the solution


@dataclass(frozen=True)
class Prediction:
    """A variable into which the student writes what he expects; it is told how far off that is, and never graded."""

    name: str
    words: str  # what is predicted
    measured: Callable[[Student], float | int | str]
    choices: tuple[str, ...] = ()  # where one of these is to be written
    after: str = ""  # a task below it that must be right too before it is told; those above it must be in any case


@dataclass(frozen=True)
class Lab:
    key: str  # "2", or "zoo2"
    title: str
    minutes: int
    tasks: tuple[Task, ...]
    predictions: tuple[Prediction, ...] = ()
    numbers: Mapping[str, Sequence[int | float]] = field(default_factory=dict)  # drawn for each student from these

    @property
    def name(self) -> str:
        """Of its file, without the ending."""
        return self.key if self.key.startswith("zoo") else f"lab{self.key}"
