"""Binary cross-entropy on the GPU: the equations, and their numbers, are those of reference/binary_crossentropy.py; see
binary_crossentropy.cu."""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.gpu import device

BLOCK = 256


@dataclass(frozen=True)
class BinaryCrossentropyCache:
    y: Array
    target: Array
    from_logits: bool


def forward(y: Array, target: Array, from_logits: bool) -> tuple[Array, BinaryCrossentropyCache]:
    loss = device.empty((), np.float64)
    _launch("binary_crossentropy_forward", 1, y, target, loss, from_logits)  # (1), (2)
    return loss, BinaryCrossentropyCache(y, target, from_logits)


def backward(cache: BinaryCrossentropyCache) -> Array:
    y = cache.y
    dy = device.empty(y.shape, y.dtype)
    _launch("binary_crossentropy_backward", -(-y.size // BLOCK), y, cache.target, dy, cache.from_logits)  # (1), (2)
    return dy


def _launch(kernel: str, blocks: int, y: Array, target: Array, out: Array, from_logits: bool) -> None:
    defines = {"REAL": device.real_of(y.dtype), "BLOCK": BLOCK}
    device.launch(
        "binary_crossentropy.cu", kernel, defines, blocks, BLOCK, y, target, out, int(from_logits), np.int64(y.size)
    )
