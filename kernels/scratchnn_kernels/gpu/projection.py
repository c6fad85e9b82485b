"""a = (x ⊙ m) W with matrix products of the device: reference/projection.py says what it means.

The products are cuBLAS', through CuPy, in full float32 (CuPy uses TF32 only if asked to).
"""

from scratchnn_kernels.contract import Array
from scratchnn_kernels.gpu import device


def forward(x: Array, W: Array, dropout: Array | None) -> Array:
    """x (..., B, D), W (D, G), dropout (K, B, D) -> (..., B, G)"""
    if dropout is None:
        return (_rows(x) @ W).reshape(*x.shape[:-1], W.shape[1])
    a = device.empty((*x.shape[:-1], W.shape[1]), x.dtype)
    for k, block in _column_blocks(W, dropout):
        a[..., block] = forward(x * dropout[k], W[:, block], None)
    return a


def backward_x(da: Array, W: Array, dropout: Array | None) -> Array:
    """Return dx."""
    if dropout is None:
        return forward(da, W.T, None)
    parts = [dropout[k] * forward(da[..., block], W[:, block].T, None) for k, block in _column_blocks(W, dropout)]
    dx = parts[0]
    for part in parts[1:]:
        dx += part
    return dx


def backward_W(da: Array, x: Array, dropout: Array | None) -> Array:
    """Return dW: the outer products of every row of every time step, summed in one product."""
    if dropout is None:
        return _rows(x).T @ _rows(da)
    dW = device.empty((x.shape[-1], da.shape[-1]), x.dtype)
    for k, block in _column_blocks(dW, dropout):
        dW[:, block] = _rows(x * dropout[k]).T @ _rows(da[..., block])
    return dW


def backward_b(da: Array) -> Array:
    """Return db: the sum over every row of every time step.

    As a product with ones, since CuPy sums leading axes in a handful of blocks: on an H100 that took 12 ms of the
    13.7 ms of an LSTM both ways (32 units, B = 1,024, T = 500), and this takes 0.1 ms.
    """
    rows = _rows(da)
    return (device.xp().ones((1, len(rows)), da.dtype) @ rows).reshape(-1)


def _column_blocks(columns: Array, dropout: Array) -> list[tuple[int, slice]]:
    """Mask k of K serves the k-th of K equal blocks of the columns."""
    width = columns.shape[-1] // len(dropout)
    return [(k, slice(k * width, (k + 1) * width)) for k in range(len(dropout))]


def _rows(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])
