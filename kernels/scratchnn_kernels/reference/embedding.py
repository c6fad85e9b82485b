"""Embedding: a table with one row per id.

    (1)  y[b, t] = E[x[b, t]]

Its gradient is dense, with the rows of repeated ids summed, as clipping and Adam need it.
Shapes: x (B, T) ids in 0 ... V-1, E (V, D), y (B, T, D).
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, Grads
from scratchnn_kernels.shapes import Float, Integer


@dataclass(frozen=True)
class EmbeddingCache:
    x: Integer[Array, "B T"]
    V: int


def forward(x: Integer[Array, "B T"], E: Float[Array, "V D"]) -> tuple[Float[Array, "B T D"], EmbeddingCache]:
    return E[x], EmbeddingCache(x, len(E))  # (1)


def backward(dy: Float[Array, "B T D"], cache: EmbeddingCache) -> Grads:
    dE = np.zeros((cache.V, dy.shape[-1]), dtype=dy.dtype)
    np.add.at(dE, cache.x, dy)  # (1): unlike dE[x] += dy, this adds once for every occurrence of an id
    return {"E": dE}
