"""What a study shows while it runs: a live table on a terminal, one line per finished run elsewhere."""

import math
import os
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

from scratchnn.core.extras import extra
from scratchnn.report.console import Console
from scratchnn.study.results import RunResult
from scratchnn.study.tasks import Task


class Board:
    """A context around the runs. `places`: how many of them run at a time."""

    def __init__(
        self, tasks: Sequence[Task], found: Iterable[RunResult], console: Console, quiet: bool = False
    ) -> None:
        self._console = console
        self._quiet = quiet
        self._tasks = {task.key: task for task in tasks}
        self._results = {result.key: result for result in found}
        self._widest = max((len(task.model) for task in tasks), default=0)
        self._running: dict[str, tuple[int, float]] = {}  # finished epochs, and when it began
        self._stack = ExitStack()
        self._live = False
        self.places = 1

    def __enter__(self) -> "Board":
        if not self._quiet and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            with extra("study", "the table of a comparison"):
                from rich.console import Console as Terminal
                from rich.live import Live

            terminal = Terminal(stderr=True, no_color=True, highlight=False)
            live = Live(get_renderable=self._table, console=terminal, refresh_per_second=2, transient=True)
            self._stack.enter_context(live)
            self._live = True
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    # ---- what happens

    def epoch(self, task: Task, epochs: int) -> None:
        began = self._running[task.key][1] if task.key in self._running and epochs else time.monotonic()
        self._running[task.key] = (epochs, began)

    def finished(self, result: RunResult) -> None:
        self._running.pop(result.key, None)
        self._results[result.key] = result
        if not (self._live and sys.stdout.isatty()):  # there the table says it
            what = f"failed: {result.error}" if result.failed else f"{_accuracy(result):.4f}"
            count = f"{len(self._results)} of {len(self._tasks)}"
            left = self.seconds_left()
            soon = "" if left is None or not left else f", about {_duration(left)} left"
            run = f"{result.model:<{self._widest}}  seed {result.seed:<3}"
            self._console.line(f"{run}  {what}  {result.seconds:.1f} s  ({count}{soon})")

    # ---- estimates

    def seconds_left(self) -> float | None:
        """An estimate from the runs that are finished or under way; None while a preset has neither."""
        total, longest = 0.0, 0.0
        now = time.monotonic()
        for key, task in self._tasks.items():
            if key in self._results:
                continue
            whole = self._expected(task)
            if whole is None:
                return None
            spent = now - self._running[key][1] if key in self._running else 0.0
            total += max(0.0, whole - spent)
            longest = max(longest, whole - spent)
        return max(total / max(1, self.places), longest)

    def measured(self, task: Task) -> float | None:
        """The mean seconds of the finished runs like this; None if there is none."""
        seconds = [run.seconds for run in self._results.values() if run.model == task.model and not run.failed]
        return sum(seconds) / len(seconds) if seconds else None

    def _expected(self, task: Task) -> float | None:
        """Seconds that a run like this takes."""
        if (seconds := self.measured(task)) is not None:
            return seconds
        for key, (epochs, began) in self._running.items():
            if self._tasks[key].model == task.model and epochs:
                return (time.monotonic() - began) / epochs * task.settings.epochs
        return None

    def _table(self) -> Any:
        from rich.table import Table

        left = self.seconds_left()
        done = len(self._results)
        title = f"{done} of {len(self._tasks)} runs" + ("" if left is None else f", about {_duration(left)} left")
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for name in ("model", "done", "failed", "left", "accuracy", "running"):
            table.add_column(name, justify="left" if name in ("model", "running") else "right")
        for model in dict.fromkeys(task.model for task in self._tasks.values()):
            keys = [key for key, task in self._tasks.items() if task.model == model]
            results = [self._results[key] for key in keys if key in self._results]
            accuracies = [_accuracy(result) for result in results if not result.failed]
            running = [key for key in keys if key in self._running]
            table.add_row(
                model,
                str(len(results)),
                str(sum(result.failed for result in results) or ""),
                str(len(keys) - len(results) - len(running)),
                f"{sum(accuracies) / len(accuracies):.4f}" if accuracies else "",
                ", ".join(self._describe(key) for key in running),
            )
        return table

    def _describe(self, key: str) -> str:
        settings, (epochs, _) = self._tasks[key].settings, self._running[key]
        return f"seed {settings.seed}" + (f" ({epochs}/{settings.epochs})" if epochs else "")


def _accuracy(result: RunResult) -> float:
    """That of the last epoch, where the study asks for it."""
    return next(iter(result.tested.values())).accuracy


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
