"""The update rules on the GPU: one launch each, in place; and a norm, which stays on the device.

The equations, and their numbers, are those of reference/optimizer.py; see optimizer.cu.
"""

from collections.abc import Sequence

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.gpu import device

BLOCK = 256
SUMMING = 1024  # threads of a block that sums, and the number of blocks at most
JOINED = 8  # arrays by one launch
ALONE = 2**17  # up to this size one block sums all, which saves a launch (the limit is an estimate)


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


def squared_norm(g: Array) -> Array:
    """An array of shape (): nothing waits for the device."""
    total, defines = device.empty((), np.float64), _defines(g)
    if g.size <= ALONE:
        device.launch("optimizer.cu", "sum_of_squares", defines, 1, SUMMING, g, total, np.int64(g.size))
        return total
    sums = device.empty((min(-(-g.size // SUMMING), SUMMING),), np.float64)
    device.launch("optimizer.cu", "sum_of_squares", defines, sums.size, SUMMING, g, sums, np.int64(g.size))
    device.launch("optimizer.cu", "sum_of_sums", defines, 1, SUMMING, sums, total, sums.size)
    return total


def join(parts: Sequence[Array], g: Array) -> None:
    """Eight parts for each launch, where CuPy's `concatenate` takes a launch for each part."""
    for number in range(0, len(parts), JOINED):
        eight = parts[number : number + JOINED]
        ends = [int(end) for end in np.cumsum([part.size for part in eight])]
        missing = JOINED - len(eight)
        pointers, bounds = [*eight, *[None] * missing], map(np.int64, [*ends, *ends[-1:] * missing])
        if ends[-1]:
            device.launch("optimizer.cu", "join", _defines(g), -(-ends[-1] // BLOCK), BLOCK, g, *pointers, *bounds)
        g = g[ends[-1] :]


def _launch(rule: str, w: Array, *arguments: object) -> None:
    device.launch("optimizer.cu", rule, _defines(w), -(-w.size // BLOCK), BLOCK, w, *arguments, np.int64(w.size))


def _defines(numbers: Array) -> device.Defines:
    return {"REAL": device.real_of(numbers.dtype), "BLOCK": SUMMING}
