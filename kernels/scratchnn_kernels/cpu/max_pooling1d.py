"""Max pooling in Numba: the equation, and its number, are those of reference/max_pooling1d.py.

The innermost loops run over the features, which are neighbours in memory, and index whole arrays: a view of each short
run (x[b, t], as a call to vectors.py would need) costs more than the run itself: the passes took 4 and 7 times
as long.
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.cpu import pool, shards
from scratchnn_kernels.cpu.jit import compiled
from scratchnn_kernels.cpu.launching import launch
from scratchnn_kernels.cpu.vectors import fill


@dataclass(frozen=True)
class MaxPooling1DCache:
    winner: Array  # (B, T', D)
    T: int
    k: int
    stride: int


def forward(x: Array, k: int, stride: int) -> tuple[Array, MaxPooling1DCache]:
    B, T, D = x.shape
    y = pool.empty((B, (T - k) // stride + 1, D), x.dtype)
    winner = pool.empty(y.shape, np.int32)
    S, R = shards.shape_of(B)
    launch(_forward_shard, S, x, k, stride, R, y, winner, work=x.size)
    return y, MaxPooling1DCache(winner, T, k, stride)


def backward(dy: Array, cache: MaxPooling1DCache) -> Array:
    B, _, D = dy.shape
    dx = pool.empty((B, cache.T, D), dy.dtype)
    S, R = shards.shape_of(B)
    launch(_backward_shard, S, dy, cache.winner, cache.k, cache.stride, R, dx, work=dx.size)
    return dx


@compiled
def _forward_shard(s, x, k, stride, R, y, winner):
    for b in range(s * R, min((s + 1) * R, y.shape[0])):
        for p in range(y.shape[1]):
            for d in range(y.shape[2]):
                y[b, p, d] = x[b, p * stride, d]
                winner[b, p, d] = 0
            for j in range(1, k):
                for d in range(y.shape[2]):
                    x_j = x[b, p * stride + j, d]
                    wins = (x_j > y[b, p, d]) | (x_j != x_j)
                    y[b, p, d] = x_j if wins else y[b, p, d]  # (1)
                    winner[b, p, d] = np.int32(j) if wins else winner[b, p, d]


@compiled
def _backward_shard(s, dy, winner, k, stride, R, dx):
    zero = dx.dtype.type(0)
    for b in range(s * R, min((s + 1) * R, dy.shape[0])):
        fill(zero, dx[b].ravel())
        for p in range(dy.shape[1]):
            # Looking up the winner's place would save the loop over j, but it would not become vector code.
            for j in range(k):
                for d in range(dy.shape[2]):
                    dx[b, p * stride + j, d] += dy[b, p, d] if winner[b, p, d] == j else zero  # (1)
