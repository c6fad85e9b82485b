"""Conducting a study: the runs that its plan still lacks are done, and each result is on disk before it counts."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from scratchnn.core.warning import warn
from scratchnn.report.console import Console
from scratchnn.study.board import Board
from scratchnn.study.folder import StudyFolder
from scratchnn.study.pool import Event
from scratchnn.study.results import RunResult
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
    found = [result for task in tasks if (result := stored(folder, task.key)) is not None]
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


def stored(folder: StudyFolder, key: str) -> RunResult | None:
    """The result in the folder; None if there is none, or the run should be done again.

    Numbers that became NaN would do so again. Other failures, a lost process or full memory, are worth another try.
    """
    try:
        result = folder.load(key)
    except ValueError as error:
        warn(f"{error}; the run is done again")
        return None
    if result is not None and result.error is not None and not result.error.startswith("NonFiniteError"):
        return None
    return result


def all_results(folder: StudyFolder, order: Sequence[str]) -> list[RunResult]:
    """Every run that is in the folder, also those of earlier plans: presets in `order`, then seeds."""
    results = [result for key in folder.keys() if (result := folder.load(key)) is not None]
    return sorted(results, key=lambda result: (order.index(result.arch), result.seed))
