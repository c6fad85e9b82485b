"""Kernels that have to be compiled while `fit` runs: the user is told, and the time does not count as training."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from scratchnn.core.backend import Backend
from scratchnn.report.console import Console


class Compiling:
    """What a call of `fit` waits for before kernels can run. `python -m scratchnn.warmup` compiles them beforehand."""

    def __init__(self, backend: Backend, console: Console) -> None:
        self._backend, self._console = backend, console
        self._seconds = 0.0  # waited, also for kernels that are loaded from the cache
        self._names: list[str] = []  # of the kernels that were compiled, and of which nothing was reported yet
        self._reported = 0.0
        self._line = ExitStack()

    def now(self) -> float:
        """A clock, in seconds, that stands still meanwhile."""
        return time.perf_counter() - self._seconds

    @contextmanager
    def watched(self) -> Iterator[None]:
        with self._backend.watch_compilation(self._begins, self._waited):
            yield

    def report(self) -> None:
        """Say what was compiled since the last report."""
        if self._names:
            kernels = f"{len(self._names)} kernel{'s' * (len(self._names) != 1)}"
            self._console.line(f"compiled {kernels} in {self._seconds - self._reported:.1f} s, once on this machine")
            self._names, self._reported = [], self._seconds

    def _begins(self, kernel: str) -> None:
        if not self._names and not self._console.can_rewrite:
            self._console.line("compiling kernels, once on this machine")
        self._names.append(kernel)
        self._line.close()
        show = self._line.enter_context(self._console.rewritten_line())
        show(f"compiling kernels, once on this machine: {kernel}")

    def _waited(self, seconds: float) -> None:
        self._seconds += seconds
        self._line.close()
