"""Conducting a study: the runs that its plan still lacks are done, and each result is on disk before it counts."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from scratchnn.report.console import Console
from scratchnn.study.board import Board
from scratchnn.study.folder import StudyFolder
from scratchnn.study.pool import Event
from scratchnn.study.results import RunResult, place_of
from scratchnn.study.tasks import Task
from scratchnn.training.interrupts import Interrupts


@runtime_checkable
class Runner(Protocol):
    """A pool of processes, or a cluster."""

    @property
    def places(self) -> int: ...
    def run(self, tasks: Sequence[Task]) -> Iterator[Event | None]: ...


def conduct(tasks: Sequence[Task], folder: StudyFolder, runner: Runner, console: Console, quiet: bool = False) -> int:
    """Do the runs of `tasks` that `folder` lacks, and return how many these were.

    Raises:
        KeyboardInterrupt, SystemExit: after Ctrl-C or SIGTERM; every finished run is in the folder.
    """
    stored = {result.key: result for result in folder.load_all()}
    found = [stored[task.key] for task in tasks if task.key in stored and counts(stored[task.key])]
    there = {result.key for result in found}
    missing = [task for task in tasks if task.key not in there]
    with Interrupts() as interrupts, Board(tasks, found, console, quiet) as board:
        if missing:
            board.places = runner.places
            for event in runner.run(missing):
                if event is not None:
                    task, what = event
                    if isinstance(what, RunResult):
                        folder.save(what)
                        board.finished(what)
                    else:
                        board.epoch(task, what)
                interrupts.act()
    return len(missing)


def counts(result: RunResult) -> bool:
    """Whether a stored result need not be tried again.

    Numbers that became NaN would do so again. Other failures, a lost process or full memory, are worth another try.
    """
    return result.error is None or result.error.startswith("NonFiniteError")


def all_results(folder: StudyFolder) -> list[RunResult]:
    """Every run that is in the folder, also those of earlier plans: by model, as presets are listed, then by seed."""
    return sorted(folder.load_all(), key=lambda result: (place_of(result.model), result.seed))
