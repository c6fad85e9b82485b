"""Dense in Numba: the equations, and their numbers, are those of reference/dense.py.

Two things set it apart from BLAS: the bits of a row do not depend on the other rows, and a layer of few outputs is fast
too. The last layer of a classifier has one. There the long side of the matrices is D, so W is transposed into a few
long rows.

The activation runs as array code, so softmax and the user's own work here as well.
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads
from scratchnn_kernels.cpu import pool
from scratchnn_kernels.cpu.gemm import gemm
from scratchnn_kernels.cpu.jit import compiled, compiled_sum
from scratchnn_kernels.cpu.launching import WORTH_SHARING, launch
from scratchnn_kernels.cpu.recording import contiguous, made
from scratchnn_kernels.cpu.shards import add_column_sums, copy_to_rows
from scratchnn_kernels.cpu.vectors import fill

FEW = 8  # outputs; fewer leave most of a vector register empty
SHARDS = 8  # at most: each keeps a gradient of W of its own


@dataclass(frozen=True)
class DenseCache:
    x: Array  # (N, D)
    W: Array  # (D, H)
    y: Array  # (N, H)
    activation: ElementwiseActivation


def forward(x: Array, W: Array, b: Array, activation: ElementwiseActivation) -> tuple[Array, DenseCache]:
    N, H = len(x), W.shape[1]
    a = pool.empty((N, H), x.dtype)
    S, R = _shape_of(x, H)
    if H < FEW:
        launch(_forward_few_shard, S, x, contiguous(W.T), b, R, a)
    else:
        launch(_forward_shard, S, x, W, b, R, a)
    y = made(activation.forward, a)  # (2)
    return y, DenseCache(x, W, y, activation)


def backward(dy: Array, cache: DenseCache) -> tuple[Array, Grads]:
    x, W = cache.x, cache.W
    da = cache.activation.backward(dy, cache.y)  # (2)
    D, H = W.shape
    S, R = _shape_of(x, H)
    dx = pool.empty(x.shape, x.dtype)
    dW = pool.zeros((S, H, D) if H < FEW else (S, D, H), x.dtype)
    db = np.zeros((S, H), x.dtype)
    launch(_backward_shard, S, da, np.ascontiguousarray(W.T), x, R, H < FEW, dx, dW, db)
    # The shards' gradients are added in the order of the shards.
    dW, db = (dW[0], db[0]) if S == 1 else (dW.sum(axis=0), db.sum(axis=0))
    return dx, {"W": dW.T if H < FEW else dW, "b": db}


def _shape_of(x: Array, H: int) -> tuple[int, int]:
    """The number of shards and the rows of each. They follow from the sizes alone."""
    N, D = x.shape
    S = 1 if N * max(D, H) < WORTH_SHARING else min(SHARDS, N)
    return S, -(-N // S)


@compiled
def _forward_shard(s, x, W, b, R, a):
    rows = slice(s * R, (s + 1) * R)
    copy_to_rows(b, a[rows])
    gemm(a[rows], x[rows], W)  # (1)


@compiled
def _forward_few_shard(s, x, WT, b, R, a):
    for n in range(s * R, min((s + 1) * R, x.shape[0])):
        for h in range(WT.shape[0]):
            a[n, h] = b[h] + _dot(x[n], WT[h])  # (1)


@compiled_sum
def _dot(u, v):
    total = u.dtype.type(0)
    for n in range(u.size):
        total += u[n] * v[n]
    return total


@compiled
def _backward_shard(s, da, WT, x, R, few, dx, dW, db):
    rows = slice(s * R, (s + 1) * R)
    fill(0, dx[rows].ravel())
    gemm(dx[rows], da[rows], WT)  # (1)
    if few:
        gemm(dW[s], da[rows].T, x[rows])  # (1): here the gradient of W transposed
    else:
        gemm(dW[s], x[rows].T, da[rows])  # (1)
    add_column_sums(da[rows], db[s])
