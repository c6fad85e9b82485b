"""The pool hands an array out again when nobody refers to it, and never before."""

import numpy as np
import pytest
from scratchnn_kernels.cpu import pool

from scratchnn.layers import LSTM

SHAPE = (3, pool.SMALLEST)


def test_a_free_array_comes_back() -> None:
    first = pool.empty(SHAPE, "float32")
    place = first.ctypes.data
    del first
    assert pool.empty(SHAPE, "float32").ctypes.data == place


@pytest.mark.parametrize("holds", [lambda a: a, lambda a: a[1:], lambda a: a[1:].T[::2], lambda a: {"in a dict": [a]}])
def test_an_array_that_is_held_is_not_handed_out(holds) -> None:
    first = pool.empty(SHAPE, "float64")
    place = first.ctypes.data
    held = holds(first)
    del first
    assert pool.empty(SHAPE, "float64").ctypes.data != place
    del held


def test_zeros_are_zeros_also_the_second_time() -> None:
    for _ in range(2):
        array = pool.zeros(SHAPE, "float32")
        assert not array.any()
        array.fill(7)
        del array


def test_the_pool_stays_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "KEPT_AT_MOST", pool._bytes + 4 * pool.SMALLEST)
    for columns in range(1, 30):
        pool.empty((columns, pool.SMALLEST), "uint8")
    assert pool._bytes <= pool.KEPT_AT_MOST
    assert pool._bytes == sum(array.nbytes for arrays in pool._arrays.values() for array in arrays)


def test_a_cache_outlives_other_forward_passes() -> None:
    x = np.random.default_rng(0).normal(size=(33, 40, 16)).astype(np.float32)
    layer = LSTM(32, return_sequences=True)
    layer.build((None, 40, 16))
    y, cache = layer.forward(x)
    dy = np.cos(y)
    y_then, (dx, grads) = y.copy(), layer.backward(dy, cache)
    expected = [dx.copy(), *(g.copy() for g in grads.values())]
    for _ in range(3):
        layer.backward(dy, layer.forward(-x)[1])
    np.testing.assert_array_equal(y, y_then)
    dx, grads = layer.backward(dy, cache)
    for again, once in zip([dx, *grads.values()], expected, strict=True):
        np.testing.assert_array_equal(again, once)
