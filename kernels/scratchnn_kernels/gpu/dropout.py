"""Dropout on the GPU: the equation, and its number, are those of reference/dropout.py; see dropout.cu."""

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.gpu import device

BLOCK = 256
NUMBERS = 8  # of one thread


def mask(key: Array, rate: float, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> Array:
    """`key` (2,) is in host memory: two arguments of the launch."""
    m = device.empty(shape, dtype)
    _draw(key, rate, m, None, None)
    return m


def forward(x: Array, key: Array, rate: float) -> tuple[Array, Array]:
    m, y = device.empty(x.shape, x.dtype), device.empty(x.shape, x.dtype)
    _draw(key, rate, m, x, y)  # (1)
    return y, m


def backward(dy: Array, cache: Array) -> Array:
    dx = device.empty(dy.shape, dy.dtype)
    if dx.size:
        defines = {"REAL": device.real_of(dy.dtype)}
        device.launch(
            "dropout.cu", "dropout_backward", defines, -(-dx.size // BLOCK), BLOCK, dy, cache, dx, np.int64(dx.size)
        )  # (1)
    return dx


def _draw(key: Array, rate: float, m: Array, x: Array | None, y: Array | None) -> None:
    """Fill m, and y with x ⊙ m."""
    if not m.size:
        return
    # An integer n below 2**24 stands for n * 2**-24, as NumPy draws float32: exact on both sides of the comparison.
    least = np.float32(rate) * np.float32(2**24)
    device.launch(
        "dropout.cu", "dropout_mask", {"REAL": device.real_of(m.dtype)}, -(-m.size // (NUMBERS * BLOCK)), BLOCK,
        np.uint64(key[0]), np.uint64(key[1]), m.dtype.type(1 / (1 - rate)), least, m, x, y, np.int64(m.size),
    )  # fmt: skip
