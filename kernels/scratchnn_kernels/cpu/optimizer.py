"""The update rules in Numba: each is one pass over the vectors, where NumPy takes a pass for every operation.

The equations, and their numbers, are those of reference/optimizer.py. A shard is a block of the vector.
"""

import math
from collections.abc import Sequence

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.cpu import arrays
from scratchnn_kernels.cpu.jit import compiled
from scratchnn_kernels.cpu.launching import launch
from scratchnn_kernels.cpu.shards import or_empty

BLOCK = 16384  # numbers of one shard
LANES = 8  # independent running sums: each addition to a single one would wait for the one before


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


def join(parts: Sequence[Array], g: Array) -> None:
    arrays.join(parts, g)


def _shards(w: Array) -> int:
    return -(-w.size // BLOCK)


@compiled
def _sgd_shard(s, w, g, m, rate, momentum, nesterov):
    number = w.dtype.type
    rate, momentum = number(rate), number(momentum)
    block = slice(s * BLOCK, (s + 1) * BLOCK)
    if m.size == 0:
        _step_against(g[block], rate, w[block])
    else:
        _add_velocity(g[block], rate, momentum, nesterov, m[block], w[block])


@compiled
def _rmsprop_shard(s, w, g, v, m, a, rate, rho, momentum, epsilon):
    number = w.dtype.type
    rest = number(1 - rho)
    rate, rho, momentum, epsilon = number(rate), number(rho), number(momentum), number(epsilon)
    block = slice(s * BLOCK, (s + 1) * BLOCK)
    w, g, v = w[block], g[block], v[block]
    _average_square(g, rho, rest, v)
    if a.size == 0 and m.size == 0:
        _step_scaled(g, v, rate, epsilon, w)
    else:
        _step_centered(g, v, a[block], m[block], rate, rho, rest, momentum, epsilon, w)


@compiled
def _adam_shard(s, w, g, m, v, alpha, share_1, share_2, epsilon):
    number = w.dtype.type
    block = slice(s * BLOCK, (s + 1) * BLOCK)
    _move_towards(g[block], number(share_1), m[block])
    _move_towards_square(g[block], number(share_2), v[block])
    _step_adam(m[block], v[block], number(alpha), number(epsilon), w[block])


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


# Each of these becomes vector code because it goes through whole, separate arrays from 0 on. (A loop that starts at
# s * BLOCK stays one number at a time, since Numba then has to look for negative indices: 29 us instead of 4 for a
# block of Adam.)


@compiled
def _step_against(g, rate, w):
    for n in range(w.size):
        w[n] -= rate * g[n]


@compiled
def _add_velocity(g, rate, momentum, nesterov, m, w):
    if nesterov:
        for n in range(w.size):
            step = rate * g[n]
            m[n] = momentum * m[n] - step  # (1)
            w[n] += momentum * m[n] - step  # (2)
    else:
        for n in range(w.size):
            m[n] = momentum * m[n] - rate * g[n]  # (1)
            w[n] += m[n]  # (2)


@compiled
def _average_square(g, rho, rest, v):
    for n in range(v.size):
        square = rest * g[n] * g[n]
        v[n] = rho * v[n] + square  # (1)


@compiled
def _step_scaled(g, v, rate, epsilon, w):
    for n in range(w.size):
        w[n] -= rate * g[n] / math.sqrt(v[n] + epsilon)  # (3), (5)


@compiled
def _step_centered(g, v, a, m, rate, rho, rest, momentum, epsilon, w):
    zero = w.dtype.type(0)
    for n in range(w.size):
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
def _move_towards(g, share, m):
    for n in range(m.size):
        m[n] += share * (g[n] - m[n])  # (1)


@compiled
def _move_towards_square(g, share, v):
    for n in range(v.size):
        v[n] += share * (g[n] * g[n] - v[n])  # (2)


@compiled
def _step_adam(m, v, alpha, epsilon, w):
    for n in range(w.size):
        w[n] -= alpha * m[n] / (math.sqrt(v[n]) + epsilon)  # (4)
