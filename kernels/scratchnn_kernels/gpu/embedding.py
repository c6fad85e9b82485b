"""Embedding on the GPU: the equation, and its number, are those of reference/embedding.py; see embedding.cu."""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, Grads
from scratchnn_kernels.gpu import device

BLOCK, WARP = 256, 32
# A block of the backward kernel: 32 warps, since words are frequent or rare, and one block has to add all rows of a
# frequent one; and as many ids as leave the sums of its warps in 32 KiB of shared memory. Timed on an H100, on ids as
# in text (B = 128, T = 500): 112 us, where 8 warps took 308 and 8 warps that load one row at a time 593.
WARPS = 32
IDS = {4: 8, 8: 4}  # for each size of a number, in bytes


@dataclass(frozen=True)
class EmbeddingCache:
    x: Array  # (B, T)
    V: int


def forward(x: Array, E: Array) -> tuple[Array, EmbeddingCache]:
    V, D = E.shape
    y = device.empty((*x.shape, D), E.dtype)
    defines = _defines(x, E.dtype)
    device.launch(
        "embedding.cu", "embedding_forward", defines, -(-y.size // BLOCK), BLOCK, x, E, y, x.size, V, D
    )  # (1)
    return y, EmbeddingCache(x, V)


def backward(dy: Array, cache: EmbeddingCache) -> Grads:
    x, V, D = cache.x, cache.V, dy.shape[-1]
    dE = device.empty((V, D), dy.dtype)
    defines = _defines(x, dy.dtype)
    grid = -(-V // int(defines["IDS"])), -(-D // WARP)
    device.launch("embedding.cu", "embedding_backward", defines, grid, WARPS * WARP, x, dy, dE, x.size, V, D)
    return {"E": dE}


def _defines(x: Array, dtype: np.typing.DTypeLike) -> device.Defines:
    ids = IDS[np.dtype(dtype).itemsize]
    return {"REAL": device.real_of(dtype), "ID": f"id_{x.dtype}", "WARPS": WARPS, "IDS": ids}
