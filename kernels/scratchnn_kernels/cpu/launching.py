"""How kernels are launched: the shards of a pass, shared among threads.

A kernel is a compiled function (jit.py) whose first argument is the number of a shard, its block of the batch. Work is
split by shards, never by thread, so the number of threads cannot change a bit of any result. One lock is around every
launch: two Python threads may use kernels at once, and their passes take turns. In the child of a fork there are no
threads but one, and the shards run one by one.
"""

import os
import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, partial
from typing import Any

import numba
import numpy as np
from numba import types

from scratchnn_kernels import numba_private
from scratchnn_kernels.cpu import threads, words
from scratchnn_kernels.cpu.jit import OPTIONS, config, stored
from scratchnn_kernels.store.entries import trials

WORTH_SHARING = 150_000  # numbers; waking another thread takes as long as reading and writing about this many


# While it holds a function, that is told of every launch, and decides whether it runs: see precompile.py and plan.py.
listener: ContextVar[Callable[[Any, int, tuple, int], bool] | None] = ContextVar("listener", default=None)


def launch(kernel: Any, shards: int, *args: Any, work: int = WORTH_SHARING) -> None:
    """Run kernel(s, *args) for s = 0 ... shards - 1, on all threads, or on this one alone where that is faster.

    `work`: the size of the arrays, for a kernel that does little more than read and write; by default, large enough.
    """
    if (told := listener.get()) is not None and not told(kernel, shards, args, work):
        return
    if kernel in trials.waiting:
        trials.begin(kernel)
    _run(kernel, shards, args, alone=shards == 1 or work < WORTH_SHARING)
    if trials.running:
        trials.passed(kernel)


def _run(kernel: Any, shards: int, args: tuple, *, alone: bool) -> None:
    if alone:
        for s in range(shards):
            kernel(s, *args)
        return
    with _launch_lock:
        if os.getpid() == _owner_pid and _in_use > 1 and can_call_by_address():
            _loop_of(kernel, args)(shards, args, team(), _in_use - 1)
        else:
            for s in range(shards):
                kernel(s, *args)


def can_call_by_address() -> bool:
    """Whether kernels are compiled, and this Numba gives their addresses; otherwise one thread runs them by name."""
    return not config.DISABLE_JIT and numba_private.calling() is not None


def with_helpers(function: Callable[..., None], *args: Any) -> None:
    """Run function(team, *args, helpers), a compiled one, while nobody else launches."""
    with _launch_lock:
        here = os.getpid() == _owner_pid
        function(team(), *args, _in_use - 1 if here else 0)


def number_of_threads() -> int:
    """All threads that kernels may have: NUMBA_NUM_THREADS, by default one for each core."""
    return config.NUMBA_NUM_THREADS


_in_use = number_of_threads()


def threads_in_use() -> int:
    return _in_use


def use_threads(number: int) -> None:
    """Run launches on so many threads from now on, or on as many as there are."""
    global _in_use
    _in_use = max(1, min(number, number_of_threads()))


@cache
def team() -> np.ndarray:
    """The threads that help this one, started when they are first needed."""
    return threads.start(number_of_threads() - 1)


_loops: dict[Any, Callable[..., None]] = {}


def _loop_of(kernel: Any, args: tuple) -> Callable[..., None]:
    """`_run_shards` for a kernel and arguments of these types.

    Its compiled code is called directly: Numba's own call takes longer than many a kernel. The fingerprint takes 0.1 us
    for five arrays, where a tuple of what the types depend on took 0.9 (python -m timeit).
    """
    calling = numba_private.calling()
    assert calling is not None, "see can_call_by_address"
    key = kernel, calling.fingerprint(args)
    loop = _loops.get(key)
    if loop is None:
        types_of_args: Any = numba.typeof(args)
        signature, sig = (types.intp, *types_of_args.types), loop_signature(types_of_args)
        kernel.compile(signature)
        _run_shards.compile(sig)
        loop = partial(calling.entry_point(_run_shards, sig), calling.address(kernel, signature))
        _loops[key] = loop
    return loop


def loop_signature(args: Any) -> tuple:
    """The types for which `_run_shards` is compiled, given that of the tuple of a kernel's arguments."""
    return types.intp, types.intp, args, types.Array(types.int64, 1, "C"), types.intp


_launch_lock = threading.Lock()
_owner_pid = os.getpid()


def _renew_lock() -> None:
    # Another thread may have held the lock at the moment of the fork; in the child it would never be released.
    global _launch_lock
    _launch_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@stored
@numba.njit(**OPTIONS)
def _run_shards(kernel, shards, args, team, helpers):
    # The kernel is called through its address: called by name, all of its code would be copied into this loop and
    # optimised again, which took as long as everything else.
    threads.share(team, words.entry(kernel, args), words.packed(kernel, args), shards, helpers)
