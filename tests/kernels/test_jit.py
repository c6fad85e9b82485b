"""How kernels are cached, launched, and survive a fork."""

import os
import warnings
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba import types
from scratchnn_kernels import cpu
from scratchnn_kernels.cpu import jit, launching, pool, vectors


def test_two_writers_at_once_never_swap_their_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one order of events in which Numba's own names would put the first one's code under the second's types."""
    monkeypatch.setattr(jit.config, "CACHE_DIR", str(tmp_path))
    function = numba.njit(vectors.copy.py_func)
    signatures = [(array, array) for array in (types.Array(types.float32, 1, "C"), types.Array(types.int64, 1, "C"))]
    for signature in signatures:
        function.compile(signature)
    first, second, reader = (jit._ForgivingCache(function.py_func) for _ in range(3))
    write_first, write_second = first._cache_file._save_index, second._cache_file._save_index

    def both_have_read_the_index(firsts: Any) -> None:
        def write_both(seconds: Any) -> None:
            write_first(firsts)
            write_second(seconds)

        second._cache_file._save_index = write_both
        second.save_overload(signatures[1], function.overloads[signatures[1]])

    first._cache_file._save_index = both_have_read_the_index
    first.save_overload(signatures[0], function.overloads[signatures[0]])

    found = [reader.load_overload(signature, function.targetctx) for signature in signatures]
    assert found[0] is None, "the second index has taken the place of the first: that costs a compilation"
    assert found[1].signature.args == signatures[1]
    assert [reader.holds(signature, function.targetctx) for signature in signatures] == [False, True]


def test_a_damaged_index_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit.config, "CACHE_DIR", str(tmp_path))
    function = numba.njit(vectors.copy.py_func)
    signature = (types.Array(types.float32, 1, "C"),) * 2
    function.compile(signature)
    cache = jit._ForgivingCache(function.py_func)
    cache.save_overload(signature, function.overloads[signature])
    assert cache.holds(signature, function.targetctx)
    (index,) = tmp_path.rglob("*.nbi")
    index.write_bytes(index.read_bytes()[:-10])
    assert not cache.holds(signature, function.targetctx)


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
