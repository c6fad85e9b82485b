"""What is done before the first run: kernels are compiled, and steps are timed for a budget."""

from collections.abc import Sequence
from contextlib import suppress

from scratchnn.core import backend
from scratchnn.experiments import compiling
from scratchnn.experiments.preparation import use_every_kernel
from scratchnn.report.console import Console
from scratchnn.study.budget import Budget, expectation
from scratchnn.study.tasks import Task
from scratchnn.training.interrupts import Interrupts


def compile_for(tasks: Sequence[Task], console: Console) -> None:
    """Compile what the runs need: in parallel, each would compile all of it again."""

    def work() -> None:
        for task in tasks:
            if task.preset.grams is None:
                with suppress(ValueError):  # a model that cannot be built: its runs will fail, and are reported
                    use_every_kernel(task.source.build(task.preset, task.settings), task.settings)

    with Interrupts() as interrupts:  # one backend computes all runs of a study
        compiling.compile_for(backend.load(tasks[0].settings.backend), work, console, interrupts)


def budget_of(seconds: float, started: float, todo: Sequence[Task], threads: int) -> Budget:
    """Of so many seconds since `started`.

    Raises:
        ValueError: if it is too short for a single run.
    """
    budget = Budget(seconds, started, expectation(todo, threads))
    budget.check(todo)
    return budget
