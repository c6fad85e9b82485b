"""Dropout on the GPU: the equation, and its number, are those of reference/dropout.py; see dropout.cu."""

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.gpu import device

BLOCK = 256
NUMBERS = 8  # of one thread


def mask(key: Array, rate: float, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> Array:
    """`key` (2,) lies in the host's memory: two arguments of the launch."""
    dtype = np.dtype(dtype)
    m = device.empty(shape, dtype)
    # A number below 2**24 stands for its 2**-24th, as NumPy's float32: exact on both sides of the comparison.
    least = np.float32(rate) * np.float32(2**24)
    if m.size:
        device.launch(
            "dropout.cu", "dropout_mask", {"REAL": device.real_of(dtype)}, -(-m.size // (NUMBERS * BLOCK)), BLOCK,
            np.uint64(key[0]), np.uint64(key[1]), dtype.type(1 / (1 - rate)), least, m, np.int64(m.size),
        )  # fmt: skip
    return m


def forward(x: Array, key: Array, rate: float) -> tuple[Array, Array]:
    m = mask(key, rate, x.shape, x.dtype)
    return _product(x, m), m  # (1)


def backward(dy: Array, cache: Array) -> Array:
    return _product(dy, cache)  # (1)


def _product(x: Array, m: Array) -> Array:
    y = device.empty(x.shape, x.dtype)
    if y.size:
        defines = {"REAL": device.real_of(x.dtype)}
        device.launch("dropout.cu", "multiply", defines, -(-y.size // BLOCK), BLOCK, x, m, y, np.int64(y.size))
    return y
