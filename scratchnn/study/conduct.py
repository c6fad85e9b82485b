"""Conducting a study: the runs that its plan still lacks are done, and each result is on disk before it counts."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from scratchnn.report.console import Console
from scratchnn.study.board import Board
from scratchnn.study.budget import Budget
from scratchnn.study.folder import StudyFolder
from scratchnn.study.pool import Event
from scratchnn.study.results import RunResult, place_of
from scratchnn.study.tasks import Task
from scratchnn.training.interrupts import Interrupts


@runtime_checkable
class Runner(Protocol):
    """A pool of processes, or a cluster. It takes a task when it has a place for it."""

    @property
    def places(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def description(self) -> str: ...
    def run(self, tasks: Iterable[Task]) -> Iterator[Event | None]: ...


def missing(tasks: Sequence[Task], folder: StudyFolder) -> tuple[list[Task], list[RunResult]]:
    """The runs that `folder` lacks, and the results of the others.

    Raises:
        ValueError: if it holds runs of one of the models with other layers or settings.
    """
    stored = {result.key: result for result in folder.load_all()}
    hashes = {task.model: task.config_hash for task in tasks}
    for result in stored.values():
        if result.config_hash != hashes.get(result.model, result.config_hash):
            raise ValueError(
                f"{os.fspath(folder.path)!r} holds runs of {result.model!r} with other layers or settings, which "
                "cannot be counted together with these; give the model another name, or --out a new folder"
            )
    found = [stored[task.key] for task in tasks if task.key in stored and counts(stored[task.key])]
    there = {result.key for result in found}
    return [task for task in tasks if task.key not in there], found


def conduct(
    tasks: Sequence[Task],
    folder: StudyFolder,
    runner: Runner,
    console: Console,
    quiet: bool = False,
    budget: Budget | None = None,
) -> int:
    """Do the runs of `tasks` that `folder` lacks, those that `budget` allows, and return how many these were.

    Raises:
        ValueError: if it holds runs of one of the models with other layers or settings.
        KeyboardInterrupt, SystemExit: after Ctrl-C or SIGTERM; every finished run is in the folder.
    """
    todo, found = missing(tasks, folder)
    done = 0
    with Interrupts() as interrupts, Board(tasks, found, console, quiet) as board:
        if todo:
            board.places = runner.places
            for event in runner.run(todo if budget is None else budget.affordable(todo, board.measured)):
                if event is not None:
                    task, what = event
                    if isinstance(what, RunResult):
                        folder.save(what)
                        board.finished(what)
                        done += 1
                    else:
                        board.epoch(task, what)
                interrupts.act()
    return done


def counts(result: RunResult) -> bool:
    """Whether a stored result need not be tried again.

    Numbers that became NaN would do so again. Other failures, a lost process or full memory, are worth another try.
    """
    return result.error is None or result.error.startswith("NonFiniteError")


def all_results(folder: StudyFolder) -> list[RunResult]:
    """Every run that is in the folder, also those of earlier plans: by model, as presets are listed, then by seed."""
    return sorted(folder.load_all(), key=lambda result: (place_of(result.model), result.seed))
