"""Dropout masks and update rules on the emulated device: the same bits as the reference, or one rounding away."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels import gpu, reference

from tests.gpu.device_arrays import DeviceArray
from tests.gpu.emulator import Emulator
from tests.gpu.on_device import to_device, to_host

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


@DTYPES
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.999])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (8,), (33, 5), (3, 70, 17)], ids=str)
def test_masks_are_bit_equal(shape: tuple[int, ...], rate: float, dtype: Any, emulator: Emulator) -> None:
    key = np.random.default_rng(1).integers(0, 2**64, size=2, dtype=np.uint64)
    expected = reference.dropout.mask(key, rate, shape, dtype)
    got = to_host(gpu.dropout.mask(key, rate, shape, dtype))
    assert (got.shape, got.dtype) == (shape, dtype)
    assert np.array_equal(got, expected)


def test_dropout_pair(emulator: Emulator) -> None:
    key = np.array([3, 4], np.uint64)
    x, dy = np.random.default_rng(0).normal(size=(2, 33, 5))
    y, cache = gpu.dropout.forward(to_device(x), key, 0.2)
    m = to_host(cache)
    assert np.array_equal(to_host(y), x * m) and set(np.unique(m)) == {0, 1.25}
    assert np.array_equal(to_host(gpu.dropout.backward(to_device(dy), cache)), dy * m)


RULES = {
    "sgd": ("sgd", (0,), {"rate": 0.1, "momentum": 0.0, "nesterov": False}),
    "sgd, momentum": ("sgd", (1,), {"rate": 0.1, "momentum": 0.9, "nesterov": False}),
    "sgd, Nesterov": ("sgd", (1,), {"rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("rmsprop", (1, 0, 0), {"rate": 0.01, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7}),
    "rmsprop, momentum": ("rmsprop", (1, 1, 0), {"rate": 0.01, "rho": 0.9, "momentum": 0.5, "epsilon": 1e-7}),
    "rmsprop, centered": ("rmsprop", (1, 0, 1), {"rate": 0.01, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7}),
    "adam": ("adam", (1, 1), {"alpha": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}),
}


@DTYPES
@pytest.mark.parametrize("name", RULES)
def test_three_steps_of_every_rule(name: str, dtype: Any, emulator: Emulator) -> None:
    rule, slots, how = RULES[name]
    results = []
    for backend, precision in ((reference, np.float64), (gpu, dtype)):
        rng = np.random.default_rng(0)
        there, back = (to_device, to_host) if backend is gpu else (np.asarray, np.asarray)
        w = there(rng.normal(size=1000).astype(np.float32).astype(precision))
        used = [there(np.zeros(1000, precision)) if slot else None for slot in slots]
        for _ in range(3):
            g = there(rng.normal(size=1000).astype(np.float32).astype(precision))
            getattr(backend.optimizer, rule)(w, g, *used, **how)
        results.append([back(each) for each in (w, *used) if each is not None])
    for expected, got in zip(*results, strict=True):
        assert got.dtype == dtype
        rtol, atol = (1e-5, 1e-6) if dtype == np.float32 else (1e-13, 1e-13)
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


def assert_norm_agrees(size: int, dtype: Any) -> None:
    g = (1e19 * np.random.default_rng(size).normal(size=size)).astype(dtype)  # whose squares float32 does not hold
    got = gpu.optimizer.squared_norm(to_device(g))
    assert (got.shape, got.dtype) == ((), np.float64) and type(got) is DeviceArray, "the host must not wait for it"
    assert to_host(got) == pytest.approx(reference.optimizer.squared_norm(g), rel=1e-13)


@DTYPES
@pytest.mark.parametrize("size", [1, 31, 1023, 1024, 1025, 70_000])
def test_the_squared_norm_is_one_launch(size: int, dtype: Any, emulator: Emulator) -> None:
    assert_norm_agrees(size, dtype)
    assert emulator.launched == ["sum_of_squares"]


@DTYPES
@pytest.mark.parametrize("size", [101, 127, 128, 129, 1024, 1025, 9_999])
def test_the_squared_norm_of_more_numbers_is_two_launches(
    size: int, dtype: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu.optimizer, "SUMMING", 32)  # so that a few numbers are many blocks, or too many
    monkeypatch.setattr(gpu.optimizer, "ALONE", 100)
    assert_norm_agrees(size, dtype)
    assert emulator.launched == ["sum_of_squares", "sum_of_sums"]


def test_a_nan_reaches_the_squared_norm(emulator: Emulator) -> None:
    g = np.ones(2000, np.float32)
    g[1999] = np.nan
    assert np.isnan(to_host(gpu.optimizer.squared_norm(to_device(g))))


@DTYPES
@pytest.mark.parametrize("sizes", [(5,), (1, 300, 0, 7), range(1, 9), range(1, 10), (0, 0), [40] * 20], ids=str)
def test_joining(sizes: Sequence[int], dtype: Any, emulator: Emulator) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=size).astype(dtype) for size in sizes]
    expected, g = np.concatenate(parts), emulator.empty((sum(sizes),), np.dtype(dtype))
    gpu.optimizer.join([to_device(part) for part in parts], g)
    assert np.array_equal(to_host(g), expected)
    assert emulator.launched == ["join"] * (-(-len(sizes) // 8) if sum(sizes) else 0)
