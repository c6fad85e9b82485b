"""Both backends draw the same masks, and they are what the equations say."""

import numpy as np
import pytest
from scratchnn_kernels import cpu, reference
from scratchnn_kernels.cpu.dropout import BLOCKS, NUMBERS

SHAPES = [(), (1,), (7,), (8,), (33, 5), (3, 4, 17), (BLOCKS * NUMBERS,), (2 * BLOCKS * NUMBERS + 3,), (40, 100, 64)]


def key(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, size=2, dtype=np.uint64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.25, 0.5, 0.999])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_masks_are_bit_equal(shape: tuple[int, ...], rate: float, dtype: type) -> None:
    ours, theirs = (kernels.dropout.mask(key(1), rate, shape, dtype) for kernels in (cpu, reference))
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype) == (shape, dtype)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("kernels", [cpu, reference], ids=["cpu", "reference"])
def test_pair(kernels: object) -> None:
    x, dy = np.random.default_rng(0).normal(size=(2, 33, 5))
    y, m = kernels.dropout.forward(x, key(2), 0.2)
    assert set(np.unique(m)) == {0, 1.25}
    assert np.array_equal(y, x * m)
    assert np.array_equal(kernels.dropout.backward(dy, m), dy * m)


def test_share_and_independence() -> None:
    first, second = (cpu.dropout.mask(key(seed), 0.3, (1000, 1000), np.float64) for seed in (3, 4))
    N = first.size
    for m in (first, second):
        assert abs((m == 0).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / N)
        assert abs(m.mean() - 1) < 4 * np.sqrt(0.3 / 0.7 / N)
        for axis in (0, 1):  # neighbours know nothing of each other
            beside = np.corrcoef(m.ravel(), np.roll(m, 1, axis).ravel())[0, 1]
            assert abs(beside) < 5 / np.sqrt(N)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 5 / np.sqrt(N)
