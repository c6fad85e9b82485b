"""What max pooling does with equal numbers and with NaN, in both backends."""

from typing import Any

import numpy as np
import pytest
from scratchnn_kernels import cpu, reference

BACKENDS = pytest.mark.parametrize("backend", [reference, cpu], ids=["reference", "cpu"])


@BACKENDS
def test_the_first_of_equals_gets_all_of_the_gradient(backend: Any) -> None:
    x = np.array([1, 3, 3, 2, 2, 2], np.float32).reshape(1, 6, 1)
    y, cache = backend.max_pooling1d.forward(x, 3, 3)
    assert y.ravel().tolist() == [3, 2]
    dy = np.array([5, 7], np.float32).reshape(1, 2, 1)
    assert backend.max_pooling1d.backward(dy, cache).ravel().tolist() == [0, 5, 0, 7, 0, 0]


@BACKENDS
def test_equals_over_all_steps_share_the_gradient(backend: Any) -> None:
    x = np.array([[1, 4], [3, 0], [3, 0], [2, 0]], np.float32)[None]
    y, cache = backend.global_max_pooling1d.forward(x)
    assert y.tolist() == [[3, 4]]
    dx = backend.global_max_pooling1d.backward(np.array([[6, 5]], np.float32), cache)
    assert dx[0].tolist() == [[0, 5], [3, 0], [3, 0], [0, 0]]


@BACKENDS
@pytest.mark.parametrize("t", range(5))
def test_a_nan_stays_visible_wherever_it_stands(backend: Any, t: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 17)).astype(np.float32)
    x[0, t, 3], x[1, t] = np.nan, np.nan
    expected = np.zeros((2, 17), bool)
    expected[0, 3], expected[1] = True, True
    y, cache = backend.global_max_pooling1d.forward(x)
    assert (np.isnan(y) == expected).all()
    assert np.isfinite(backend.global_max_pooling1d.backward(np.ones_like(y), cache)).all()
    y, _ = backend.max_pooling1d.forward(x, 5, 5)
    assert (np.isnan(y[:, 0]) == expected).all()
