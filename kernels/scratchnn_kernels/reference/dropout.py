"""Dropout: set numbers to zero at random and scale up the others, so that the expected sum stays the same.

    (1)  y = x ⊙ m,   m = 0 with probability `rate`, else 1 / (1 - rate)

The random numbers come from a counter-based generator: number n is a function of `key` and n alone, so the masks can
be drawn in any order and by any number of threads, and every backend draws the same.

Sources: Srivastava et al., "Dropout", JMLR 15, 2014; Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as
1, 2, 3", SC 2011.
"""

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float, UInt64


def mask(
    key: UInt64[Array, "2"], rate: float, shape: tuple[int, ...], dtype: np.typing.DTypeLike
) -> Float[Array, "..."]:
    dtype = np.dtype(dtype)
    uniform = np.random.Generator(np.random.Philox(key=key)).random(shape, dtype=np.float32)
    return (uniform >= np.float32(rate)).astype(dtype) * dtype.type(1 / (1 - rate))


def forward(
    x: Float[Array, "*shape"], key: UInt64[Array, "2"], rate: float
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    m = mask(key, rate, x.shape, x.dtype)
    return x * m, m  # (1)


def backward(dy: Float[Array, "*shape"], cache: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return dy * cache  # (1)
