"""Conv1D in Numba: the equations, and their numbers, are those of reference/conv1d.py.

No window is ever copied. In a row of x, (T, D) numbers without gaps, the k * D numbers of a window follow one another
when dilation is 1: the windows are the rows of a matrix whose rows overlap, stride * D apart, and gemm takes such a
matrix. With a wider dilation each tap is a product of its own. One parallel region per pass, a shard of the batch per
thread at a time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads
from scratchnn_kernels.cpu import pool, shards
from scratchnn_kernels.cpu.activations import activate, number_of, times_derivative
from scratchnn_kernels.cpu.gemm import gemm
from scratchnn_kernels.cpu.jit import compiled, launch
from scratchnn_kernels.cpu.shards import add_column_sums, copy_to_rows
from scratchnn_kernels.cpu.vectors import copy


@dataclass(frozen=True)
class Conv1DCache:
    x: Array  # (B, T, D)
    W: Array  # (k, D, F)
    y: Array  # (B, T', F)
    stride: int
    dilation: int
    activation: int


def forward(
    x: Array, W: Array, b: Array, stride: int, dilation: int, activation: ElementwiseActivation
) -> tuple[Array, Conv1DCache]:
    B, T, _ = x.shape
    k, _, F = W.shape
    y = pool.empty((B, (T - (k - 1) * dilation - 1) // stride + 1, F), x.dtype)
    cache = Conv1DCache(x, W, y, stride, dilation, number_of(activation))
    windows = _whole_windows(cache)
    S, R = shards.shape_of(B)
    launch(_forward_shard, S, windows, W.reshape(windows.shape[1], -1, F), b, cache.activation, R, y)
    return y, cache


def backward(dy: Array, cache: Conv1DCache) -> tuple[Array, Grads]:
    W, windows = cache.W, _whole_windows(cache)
    k, D, F = W.shape
    S, R = shards.shape_of(len(dy))
    dx = pool.zeros(cache.x.shape, dy.dtype)
    dW = pool.zeros((S, windows.shape[1], windows.shape[3], F), dy.dtype)
    db = np.zeros((S, F), dy.dtype)
    WT = np.ascontiguousarray(W.swapaxes(1, 2))
    seen_by_taps = _windows(dx, k, 1, cache)
    launch(_backward_shard, S, windows, WT, dy, cache.y, cache.activation, R, seen_by_taps, dW, db)
    # The shards' gradients are added in the order of the shards.
    return dx, {"W": dW.sum(axis=0).reshape(k, D, F), "b": db.sum(axis=0)}


def _whole_windows(cache: Conv1DCache) -> Array:
    """(B, 1, T', k D) where the taps of a window are neighbours in memory, else (B, k, T', D)."""
    k = len(cache.W)
    return _windows(cache.x, 1, k, cache) if cache.dilation == 1 else _windows(cache.x, k, 1, cache)


def _windows(x: Array, groups: int, taps: int, cache: Conv1DCache) -> Array:
    """A view (B, groups, T', taps * D) of x (B, T, D): each group of taps apart, the taps of a group side by side."""
    B, _, D = x.shape
    row, step, number = x.strides
    shape = (B, groups, cache.y.shape[1], taps * D)
    return as_strided(x, shape, (row, cache.dilation * step, cache.stride * step, number))


@compiled
def _forward_shard(s, windows, W, b, act, R, y):
    for row in range(s * R, min((s + 1) * R, y.shape[0])):
        copy_to_rows(b, y[row])
        for group in range(W.shape[0]):
            gemm(y[row], windows[row, group], W[group])  # (1)
        activate(act, y[row].ravel())  # (2)


@compiled
def _backward_shard(s, windows, WT, dy, y, act, R, dx_seen_by_taps, dW, db):
    da = np.empty(y.shape[1:], y.dtype)
    for row in range(s * R, min((s + 1) * R, y.shape[0])):
        copy(dy[row].ravel(), da.ravel())
        times_derivative(act, da.ravel(), y[row].ravel())  # (2)
        for group in range(dW.shape[1]):
            gemm(dW[s, group], windows[row, group].T, da)  # (1)
        for tap in range(WT.shape[0]):
            gemm(dx_seen_by_taps[row, tap], da, WT[tap])  # (1)
        add_column_sums(da, db[s])
