"""The matrix product of the cpu kernels, C += A B, against NumPy's."""

import itertools

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from scratchnn_kernels.contract import Array
from scratchnn_kernels.cpu.gemm import K_BLOCK, ROWS, VECTOR_BYTES, gemm

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
SIZES = [1, 2, 3, 7, 16, 17, 33]


def numbers(shape: tuple[int, ...], dtype: type, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


def assert_is_product(C: Array, start: Array, A: Array, B: Array) -> None:
    """To the rounding of a sum of K products, each number against its own sum of absolute values."""
    exact = start + A.astype(np.float64) @ B.astype(np.float64)
    size = np.abs(start) + np.abs(A).astype(np.float64) @ np.abs(B)
    assert (np.abs(C - exact) <= (len(B) + 2) * np.finfo(C.dtype).eps * size).all()


@DTYPES
def test_every_combination_of_odd_sizes(dtype: type) -> None:
    for M, K, N in itertools.product(SIZES, SIZES, SIZES):
        A, B, start = numbers((M, K), dtype, 1), numbers((K, N), dtype, 2), numbers((M, N), dtype, 3)
        C = start.copy()
        gemm(C, A, B)
        assert_is_product(C, start, A, B)
        C = start.copy()
        gemm(C, numbers((K, M), dtype, 4).T, B)
        assert_is_product(C, start, numbers((K, M), dtype, 4).T, B)


@DTYPES
@pytest.mark.parametrize("K", [0, K_BLOCK - 1, K_BLOCK, K_BLOCK + 1, 3 * K_BLOCK + 5])
def test_long_sums_are_taken_in_blocks(K: int, dtype: type) -> None:
    A, B, start = numbers((ROWS + 1, K), dtype, 1), numbers((K, 19), dtype, 2), numbers((ROWS + 1, 19), dtype, 3)
    C = start.copy()
    gemm(C, A, B)
    assert_is_product(C, start, A, B)


@DTYPES
def test_rows_of_a_may_overlap(dtype: type) -> None:
    """As the windows of a convolution do."""
    x = numbers((40,), dtype)
    A = as_strided(x, (9, 15), (3 * x.itemsize, x.itemsize))
    B, C = numbers((15, 17), dtype, 2), np.zeros((9, 17), dtype)
    gemm(C, A, B)
    assert_is_product(C, np.zeros_like(C), A, B)


@DTYPES
def test_nothing_outside_c_is_touched(dtype: type) -> None:
    """C is rows out of the middle of a larger array, with every width of right edge."""
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    for N in range(1, 2 * lanes + 3):
        around = np.full((ROWS + 5, N), np.nan, dtype)
        around[2:-2] = 0
        A, B = numbers((ROWS + 1, 5), dtype, 1), numbers((5, N), dtype, 2)
        gemm(around[2:-2], A, B)
        assert_is_product(around[2:-2], np.zeros((ROWS + 1, N)), A, B)
        assert np.isnan(around[:2]).all() and np.isnan(around[-2:]).all()


@DTYPES
@pytest.mark.parametrize("N", [1, 3, 17, 33])
def test_a_row_gives_the_same_bits_among_any_number_of_rows(N: int, dtype: type) -> None:
    A, B = numbers((33, 300), dtype, 1), numbers((300, N), dtype, 2)
    whole = np.zeros((33, N), dtype)
    gemm(whole, A, B)
    for rows in (1, 7, ROWS, 31):
        for first in (0, 1, 33 - rows):
            part = np.zeros((rows, N), dtype)
            gemm(part, A[first : first + rows], B)
            assert part.tobytes() == whole[first : first + rows].tobytes()


@DTYPES
def test_not_a_number_is_not_lost(dtype: type) -> None:
    A, B = numbers((3, 4), dtype), numbers((4, 17), dtype)
    A[1, 2] = np.nan
    C = np.zeros((3, 17), dtype)
    gemm(C, A, B)
    assert np.isnan(C[1]).all() and np.isfinite(C[[0, 2]]).all()
