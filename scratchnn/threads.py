"""Threads: how many the kernels use, and that nobody else's get in their way."""

import functools
from contextlib import AbstractContextManager
from typing import Any


@functools.cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager:
    """A context in which NumPy's BLAS has one thread.

    Two pools of threads spin against each other at their barriers: the small products between two kernels would cost
    ten times their work. It also makes NumPy's sums independent of the number of threads.
    """
    return _controller().limit(limits=1, user_api="blas")


def kernel_threads() -> int:
    """The number of threads that the cpu kernels use."""
    from scratchnn_kernels.cpu.jit import start_threads

    return start_threads()


def use_threads(threads: int) -> None:
    """Let the cpu kernels use at most so many of their threads from now on, in this thread of the program."""
    import numba

    numba.set_num_threads(min(threads, kernel_threads()))


def release_memory() -> None:
    """Give back the arrays that the cpu kernels keep to use them again."""
    from scratchnn_kernels.cpu import pool

    pool.release()


def kernels_are_compiled() -> bool:
    """Whether compiled kernels of this version lie in the cache; the first run on a machine compiles them."""
    from scratchnn_kernels.cpu.jit import cache_folder

    folder = cache_folder()
    return folder is not None and any(folder.rglob("*.nbi"))
