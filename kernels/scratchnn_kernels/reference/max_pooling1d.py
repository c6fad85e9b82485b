"""Max pooling: the largest of neighbouring time steps, for each feature.

    (1)  y[:, p] = max over j of  x[:, p stride + j]        p = 0 ... T'-1,  j = 0 ... k-1

All of the gradient goes to the step that was the largest, the first one among equals. A NaN counts as
the largest: it would disappear here otherwise, and its cause would stay unknown.
Shapes: x (B, T, D) already padded, y (B, T', D), T' = (T - k) // stride + 1.
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float, Int


@dataclass(frozen=True)
class MaxPooling1DCache:
    winner: Int[Array, "B T_out D"]  # the j of (1)
    T: int
    k: int
    stride: int


def forward(x: Float[Array, "B T D"], k: int, stride: int) -> tuple[Float[Array, "B T_out D"], MaxPooling1DCache]:
    T = x.shape[1]
    T_out = (T - k) // stride + 1
    y = x[:, seen_by_place(0, T_out, stride)].copy()
    winner = np.zeros(y.shape, np.int32)
    for j in range(1, k):
        x_j = x[:, seen_by_place(j, T_out, stride)]
        wins = (x_j > y) | np.isnan(x_j)
        winner = np.where(wins, np.int32(j), winner)
        y = np.where(wins, x_j, y)  # (1)
    return y, MaxPooling1DCache(winner, T, k, stride)


def backward(dy: Float[Array, "B T_out D"], cache: MaxPooling1DCache) -> Float[Array, "B T D"]:
    B, T_out, D = dy.shape
    dx = np.zeros((B, cache.T, D), dy.dtype)
    for j in range(cache.k):
        dx[:, seen_by_place(j, T_out, cache.stride)] += np.where(cache.winner == j, dy, 0)  # (1)
    return dx


def seen_by_place(j: int, T_out: int, stride: int) -> slice:
    """The time steps of x at place j of the windows p = 0 ... T_out - 1."""
    return slice(j, j + (T_out - 1) * stride + 1, stride)
