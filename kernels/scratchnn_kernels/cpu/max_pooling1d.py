"""Max pooling in Numba: the equation, and its number, are those of reference/max_pooling1d.py."""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.cpu import pool, shards
from scratchnn_kernels.cpu.jit import compiled, launch
from scratchnn_kernels.cpu.vectors import copy, fill


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
            copy(x[b, p * stride], y[b, p])
            fill(0, winner[b, p])
            for j in range(1, k):
                _keep_larger(x[b, p * stride + j], j, y[b, p], winner[b, p])  # (1)


@compiled
def _backward_shard(s, dy, winner, k, stride, R, dx):
    for b in range(s * R, min((s + 1) * R, dy.shape[0])):
        fill(0, dx[b].ravel())
        for p in range(dy.shape[1]):
            for j in range(k):
                _add_where_won(dy[b, p], winner[b, p], j, dx[b, p * stride + j])  # (1)


@compiled
def _keep_larger(x, j, y, winner):
    for d in range(y.size):
        larger = x[d] > y[d]
        y[d] = x[d] if larger else y[d]
        winner[d] = np.int32(j) if larger else winner[d]


@compiled
def _add_where_won(dy, winner, j, dx):
    zero = dx.dtype.type(0)
    for d in range(dx.size):
        dx[d] += dy[d] if winner[d] == j else zero
