"""Embedding on the GPU: the equation, and its number, are those of reference/embedding.py; see embedding.cu."""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, Grads
from scratchnn_kernels.gpu import device

BLOCK = 256


@dataclass(frozen=True)
class EmbeddingCache:
    x: Array  # (B, T)
    V: int


def forward(x: Array, E: Array) -> tuple[Array, EmbeddingCache]:
    V, D = E.shape
    y = device.empty((*x.shape, D), E.dtype)
    device.launch(
        "embedding.cu", "embedding_forward", _defines(x, E.dtype, D), -(-x.size * D // BLOCK), BLOCK, x, E, y, x.size, D
    )  # (1)
    return y, EmbeddingCache(x, V)


def backward(dy: Array, cache: EmbeddingCache) -> Grads:
    xp, D = device.xp(), dy.shape[-1]
    ids = cache.x.reshape(-1).astype(np.int64)
    order = xp.argsort(ids, kind="stable")
    first = xp.searchsorted(ids[order], xp.arange(cache.V + 1))
    dE = device.empty((cache.V, D), dy.dtype)
    defines = _defines(cache.x, dy.dtype, D)
    device.launch(
        "embedding.cu", "embedding_backward", defines, (cache.V, -(-D // int(defines["COLUMNS"]))), BLOCK,
        dy, order, first, dE, D,
    )  # fmt: skip  # (1)
    return {"E": dE}


def _defines(x: Array, dtype: np.typing.DTypeLike, D: int) -> device.Defines:
    """COLUMNS: the power of two from D on, but at most the numbers that one warp reads together."""
    columns = min(1 << (D - 1).bit_length(), 32)
    return {
        "REAL": device.real_of(dtype),
        "ID": f"id_{x.dtype}",
        "COLUMNS": columns,
        "GROUPS": BLOCK // columns,
    }
