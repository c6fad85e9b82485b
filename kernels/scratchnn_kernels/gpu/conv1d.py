"""Conv1D on the GPU: the equations, and their numbers, are those of reference/conv1d.py.

The windows are gathered (conv1d.cu), the products are cuBLAS', through CuPy.
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads
from scratchnn_kernels.gpu import device
from scratchnn_kernels.gpu.activations import number_of

BLOCK = 256


@dataclass(frozen=True)
class Conv1DCache:
    windows: Array  # (B T_out, k D)
    W: Array  # (k, D, F)
    y: Array  # (B, T_out, F)
    x_shape: tuple[int, int, int]
    stride: int
    dilation: int
    defines: device.Defines


def forward(
    x: Array, W: Array, b: Array, stride: int, dilation: int, activation: ElementwiseActivation
) -> tuple[Array, Conv1DCache]:
    B, T, D = x.shape
    k, _, F = W.shape
    T_out = (T - (k - 1) * dilation - 1) // stride + 1
    number = number_of(activation)
    defines = {"REAL": device.real_of(x.dtype), "ACT": number, "REC": number}
    windows = device.empty((B * T_out, k * D), x.dtype)
    _launch("conv1d_windows", defines, windows.size, x, windows, B, T, D, k, T_out, stride, dilation)
    y = windows @ W.reshape(k * D, F)  # (1)
    _launch("conv1d_activate", defines, y.size, b, y, np.int64(y.size), F)  # (1), (2)
    y = y.reshape(B, T_out, F)
    return y, Conv1DCache(windows, W, y, x.shape, stride, dilation, defines)


def backward(dy: Array, cache: Conv1DCache) -> tuple[Array, Grads]:
    (B, T, D), (k, _, F), T_out = cache.x_shape, cache.W.shape, dy.shape[1]
    da = device.empty((B * T_out, F), dy.dtype)
    _launch("conv1d_derivative", cache.defines, da.size, dy, cache.y, da, np.int64(da.size))  # (2)
    dwindows = da @ cache.W.reshape(k * D, F).T  # (1)
    dx = device.empty((B, T, D), dy.dtype)
    _launch("conv1d_fold", cache.defines, dx.size, dwindows, dx, B, T, D, k, T_out, cache.stride, cache.dilation)
    return dx, {"W": (cache.windows.T @ da).reshape(k, D, F), "b": da.sum(axis=0)}  # (1)


def _launch(kernel: str, defines: device.Defines, size: int, *arguments: object) -> None:
    """A thread for each of `size` numbers."""
    device.launch("conv1d.cu", kernel, defines, -(-size // BLOCK), BLOCK, *arguments)
