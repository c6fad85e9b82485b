"""Embedding in Numba: the equation, and its number, are those of reference/embedding.py.

Forward: a shard is a block of the batch. Backward: a shard is a block of the vocabulary, and goes through all ids in
their order, picking up its own; so each row of the gradient is summed by one thread, always in the same order, without
atomics.
"""

from dataclasses import dataclass

from scratchnn_kernels.contract import Array, Grads
from scratchnn_kernels.cpu import pool, shards
from scratchnn_kernels.cpu.jit import compiled, launch

BACKWARD_SHARDS = 4  # each reads all the ids again, which costs little beside adding rows


@dataclass(frozen=True)
class EmbeddingCache:
    x: Array  # (B, T)
    V: int


def forward(x: Array, E: Array) -> tuple[Array, EmbeddingCache]:
    y = pool.empty((*x.shape, E.shape[1]), E.dtype)
    S, R = shards.shape_of(len(x))
    launch(_forward_shard, S, x, E, R, y, work=y.size)
    return y, EmbeddingCache(x, len(E))


def backward(dy: Array, cache: EmbeddingCache) -> Grads:
    dE = pool.zeros((cache.V, dy.shape[-1]), dy.dtype)
    launch(_backward_shard, BACKWARD_SHARDS, cache.x, dy, dE, work=dy.size)
    return {"E": dE}


@compiled
def _forward_shard(s, x, E, R, y):
    for b in range(s * R, min((s + 1) * R, x.shape[0])):
        for t in range(x.shape[1]):
            for d in range(E.shape[1]):
                y[b, t, d] = E[x[b, t], d]  # (1)


@compiled
def _backward_shard(s, x, dy, dE):
    V = dE.shape[0]
    low, high = s * V // BACKWARD_SHARDS, (s + 1) * V // BACKWARD_SHARDS
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            if low <= x[b, t] < high:
                for d in range(dE.shape[1]):
                    dE[x[b, t], d] += dy[b, t, d]  # (1)
