"""The update rules on the GPU: one launch each, in place. See reference/optimizer.py, and optimizer.cu."""

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.gpu import device

BLOCK = 256


def sgd(w: Array, g: Array, m: Array | None, rate: float, momentum: float, nesterov: bool) -> None:
    number = w.dtype.type
    _launch("sgd", w, g, m, number(rate), number(momentum), int(nesterov))


def rmsprop(
    w: Array,
    g: Array,
    v: Array,
    m: Array | None,
    a: Array | None,
    rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
) -> None:
    number = w.dtype.type
    _launch("rmsprop", w, g, v, m, a, number(rate), number(rho), number(1 - rho), number(momentum), number(epsilon))


def adam(w: Array, g: Array, m: Array, v: Array, alpha: float, beta_1: float, beta_2: float, epsilon: float) -> None:
    number = w.dtype.type
    _launch("adam", w, g, m, v, number(alpha), number(1 - beta_1), number(1 - beta_2), number(epsilon))


def squared_norm(g: Array) -> float:
    """Waits for the device: the sum is needed by the host."""
    sums, square = g, 1
    while square or sums.size > 1:
        blocks = device.empty((-(-sums.size // BLOCK),), np.float64)
        device.launch(
            "optimizer.cu", "sum_of_squares", _defines(sums, square), len(blocks), BLOCK,
            sums, blocks, np.int64(sums.size),
        )  # fmt: skip
        sums, square = blocks, 0
    return sums[0]


def _launch(rule: str, w: Array, *arguments: object) -> None:
    device.launch("optimizer.cu", rule, _defines(w, 1), -(-w.size // BLOCK), BLOCK, w, *arguments, np.int64(w.size))


def _defines(numbers: Array, square: int) -> device.Defines:
    word = device.real_of(numbers.dtype)
    return {"REAL": word, "NUMBER": word, "SQUARE": square, "BLOCK": BLOCK}
