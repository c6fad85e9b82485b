"""Max pooling on the GPU: the equation, and its number, are those of reference/max_pooling1d.py; see pooling.cu."""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.gpu import device

BLOCK = 256


@dataclass(frozen=True)
class MaxPooling1DCache:
    winner: Array  # (B, T_out, D): the j of (1)
    T: int
    k: int
    stride: int


def forward(x: Array, k: int, stride: int) -> tuple[Array, MaxPooling1DCache]:
    B, T, D = x.shape
    T_out = (T - k) // stride + 1
    y, winner = device.empty((B, T_out, D), x.dtype), device.empty((B, T_out, D), np.int32)
    device.launch(
        "pooling.cu", "max_pooling1d_forward", {"REAL": device.real_of(x.dtype)}, -(-y.size // BLOCK), BLOCK,
        x, y, winner, B, T, D, T_out, k, stride,
    )  # fmt: skip  # (1)
    return y, MaxPooling1DCache(winner, T, k, stride)


def backward(dy: Array, cache: MaxPooling1DCache) -> Array:
    B, T_out, D = dy.shape
    dx = device.empty((B, cache.T, D), dy.dtype)
    device.launch(
        "pooling.cu", "max_pooling1d_backward", {"REAL": device.real_of(dy.dtype)}, -(-dx.size // BLOCK), BLOCK,
        dy, cache.winner, dx, B, cache.T, D, T_out, cache.k, cache.stride,
    )  # fmt: skip  # (1)
    return dx
