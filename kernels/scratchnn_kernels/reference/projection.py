"""a = (x ⊙ m) W: a product with packed gate columns, where x may be dropped out, by one mask or by one per gate.

The walk through time uses it twice: for x with Wx and for h with Wh. Mask k of K serves the k-th of K equal
blocks of the columns of W: all columns (K = 1), or one gate each.
"""

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

Dropout = Float[Array, "K B D"] | None


def forward(x: Float[Array, "*T B D"], W: Float[Array, "D G"], dropout: Dropout) -> Float[Array, "*T B G"]:
    if dropout is None:
        return x @ W
    blocks = zip(dropout, _column_blocks(W, dropout), strict=True)
    return np.concatenate([(x * m) @ Wk for m, Wk in blocks], axis=-1)


def backward_x(da: Float[Array, "*T B G"], W: Float[Array, "D G"], dropout: Dropout) -> Float[Array, "*T B D"]:
    """Return dx."""
    if dropout is None:
        return da @ W.T
    blocks = zip(dropout, _column_blocks(W, dropout), _column_blocks(da, dropout), strict=True)
    return np.sum([(dak @ Wk.T) * m for m, Wk, dak in blocks], axis=0)


def backward_W(
    da: Float[Array, "*T B G"], x: Float[Array, "*T B D"], dropout: Float[Array, "K B D"] | None
) -> Float[Array, "D G"]:
    """Return dW: the outer products of every row of every time step, summed in one product."""
    if dropout is None:
        return _rows(x).T @ _rows(da)
    blocks = zip(dropout, _column_blocks(da, dropout), strict=True)
    return np.concatenate([_rows(x * m).T @ _rows(dak) for m, dak in blocks], axis=-1)


def _column_blocks(columns: Float[Array, "... G"], dropout: Float[Array, "K ..."]) -> list[Array]:
    return np.split(columns, len(dropout), axis=-1)


def _rows(x: Float[Array, "*T B D"]) -> Float[Array, "TB D"]:
    return x.reshape(int(np.prod(x.shape[:-1])), x.shape[-1])  # -1 does not tell how many rows of no columns there are
