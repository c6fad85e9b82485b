"""How kernels are launched: the shards of a pass, shared among threads.

A kernel is a compiled function (jit.py) whose first argument is the number of a shard, its block of the batch. Fixed
here, for all kernels:

- One lock around every launch: Numba's `workqueue` threads abort the process when two Python threads use them at once.
  After a fork the threads are gone (and OpenMP's kill the child), so the shards then run one by one.
- Work is split by shards, never by thread, so the number of threads cannot change a bit of any result.
"""

import os
import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, partial
from typing import Any

import numba
import numpy as np
from numba import prange, types
from numba._dispatcher import compute_fingerprint

from scratchnn_kernels.cpu.jit import OPTIONS, config, with_cache

WORTH_SHARING = 150_000  # numbers; waking another thread takes as long as reading and writing about this many


# While it holds a list, launches are recorded there and nothing runs: see precompile.py.
notes: ContextVar[list[tuple[Any, Any, bool]] | None] = ContextVar("notes", default=None)


def launch(kernel: Any, shards: int, *args: Any, work: int = WORTH_SHARING) -> None:
    """Run kernel(s, *args) for s = 0 ... shards - 1, on all threads, or on this one alone where that is faster.

    `work`: the size of the arrays, for a kernel that does little more than read and write; by default, large enough.
    """
    alone = shards == 1 or work < WORTH_SHARING
    if (noted := notes.get()) is not None:
        noted.append((kernel, numba.typeof(args), not alone))
        return
    if alone:
        for s in range(shards):
            kernel(s, *args)
        return
    with _launch_lock:
        if os.getpid() == _owner_pid and not config.DISABLE_JIT:
            start_threads()
            _loop_of(kernel, args)(shards, args)
        else:
            for s in range(shards):
                kernel(s, *args)


@cache
def start_threads() -> int:
    """Start the kernels' threads if they are not running, and return their number.

    Threads that wait for work should spin about as long as the gap between two kernels of a step, and
    then sleep. OpenMP's spin for milliseconds by default: where other programs want the cores too, that made a pass of
    0.4 ms take 8 ms (this way about 1 ms); threads that sleep at once are slow to wake. OpenMP reads the setting
    once, when it is loaded; the user's own settings win.
    """
    if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        return numba.get_num_threads()
    os.environ["GOMP_SPINCOUNT"] = "10000"
    try:
        return numba.get_num_threads()
    finally:
        del os.environ["GOMP_SPINCOUNT"]


class _Pointer(types.WrapperAddressProtocol):
    """The address of a compiled kernel.

    Called through it, a kernel stays outside of `_run_shards`, which is compiled in a second. Called by name, all of
    its code would be copied into that parallel loop and optimised again, twice: that took as long as everything else.
    """

    def __init__(self, kernel: Any, signature: Any) -> None:
        kernel.compile(signature.args)
        self._compiled = kernel.overloads[signature.args]
        self._numba_type_ = types.FunctionType(signature)
        self._signature = signature
        wrapper = self._compiled.fndesc.llvm_cfunc_wrapper_name
        self._address = self._compiled.library.get_pointer_to_function(wrapper)

    def __wrapper_address__(self) -> int:
        return self._address

    def signature(self) -> Any:
        return self._signature


_loops: dict[Any, Callable[[int, tuple], None]] = {}


def _loop_of(kernel: Any, args: tuple) -> Callable[[int, tuple], None]:
    """`_run_shards` for a kernel and arguments of these types.

    Its compiled code is called directly: Numba's own call of a parallel loop takes longer than many a kernel. The
    fingerprint is that by which Numba itself knows types again: 0.1 us for five arrays, where a tuple of what the
    types depend on took 0.9 (python -m timeit).
    """
    key = kernel, compute_fingerprint(args)
    loop = _loops.get(key)
    if loop is None:
        pointer = _Pointer(kernel, types.void(types.intp, *[numba.typeof(arg) for arg in args]))
        sig = (pointer._numba_type_, types.intp, numba.typeof(args))
        _run_shards.compile(sig)
        loop = _loops[key] = partial(_run_shards.overloads[sig].entry_point, pointer)
    return loop


_launch_lock = threading.Lock()
_owner_pid = os.getpid()


def _renew_lock() -> None:
    # Another thread may have held the lock at the moment of the fork; in the child it would never be released.
    global _launch_lock
    _launch_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@with_cache
@numba.njit(parallel=True, **OPTIONS)
def _run_shards(kernel, shards, args):
    for s in prange(shards):
        kernel(np.intp(s), *args)
