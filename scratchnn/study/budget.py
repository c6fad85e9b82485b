"""A study with an end: only runs that are expected to be finished by then are begun."""

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from scratchnn.core import backend
from scratchnn.study.sources import Examples, loaded
from scratchnn.study.tasks import Task
from scratchnn.training.progress import NonFiniteError

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_STEPS = 40  # of training that are timed
_MORE = 1.3  # a run validates, tests twice and reads the reviews


def parse(text: str) -> float:
    """Seconds, from a text such as "90s", "10m" or "1.5h".

    Raises:
        ValueError: for anything else.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found or float(found[1]) == 0:
        raise ValueError(f"--budget takes a time such as 90s, 10m or 2h, above 0, got {text!r}")
    return float(found[1]) * _SECONDS[found[2]]


class Budget:
    """A time that ends `seconds` after `began`."""

    def __init__(self, seconds: float, began: float, expected: Callable[[Task], float]) -> None:
        self._end, self.seconds, self._expected = began + seconds, seconds, expected

    def check(self, tasks: Sequence[Task]) -> None:
        """Raise ValueError if it is too short for every single one of `tasks`."""
        if not tasks:
            return
        least, task = min(((self._expected(task), task) for task in tasks), key=lambda each: each[0])
        left = self._end - time.perf_counter()
        if least > left:
            raise ValueError(
                f"--budget {self.seconds:g} s is too short for one run: {task.model} is expected to take "
                f"{math.ceil(least)} s, and {max(0.0, left):.0f} s are left; give at least "
                f"{math.ceil(1.2 * least + self.seconds - left)}s, or fewer epochs"
            )

    def affordable(self, tasks: Sequence[Task], measured: Callable[[Task], float | None]) -> Iterator[Task]:
        """The tasks that are expected to end in time, each judged when it could begin.

        `measured`: the seconds of runs like it, as soon as some are known.
        """
        for task in tasks:
            seconds = measured(task)
            if time.perf_counter() + (self._expected(task) if seconds is None else seconds) <= self._end:
                yield task


def expectation(tasks: Sequence[Task], threads: int) -> Callable[[Task], float]:
    """Time some training steps of each model, and return what a run of each is expected to take, in seconds."""
    seconds: dict[str, float] = {}
    for task in tasks:
        if task.model not in seconds:
            seconds[task.model] = _seconds(task, loaded(task.source, task.settings), threads)
    return lambda task: seconds[task.model]


def _seconds(task: Task, data: Examples, threads: int) -> float:
    settings = task.settings
    if task.preset.grams is not None:
        from scratchnn.experiments.grams import features

        if not task.preset.grams:
            return 0.1  # the classes are counted
        began = time.perf_counter()
        features(data.x_train, task.preset.grams)  # a fifth of the work: 0.4 of 2.1 s, 1.2 of 6.3 s for long reviews
        return 5 * (1 if data.classes == 2 else data.classes) * (time.perf_counter() - began)
    backend.load(settings.backend).use_threads(threads)
    model = task.source.build(task.preset, settings)
    rows = min(len(data.x_train), _STEPS * settings.batch_size)
    taken = math.inf
    for _ in range(2):  # the first time, kernels are loaded
        began = time.perf_counter()
        with suppress(NonFiniteError):  # its runs will fail, and be reported, soon after they have begun
            model.fit(data.x_train[:rows], data.y_train[:rows], batch_size=settings.batch_size, epochs=1, verbose=0)
        taken = min(taken, time.perf_counter() - began)
    (x, _), _ = data.parts(settings.validation_split)
    return _MORE * taken / rows * len(x) * settings.epochs
