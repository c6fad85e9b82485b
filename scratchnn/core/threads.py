"""Threads: how many the kernels use, and how other thread pools are kept out of their way."""

import functools
import os
import re
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from scratchnn.core.checks import whole_number
from scratchnn.core.warning import warn

_VARIABLE = "NUMBA_NUM_THREADS"
_MOST = 1024
_fixed: list[int] = []  # the number that `set_threads` was given


@functools.cache
def _controller() -> Any:
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:  # NumPy and this package alone label texts; every whole installation has it
        return None
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager:
    """A context in which NumPy's BLAS has one thread.

    Two pools of threads spin against each other at their barriers: the small products between two kernels would cost
    ten times their work. It also makes NumPy's sums independent of the number of threads.
    """
    controller = _controller()
    return nullcontext() if controller is None else controller.limit(limits=1, user_api="blas")


def set_threads(threads: int) -> None:
    """Choose how many threads the cpu kernels use, instead of one for each core. It never changes a result.

    More threads than cores draw a warning when the kernels are loaded.

    Raises:
        ValueError: for a number below 1 or absurdly large.
        RuntimeError: once the kernels are loaded: the number is fixed then.
    """
    number = whole_number("the number of threads", threads, 1, _MOST)
    if "numba" in sys.modules:
        raise RuntimeError("set_threads must come before the first model is made; or set NUMBA_NUM_THREADS=N")
    os.environ[_VARIABLE] = str(number)
    _fixed.append(number)


def threads_are_fixed() -> bool:
    """Whether `set_threads` has chosen their number; otherwise training measures how many are fastest."""
    return bool(_fixed)


def check_environment() -> None:
    """Check NUMBA_NUM_THREADS before Numba does, which for 0 does not say what is wrong, and takes nonsense as unset.

    Raises:
        ValueError: if it is not a number of threads.
    """
    value = os.environ.get(_VARIABLE)
    if not value or "numba" in sys.modules:
        return
    number = int(value) if re.fullmatch(r" *[+-]?[0-9]+ *", value) else value
    _warn_of_many(whole_number(f"the environment variable {_VARIABLE}", number, 1, _MOST))


@functools.cache
def _warn_of_many(threads: int) -> None:
    """Warn once: commands check before they load anything, and a backend checks again."""
    if threads > cores():
        message = f"{threads} threads on {cores()} cores will be slower than {cores()}"
        warn(message, RuntimeWarning)


def kernel_threads() -> int:
    """The number of threads that the cpu kernels use."""
    check_environment()
    from scratchnn_kernels.cpu.launching import number_of_threads

    return number_of_threads()


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
