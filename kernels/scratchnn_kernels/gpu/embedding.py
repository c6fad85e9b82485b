"""Embedding on the GPU: the equation, and its number, are those of reference/embedding.py; see embedding.cu."""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, Grads
from scratchnn_kernels.gpu import device

BLOCK, WARP = 256, 32


@dataclass(frozen=True)
class EmbeddingCache:
    x: Array  # (B, T)
    V: int


def forward(x: Array, E: Array) -> tuple[Array, EmbeddingCache]:
    V, D = E.shape
    y = device.empty((*x.shape, D), E.dtype)
    _launch("embedding_forward", -(-y.size // BLOCK), x, E.dtype, x, E, y, x.size, V, D)  # (1)
    return y, EmbeddingCache(x, V)


def backward(dy: Array, cache: EmbeddingCache) -> Grads:
    x, V, D = cache.x, cache.V, dy.shape[-1]
    dE = device.empty((V, D), dy.dtype)
    _launch("embedding_backward", (V, -(-D // WARP)), x, dy.dtype, x, dy, dE, x.size, D)  # (1)
    return {"E": dE}


def _launch(kernel: str, grid: int | tuple[int, int], x: Array, dtype: np.typing.DTypeLike, *arguments: object) -> None:
    defines = {"REAL": device.real_of(dtype), "ID": f"id_{x.dtype}", "WARPS": BLOCK // WARP}
    device.launch("embedding.cu", kernel, defines, grid, BLOCK, *arguments)
