"""Embedding in Numba: the equation, and its number, are those of reference/embedding.py.

Forward: a shard is a block of the batch. Backward: a shard is a block of the vocabulary, and goes through all ids in
order, adding those of its block; so each row of the gradient is summed by one thread, always in the same order, without
atomics, and the number of shards is a matter of speed only.

Rows are short. Their loops go in steps of WIDTH, a constant: LLVM makes one vector operation of an inner loop whose
length it knows, and adds a slow start and end to one of unknown length (half the time at D = 16).
"""

from dataclasses import dataclass

from scratchnn_kernels.contract import Array, Grads
from scratchnn_kernels.cpu import pool, shards
from scratchnn_kernels.cpu.jit import compiled
from scratchnn_kernels.cpu.launching import WORTH_SHARING, launch

WIDTH = 16


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
    dE = pool.empty((cache.V, dy.shape[-1]), dy.dtype)
    # Each shard reads all ids, which costs little compared with adding rows.
    S = 1 if dy.size < WORTH_SHARING / 10 else 2 if dy.size < WORTH_SHARING else 4
    launch(_backward_shard, S, cache.x, dy, S, dE, work=dy.size)
    return {"E": dE}


@compiled
def _forward_shard(s, x, E, R, y):
    D = E.shape[1]
    whole = D // WIDTH * WIDTH
    for b in range(s * R, min((s + 1) * R, x.shape[0])):
        for t in range(x.shape[1]):
            row = x[b, t]
            for d in range(0, whole, WIDTH):
                for j in range(WIDTH):
                    y[b, t, d + j] = E[row, d + j]  # (1)
            for d in range(whole, D):
                y[b, t, d] = E[row, d]


@compiled
def _backward_shard(s, x, dy, S, dE):
    V, D = dE.shape
    low, high = s * V // S, (s + 1) * V // S
    whole = D // WIDTH * WIDTH
    zero = dE.dtype.type(0)
    for row in range(low, high):
        for d in range(D):
            dE[row, d] = zero
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            row = x[b, t]
            if low <= row < high:
                for d in range(0, whole, WIDTH):
                    for j in range(WIDTH):
                        dE[row, d + j] += dy[b, t, d + j]  # (1)
                for d in range(whole, D):
                    dE[row, d] += dy[b, t, d]
