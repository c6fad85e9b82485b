"""Find out which kernels a piece of work needs, and compile them before it begins.

Otherwise a kernel is compiled when it is first launched. That takes seconds for the larger ones, and how many are still
to come would be unknown. So the work first runs dry: the layers run, their kernels do not.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba import types

from scratchnn_kernels import numba_private
from scratchnn_kernels.cpu import jit, launching
from scratchnn_kernels.store.entries import trials


@dataclass(frozen=True)
class Build:
    """A kernel for arguments of certain types: what is compiled, and cached, as one."""

    kernel: Any
    args: Any  # their types, as Numba's type of the tuple of them
    shared: bool  # among threads, which takes a parallel loop of its own

    @property
    def name(self) -> str:
        return name_of(self.kernel)

    def is_cached(self) -> bool:
        return all((store := jit.cache_of(kernel)) is not None and store.holds(sig) for kernel, sig in self._parts())

    def is_ready(self) -> bool:
        """Whether it is compiled, in this process or in the cache."""
        return all(sig in dispatcher.overloads for dispatcher, sig in self._parts()) or self.is_cached()

    def compile(self) -> None:
        """Compile it or load it from the cache. Where it is ready already, this is quick."""
        for dispatcher, sig in self._parts():
            dispatcher.compile(sig)
        trials.passed()  # loaded, that is, and not run yet

    def _parts(self) -> list[tuple[Any, tuple]]:
        signature = types.void(types.intp, *self.args.types)
        loop = (launching._run_shards, launching.loop_signature(self.args))
        return [(self.kernel, signature.args), *([loop] if self.shared else [])]


def name_of(kernel: Any) -> str:
    """Such as "lstm backward"."""
    function = kernel.py_func
    words = function.__name__.replace("_shard", "").replace("_", " ")
    return f"{function.__module__.rpartition('.')[2]} {words.strip()}"


@contextmanager
def watched(begins: Callable[[str], None], waited: Callable[[float], None]) -> Iterator[None]:
    """Tell of kernels that this thread compiles meanwhile, and how long it waits for them or for the cache.

    Functions that a kernel calls are compiled with it, and are not told of.
    """
    watch = _Watch(begins, waited)
    with numba_private.listening(("numba:compiler_lock", "numba:compile"), watch.on_start, watch.on_end):
        yield


class _Watch:
    def __init__(self, begins: Callable[[str], None], waited: Callable[[float], None]) -> None:
        self._begins, self._waited = begins, waited
        self._thread, self._depth, self._began = threading.get_ident(), 0, 0.0
        self._is_told = False  # about the kernel that is being compiled

    def on_start(self, event: Any) -> None:
        if threading.get_ident() != self._thread:
            return
        if event.kind == "numba:compiler_lock":
            self._began = self._began if self._depth else time.perf_counter()
            self._depth += 1
        elif not self._is_told and _is_kernel(event.data["dispatcher"]):
            self._is_told = True
            self._begins(name_of(event.data["dispatcher"]))

    def on_end(self, event: Any) -> None:
        if threading.get_ident() == self._thread and event.kind == "numba:compiler_lock":
            self._depth -= 1
            if not self._depth:
                self._is_told = False
                self._waited(time.perf_counter() - self._began)


def _is_kernel(dispatcher: Any) -> bool:
    return dispatcher is not launching._run_shards and dispatcher.py_func.__module__.startswith("scratchnn_kernels.")


def builds_for(work: Callable[[], object]) -> list[Build]:
    """What `work` launches, in the order of first use; with NUMBA_DISABLE_JIT=1, nothing.

    It is called, but none of its kernels runs: an array that one would have filled is uninitialised, and NumPy's
    warnings about such numbers are silenced. Code outside of kernels that reads such an array must accept any number.
    """
    if jit.config.DISABLE_JIT:
        return []
    noted: list[tuple[Any, Any, bool]] = []

    def note(kernel: Any, shards: int, args: tuple, work: int) -> bool:
        noted.append((kernel, numba.typeof(args), shards > 1 and work >= launching.WORTH_SHARING))
        return False

    token = launching.listener.set(note)
    try:
        with np.errstate(all="ignore"):
            work()
    finally:
        launching.listener.reset(token)
    shared: dict[tuple[Any, Any], bool] = {}
    for kernel, args, is_shared in noted:
        shared[kernel, args] = is_shared or shared.get((kernel, args), False)
    return [Build(kernel, args, is_shared) for (kernel, args), is_shared in shared.items()]
