"""Conv1D on the GPU: the equations, and their numbers, are those of reference/conv1d.py.

The windows are gathered (conv1d.cu), the products are cuBLAS', through CuPy; bias and activation are pointwise.cu.
"""

from dataclasses import dataclass

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads
from scratchnn_kernels.gpu import device, pointwise, projection

BLOCK = 256


@dataclass(frozen=True)
class Conv1DCache:
    windows: Array  # (B T_out, k D)
    W: Array  # (k, D, F)
    y: Array  # (B, T_out, F)
    x_shape: tuple[int, int, int]
    stride: int
    dilation: int
    activation: ElementwiseActivation


def forward(
    x: Array, W: Array, b: Array, stride: int, dilation: int, activation: ElementwiseActivation
) -> tuple[Array, Conv1DCache]:
    B, T, D = x.shape
    k, _, F = W.shape
    T_out = (T - (k - 1) * dilation - 1) // stride + 1
    windows = device.empty((B * T_out, k * D), x.dtype)
    _launch("conv1d_windows", windows, x, windows, B, T, D, k, T_out, stride, dilation)
    y = windows @ W.reshape(k * D, F)  # (1)
    pointwise.activate(y, b, activation)  # (1), (2)
    y = y.reshape(B, T_out, F)
    return y, Conv1DCache(windows, W, y, x.shape, stride, dilation, activation)


def backward(dy: Array, cache: Conv1DCache) -> tuple[Array, Grads]:
    (B, T, D), (k, _, F), T_out = cache.x_shape, cache.W.shape, dy.shape[1]
    da = pointwise.derivative(dy, cache.y, cache.activation).reshape(B * T_out, F)  # (2)
    dwindows = da @ cache.W.reshape(k * D, F).T  # (1)
    dx = device.empty((B, T, D), dy.dtype)
    _launch("conv1d_fold", dx, dwindows, dx, B, T, D, k, T_out, cache.stride, cache.dilation)
    return dx, {"W": (cache.windows.T @ da).reshape(k, D, F), "b": projection.backward_b(da)}  # (1)


def _launch(kernel: str, written: Array, *arguments: object) -> None:
    """A thread for each number that is written."""
    defines = {"REAL": device.real_of(written.dtype)}
    device.launch("conv1d.cu", kernel, defines, -(-written.size // BLOCK), BLOCK, *arguments)
