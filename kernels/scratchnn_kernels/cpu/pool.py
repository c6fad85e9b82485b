"""Large arrays are reused instead of being returned to the system.

A training step asks for the same arrays every time. The C library may give blocks of this size back to the system when
they are freed, and the next step then pays for each of their pages again: 400 page faults a step, which doubled its
time. So the pool keeps a reference to every large array it has handed out. One to which
no other reference is left, directly or through a view, is free, and is handed out again; a live cache keeps its arrays.
"""

import math
import os
import sys
import threading

import numpy as np
from numpy.typing import DTypeLike

from scratchnn_kernels.cpu.jit import compiled
from scratchnn_kernels.cpu.launching import launch

SMALLEST = 32 * 1024  # bytes; the C library is good at anything smaller
KEPT_AT_MOST = 256 * 1024 * 1024  # bytes; beyond, free arrays of other shapes are dropped

_arrays: dict[tuple[tuple[int, ...], np.dtype], list[np.ndarray]] = {}
_bytes = 0
_lock = threading.Lock()


def _renew_lock() -> None:
    # Another thread may have held the lock at the moment of the fork; in the child it would never be released.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """As np.empty."""
    global _bytes
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < SMALLEST:
        return np.empty(shape, dtype)
    with _lock:
        arrays = _arrays.setdefault((shape, dtype), [])
        for i in range(len(arrays)):
            if _references(arrays, i) == _REFERENCES_TO_FREE:
                return arrays[i]
        if _bytes + size > KEPT_AT_MOST:
            _let_go()
        array = np.empty(shape, dtype)
        if _bytes + size <= KEPT_AT_MOST:
            arrays.append(array)
            _bytes += size
        return array


def zeros(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """As np.zeros, by a launch."""
    array = empty(shape, dtype)
    launch(_zero_shard, 1, array.reshape(-1), work=0)
    return array


@compiled
def _zero_shard(s, array):
    zero = array.dtype.type(0)
    for n in range(array.size):
        array[n] = zero


def release() -> None:
    """Return every free array to the system: what comes next has other shapes."""
    with _lock:
        _let_go()


def _let_go() -> None:
    """Drop every free array."""
    global _bytes
    for arrays in _arrays.values():
        for i in reversed(range(len(arrays))):
            if _references(arrays, i) == _REFERENCES_TO_FREE:
                _bytes -= arrays.pop(i).nbytes


def _references(arrays: list[np.ndarray], i: int) -> int:
    return sys.getrefcount(arrays[i])


# The reference count of an array that only a list holds; it differs between versions of Python.
_REFERENCES_TO_FREE = _references([np.empty(1)], 0)
