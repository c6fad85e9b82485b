"""How kernels are launched, and survive a fork."""

import os
import warnings

import numpy as np
from scratchnn_kernels import cpu
from scratchnn_kernels.cpu import launching, pool


def test_a_loop_is_for_the_types_it_was_compiled_for() -> None:
    """Compiled for a whole number, it would take the fraction of the next call away."""
    w, g = np.zeros(launching.WORTH_SHARING, np.float32), np.ones(launching.WORTH_SHARING, np.float32)
    cpu.optimizer.sgd(w, g, None, 1, 0, False)
    cpu.optimizer.sgd(w, g, None, 0.25, 0.0, False)
    assert np.all(w == np.float32(-1.25))


def test_a_fork_renews_the_lock_of_the_pool() -> None:
    """Another thread may hold it at that moment."""
    with pool._lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of what is tested here
        child = os.fork()
        if child == 0:
            free = pool._lock.acquire(timeout=5)
            os._exit(0 if free else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
