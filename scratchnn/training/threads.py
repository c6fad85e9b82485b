"""How many threads train a model: found by measuring, for no rule knows what else the machine has to do.

Two threads take an LSTM's step in two thirds of the time of one where nobody else is, and in half as much again where
another program keeps a core busy and the threads wait for one another. Which it is can change at any moment, so a few
steps are taken on each number of threads in turn, again when steps become slower, and every few seconds, since one
thread does not notice that the others' core is free again. No result depends on it.
"""

import math
import time
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

Step = TypeVar("Step")

TRIES = 5  # steps on each number of threads: the fastest counts, as the others may have waited for something else
WINDOW = 20  # steps whose fastest is compared with what was measured
SLOWER = 1.3  # by which it calls for new measurements
SECONDS = 3.0  # after which there are new ones in any case


class ThreadChoice:
    """Chooses among `most` threads, half as many, and so on down to one, while steps go through `timed`.

    `use` lets the kernels run on so many; `now` is a clock, in seconds.
    """

    def __init__(self, most: int, use: Callable[[int], None], now: Callable[[], float] = time.perf_counter) -> None:
        self._use, self._now = use, now
        self._numbers = [most >> halvings for halvings in range(most.bit_length())]  # 8, 4, 2, 1
        self.chosen = most
        self.measured: dict[int, float] = {}  # the fastest step on each number of threads, in seconds
        self._trial: dict[int, float] = {}  # the same, of the trial under way
        self._tried: list[int] = []  # the numbers of threads of the trial that are still to come
        self._fastest, self._steps, self._measured_at = math.inf, 0, -math.inf

    def timed(self, steps: Iterable[Step]) -> Generator[Step]:
        """The steps, each of which is taken before the next is asked for."""
        if len(self._numbers) < 2:
            yield from steps
            return
        try:
            for step in steps:
                number = self._next()
                self._use(number)
                began = self._now()
                yield step
                self._count(number, self._now() - began)
        finally:
            self._use(self._numbers[0])

    def _next(self) -> int:
        """How many threads the next step is taken on."""
        if self._tried:
            return self._tried[-1]
        if self._now() - self._measured_at > SECONDS:
            self._measure()
            return self._tried[-1]
        return self.chosen

    def _measure(self) -> None:
        """Take the next steps on each number of threads in turn."""
        first = [] if self.measured else self._numbers  # what is still compiled or loaded then does not count
        self._tried, self._trial = [*self._numbers * TRIES, *first], {}

    def _count(self, number: int, seconds: float) -> None:
        if self._tried:
            self._tried.pop()
            if len(self._tried) < len(self._numbers) * TRIES:
                self._trial[number] = min(seconds, self._trial.get(number, math.inf))
            if not self._tried:
                self.measured = self._trial
                self.chosen = min(self.measured, key=self.measured.__getitem__)
                self._fastest, self._steps, self._measured_at = math.inf, 0, self._now()
            return
        self._fastest, self._steps = min(self._fastest, seconds), self._steps + 1
        if self._steps == WINDOW:
            if self._fastest > SLOWER * self.measured[self.chosen]:
                self._measure()
            self._fastest, self._steps = math.inf, 0

    def __str__(self) -> str:
        """Such as "2 threads (0.81 ms a step; 1.22 on 1)"."""
        words = f"{self.chosen} thread{'s' * (self.chosen != 1)}"
        measured = self.measured
        if not measured:
            return words
        others = ", ".join(f"{1000 * measured[n]:.2f} on {n}" for n in self._numbers if n != self.chosen)
        return f"{words} ({1000 * measured[self.chosen]:.2f} ms a step; {others})"
