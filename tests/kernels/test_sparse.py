"""The products that skip zeros: the same as those that do not, and chosen by a row's own numbers."""

import numpy as np
import pytest
from scratchnn_kernels import cpu
from scratchnn_kernels.cpu.gemm import VECTOR_BYTES
from scratchnn_kernels.cpu.sparse import FILTERS_AT_ONCE, WIDTHS, add_products, is_sparse, list_nonzeros

from scratchnn import activations

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


def mostly_zeros(shape: tuple[int, ...], dtype: type, share: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.where(rng.random(shape) < share, rng.normal(size=shape), 0).astype(dtype)


@DTYPES
def test_nonzeros_are_listed_in_order_and_nan_is_one_of_them(dtype: type) -> None:
    da = mostly_zeros((7, 33), dtype)
    da[2], da[3, 5], da[6, 32] = 0, np.nan, -1
    filters, starts = np.empty(da.size + FILTERS_AT_ONCE, np.int32), np.empty(8, np.intp)
    assert list_nonzeros(da, filters, starts) == np.count_nonzero(da) == starts[7]
    for p in range(7):
        assert filters[starts[p] : starts[p + 1]].tolist() == np.flatnonzero(da[p]).tolist()
    assert 5 in filters[starts[3] : starts[4]]
    assert is_sparse(da.ravel()) and not is_sparse(np.ones(5, dtype)) and is_sparse(np.zeros(5, dtype))


@DTYPES
def test_every_width_of_rows_gives_the_products(dtype: type) -> None:
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    rng, da = np.random.default_rng(1), mostly_zeros((6, 5), dtype)
    filters, starts = np.empty(30 + FILTERS_AT_ONCE, np.int32), np.empty(7, np.intp)
    list_nonzeros(da, filters, starts)
    for N in (1, *(v * lanes + rest for v in range(1, 2 * WIDTHS[0] + 1) for rest in (0, 3))):
        x, W, dx, dW = (rng.normal(size=(rows, N)).astype(dtype) for rows in (6, 5, 6, 5))
        expected_dx, expected_dW = dx + da.astype(float) @ W, dW + da.T.astype(float) @ x
        add_products(da, filters, starts, x, W, dx, dW)
        np.testing.assert_allclose(dx, expected_dx, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(dW, expected_dW, rtol=1e-5, atol=1e-5)


def test_a_row_of_zeros_takes_its_own_way_whatever_its_neighbours_are() -> None:
    rng = np.random.default_rng(2)
    x, W = rng.normal(size=(33, 9, 5)).astype(np.float32), rng.normal(size=(3, 5, 17)).astype(np.float32)
    b, dy = np.zeros(17, np.float32), rng.normal(size=(33, 7, 17)).astype(np.float32)
    dy[::2] = mostly_zeros((17, 7, 17), np.float32, 0.1)

    def dx_of(rows: slice) -> np.ndarray:
        _, cache = cpu.conv1d.forward(x[rows], W, b, 1, 1, activations.get("tanh"))
        return cpu.conv1d.backward(dy[rows], cache)[0].copy()

    whole = dx_of(slice(33))
    for first in range(31):
        part = slice(first, first + 3)
        assert dx_of(part).tobytes() == whole[part].tobytes()
