"""Global max pooling in Numba: the equation, and its number, are those of reference/global_max_pooling1d.py."""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.cpu import pool, shards
from scratchnn_kernels.cpu.jit import compiled
from scratchnn_kernels.cpu.launching import launch


@dataclass(frozen=True)
class GlobalMaxPooling1DCache:
    x: Array  # (B, T, D)
    y: Array  # (B, D)


def forward(x: Array) -> tuple[Array, GlobalMaxPooling1DCache]:
    B, _, D = x.shape
    y = np.empty((B, D), x.dtype)
    S, R = shards.shape_of(B)
    launch(_forward_shard, S, x, R, y, work=x.size)
    return y, GlobalMaxPooling1DCache(x, y)


def backward(dy: Array, cache: GlobalMaxPooling1DCache) -> Array:
    dx = pool.empty(cache.x.shape, dy.dtype)
    S, R = shards.shape_of(len(dy))
    launch(_backward_shard, S, dy, cache.x, cache.y, R, dx, work=dx.size)
    return dx


@compiled
def _forward_shard(s, x, R, y):
    for b in range(s * R, min((s + 1) * R, x.shape[0])):
        for d in range(x.shape[2]):
            y[b, d] = x[b, 0, d]
        for t in range(1, x.shape[1]):
            for d in range(x.shape[2]):
                x_t = x[b, t, d]
                y[b, d] = x_t if (x_t > y[b, d]) | (x_t != x_t) else y[b, d]  # (1)


@compiled
def _backward_shard(s, dy, x, y, R, dx):
    number = dx.dtype.type
    zero, one = number(0), number(1)
    share = np.empty(x.shape[2], dx.dtype)
    for b in range(s * R, min((s + 1) * R, x.shape[0])):
        for d in range(x.shape[2]):
            share[d] = zero
        for t in range(x.shape[1]):
            for d in range(x.shape[2]):
                share[d] += one if (x[b, t, d] == y[b, d]) | (x[b, t, d] != x[b, t, d]) else zero
        for d in range(x.shape[2]):
            share[d] = dy[b, d] / share[d]
        for t in range(x.shape[1]):
            for d in range(x.shape[2]):
                is_max = (x[b, t, d] == y[b, d]) | (x[b, t, d] != x[b, t, d])
                dx[b, t, d] = share[d] if is_max else zero  # (1)
