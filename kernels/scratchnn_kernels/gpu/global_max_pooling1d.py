"""Global max pooling on the GPU: the equation, and its number, are those of reference/global_max_pooling1d.py; see
pooling.cu."""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.gpu import device

BLOCK = 256


@dataclass(frozen=True)
class GlobalMaxPooling1DCache:
    x: Array  # (B, T, D)
    y: Array  # (B, D)
    equals: Array  # (B, D): how many steps are as large


def forward(x: Array) -> tuple[Array, GlobalMaxPooling1DCache]:
    B, T, D = x.shape
    y, equals = device.empty((B, D), x.dtype), device.empty((B, D), np.int32)
    device.launch(
        "pooling.cu", "global_max_pooling1d_forward", {"REAL": device.real_of(x.dtype)}, -(-y.size // BLOCK), BLOCK,
        x, y, equals, B, T, D,
    )  # fmt: skip  # (1)
    return y, GlobalMaxPooling1DCache(x, y, equals)


def backward(dy: Array, cache: GlobalMaxPooling1DCache) -> Array:
    B, T, D = cache.x.shape
    dx = device.empty((B, T, D), dy.dtype)
    device.launch(
        "pooling.cu", "global_max_pooling1d_backward", {"REAL": device.real_of(dy.dtype)}, -(-dx.size // BLOCK), BLOCK,
        dy, cache.y, cache.equals, cache.x, dx, B, T, D,
    )  # fmt: skip  # (1)
    return dx
