"""Conv1D in Numba: the equations, and their numbers, are those of reference/conv1d.py.

No window is ever copied. In a row of x, which is (T, D) and contiguous, so are the k * D numbers of a window when
dilation is 1: the windows are the rows of a matrix whose rows overlap, stride * D apart, and gemm takes such a
matrix. With a wider dilation each tap is a group of its own. One parallel region per pass, a shard of the batch per
thread at a time.

In the backward pass most of da is zero behind max pooling and relu; such reviews take the products of sparse.py, which
skip the zeros. Whether a review does depends on its own numbers only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads
from scratchnn_kernels.cpu import arrays, pool, shards
from scratchnn_kernels.cpu.activations import activate, number_of, times_derivative
from scratchnn_kernels.cpu.gemm import gemm
from scratchnn_kernels.cpu.jit import compiled
from scratchnn_kernels.cpu.launching import launch
from scratchnn_kernels.cpu.shards import add_column_sums, copy_to_rows
from scratchnn_kernels.cpu.sparse import FILTERS_AT_ONCE, add_products, aligned_zeros, is_sparse, list_nonzeros
from scratchnn_kernels.cpu.vectors import copy, fill


@dataclass(frozen=True)
class Conv1DCache:
    x: Array  # (B, T, D)
    W: Array  # (groups, taps D, F)
    W_shape: tuple[int, ...]  # (k, D, F)
    y: Array  # (B, T', F)
    stride: int
    dilation: int
    activation: int


def forward(
    x: Array, W: Array, b: Array, stride: int, dilation: int, activation: ElementwiseActivation
) -> tuple[Array, Conv1DCache]:
    B, T, D = x.shape
    k, _, F = W.shape
    y = pool.empty((B, (T - (k - 1) * dilation - 1) // stride + 1, F), x.dtype)
    grouped = W.reshape(1, k * D, F) if dilation == 1 else W  # taps that are neighbours in memory make one group
    cache = Conv1DCache(x, grouped, W.shape, y, stride, dilation, number_of(activation))
    S, R = shards.shape_of(B)
    launch(_forward_shard, S, x, grouped, b, stride, dilation, cache.activation, R, y)
    return y, cache


def backward(dy: Array, cache: Conv1DCache) -> tuple[Array, Grads]:
    x, W = cache.x, cache.W
    S, R = shards.shape_of(len(x))
    dx = pool.empty(x.shape, x.dtype)
    dW, db = pool.empty((S, *W.shape), x.dtype), np.empty((S, W.shape[2]), x.dtype)
    launch(_backward_shard, S, x, W, cache.y, dy, cache.stride, cache.dilation, cache.activation, R, dx, dW, db)
    # The shards' gradients are added in the order of the shards.
    return dx, {"W": arrays.sum_of_shards(dW).reshape(cache.W_shape), "b": arrays.sum_of_shards(db)}


@compiled
def _windows(x, groups, width, T_out, stride, dilation):
    """A view (groups, T', width) of x (T, D): the numbers under each group of taps at each place."""
    step, number = x.strides
    return as_strided(x, (groups, T_out, width), (dilation * step, stride * step, number))


@compiled
def _forward_shard(s, x, W, b, stride, dilation, act, R, y):
    for row in range(s * R, min((s + 1) * R, y.shape[0])):
        windows = _windows(x[row], W.shape[0], W.shape[1], y.shape[1], stride, dilation)
        copy_to_rows(b, y[row])
        for group in range(W.shape[0]):
            gemm(y[row], windows[group], W[group])  # (1)
        activate(act, y[row].ravel())  # (2)


@compiled
def _backward_shard(s, x, W, y, dy, stride, dilation, act, R, dx, dW, db):
    """Inside, W and dW have one row per filter, so that rows are as long as windows."""
    groups, width, F = W.shape
    T_out, D = y.shape[1], x.shape[2]
    both = aligned_zeros(W, (2 * groups, F, width))
    W_rows, dW_rows = both[:groups], both[groups:]
    for group in range(groups):
        _transpose(W[group], W_rows[group])
    da = np.empty((T_out, F), y.dtype)
    filters, starts = np.empty(da.size + FILTERS_AT_ONCE, np.int32), np.empty(T_out + 1, np.intp)
    fill(0, db[s])
    for row in range(s * R, min((s + 1) * R, y.shape[0])):
        fill(0, dx[row].ravel())
        copy(dy[row].ravel(), da.ravel())
        times_derivative(act, da.ravel(), y[row].ravel())  # (2)
        add_column_sums(da, db[s])
        x_seen = _windows(x[row], groups, width, T_out, stride, dilation)
        dx_seen = _windows(dx[row], groups, width, T_out, stride, dilation)
        sparse = is_sparse(da.ravel())
        if sparse:
            list_nonzeros(da, filters, starts)
        for group in range(groups):
            if sparse:
                add_products(da, filters, starts, x_seen[group], W_rows[group], dx_seen[group], dW_rows[group])  # (1)
            else:
                gemm(dW_rows[group], da.T, x_seen[group])  # (1)
                # Windows overlap, rows that gemm adds to must not: one tap after the other.
                for first in range(0, width, D):
                    tap = slice(first, first + D)
                    gemm(dx_seen[group][:, tap], da, W_rows[group][:, tap])  # (1)
    for group in range(groups):
        _transpose(dW_rows[group], dW[s, group])


@compiled
def _transpose(source, target):
    for m in range(target.shape[0]):
        for n in range(target.shape[1]):
            target[m, n] = source[n, m]
