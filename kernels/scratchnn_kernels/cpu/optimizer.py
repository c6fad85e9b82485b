"""The update rules in Numba: each is one pass over the vectors, where NumPy takes a pass for every operation.

The equations, and their numbers, are those of reference/optimizer.py. A shard is a block of the vector.
"""

import math

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.cpu.jit import compiled, launch
from scratchnn_kernels.cpu.shards import or_empty

BLOCK = 16384  # numbers of one shard
LANES = 8  # running sums side by side: a single one would wait for itself at every number


def sgd(w: Array, g: Array, m: Array | None, rate: float, momentum: float, nesterov: bool) -> None:
    launch(_sgd_shard, _shards(w), w, g, or_empty(m, 1, w.dtype), rate, momentum, nesterov, work=w.size)


def rmsprop(
    w: Array,
    g: Array,
    v: Array,
    m: Array | None,
    a: Array | None,
    rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
) -> None:
    m, a = or_empty(m, 1, w.dtype), or_empty(a, 1, w.dtype)
    launch(_rmsprop_shard, _shards(w), w, g, v, m, a, rate, rho, momentum, epsilon, work=w.size)


def adam(w: Array, g: Array, m: Array, v: Array, alpha: float, beta_1: float, beta_2: float, epsilon: float) -> None:
    launch(_adam_shard, _shards(w), w, g, m, v, alpha, 1 - beta_1, 1 - beta_2, epsilon, work=w.size)


def squared_norm(g: Array) -> float:
    sums = np.zeros((_shards(g), LANES))
    launch(_squared_norm_shard, len(sums), g, sums, work=g.size)
    return float(sums.sum())  # in a fixed order: by block, then by lane


def _shards(w: Array) -> int:
    return -(-w.size // BLOCK)


@compiled
def _sgd_shard(s, w, g, m, rate, momentum, nesterov):
    rate, momentum = w.dtype.type(rate), w.dtype.type(momentum)
    low, high = s * BLOCK, min((s + 1) * BLOCK, w.size)
    if m.size == 0:
        for n in range(low, high):
            w[n] -= rate * g[n]
    else:
        for n in range(low, high):
            step = rate * g[n]
            m[n] = momentum * m[n] - step  # (1)
            w[n] += momentum * m[n] - step if nesterov else m[n]  # (2)


@compiled
def _rmsprop_shard(s, w, g, v, m, a, rate, rho, momentum, epsilon):
    number = w.dtype.type
    rest, zero = number(1 - rho), number(0)
    rate, rho, momentum, epsilon = number(rate), number(rho), number(momentum), number(epsilon)
    low, high = s * BLOCK, min((s + 1) * BLOCK, w.size)
    for n in range(low, high):
        square = rest * g[n] * g[n]
        v[n] = rho * v[n] + square  # (1)
    if a.size == 0 and m.size == 0:
        for n in range(low, high):
            w[n] -= rate * g[n] / math.sqrt(v[n] + epsilon)  # (3), (5)
        return
    for n in range(low, high):
        variance = v[n]
        if a.size != 0:
            part = rest * g[n]
            a[n] = rho * a[n] + part  # (2)
            variance = max(v[n] - a[n] * a[n], zero)
        step = rate * g[n] / math.sqrt(variance + epsilon)  # (3)
        if m.size != 0:
            m[n] = momentum * m[n] + step  # (4)
            step = m[n]
        w[n] -= step  # (5)


@compiled
def _adam_shard(s, w, g, m, v, alpha, share_1, share_2, epsilon):
    number = w.dtype.type
    alpha, share_1, share_2, epsilon = number(alpha), number(share_1), number(share_2), number(epsilon)
    for n in range(s * BLOCK, min((s + 1) * BLOCK, w.size)):
        m[n] += share_1 * (g[n] - m[n])  # (1)
        v[n] += share_2 * (g[n] * g[n] - v[n])  # (2)
        w[n] -= alpha * m[n] / (math.sqrt(v[n]) + epsilon)  # (4)


@compiled
def _squared_norm_shard(s, g, sums):
    low, high = s * BLOCK, min((s + 1) * BLOCK, g.size)
    whole = low + (high - low) // LANES * LANES
    for n in range(low, whole, LANES):
        for lane in range(LANES):
            number = np.float64(g[n + lane])
            sums[s, lane] += number * number
    for n in range(whole, high):
        number = np.float64(g[n])
        sums[s, n - whole] += number * number
