"""The update rules of the optimizers, on one vector w of all parameters, in place.

g is the gradient; m, v and a are slots of the same size, which start at zero. Numbers of the equations as in
scratchnn/optimizers/rules.py, where their sources are.
"""

from collections.abc import Sequence

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

Vector = Float[Array, " P"]


def sgd(w: Vector, g: Vector, m: Vector | None, rate: float, momentum: float, nesterov: bool) -> None:
    """`m` is None without momentum."""
    if m is None:
        w -= rate * g
        return
    m[:] = momentum * m - rate * g  # (1)
    w += momentum * m - rate * g if nesterov else m  # (2)


def rmsprop(
    w: Vector,
    g: Vector,
    v: Vector,
    m: Vector | None,
    a: Vector | None,
    rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
) -> None:
    """`m` is None without momentum, `a` unless centered."""
    v[:] = rho * v + (1 - rho) * g * g  # (1)
    variance = v
    if a is not None:
        a[:] = rho * a + (1 - rho) * g  # (2)
        variance = np.maximum(v - a * a, 0)  # only rounding can take it below 0, and from there its root to NaN
    step = rate * g / np.sqrt(variance + epsilon)  # (3)
    if m is not None:
        m[:] = momentum * m + step  # (4)
        step = m
    w -= step  # (5)


def adam(
    w: Vector, g: Vector, m: Vector, v: Vector, alpha: float, beta_1: float, beta_2: float, epsilon: float
) -> None:
    """`alpha` is (3), which depends on the number of the step."""
    m += (1 - beta_1) * (g - m)  # (1)
    v += (1 - beta_2) * (g * g - v)  # (2)
    w -= alpha * m / (np.sqrt(v) + epsilon)  # (4)


def squared_norm(g: Vector) -> float:
    """The sum of squares, in float64: float32 would overflow at 1e19."""
    return float(np.square(g, dtype=np.float64).sum())


def join(parts: Sequence[Float[Array, " _"]], g: Vector) -> None:
    """Lay the parts, one after the other, into g: the gradients of all parameters."""
    np.concatenate(parts, out=g)
