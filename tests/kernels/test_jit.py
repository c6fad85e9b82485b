"""The cache of compiled kernels when several processes write to it."""

from pathlib import Path
from typing import Any

import numba
import pytest
from numba import types
from scratchnn_kernels.cpu import jit, vectors


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
