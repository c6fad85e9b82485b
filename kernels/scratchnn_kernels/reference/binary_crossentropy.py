"""Binary cross-entropy: the surprise at labels t when y is the probability of a 1; t may itself be a probability.

    (1)  p = min(max(y, ε), 1 - ε), or sigmoid(y) when `from_logits`
    (2)  L = mean of -(t log p + (1 - t) log(1 - p))

ε is 1e-7, as in Keras. Where p was clipped its gradient is 0, because p no longer depends on y.
Shapes: y and t (`target`) of one shape, L a number.
Source: Good, "Rational Decisions", Journal of the Royal Statistical Society B 14(1), 1952.
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

EPSILON = 1e-7  # keras.config.epsilon()


@dataclass(frozen=True)
class BinaryCrossentropyCache:
    y: Float[Array, "*shape"]
    target: Float[Array, "*shape"]
    from_logits: bool


def forward(
    y: Float[Array, "*shape"], target: Float[Array, "*shape"], from_logits: bool
) -> tuple[float, BinaryCrossentropyCache]:
    total = surprise(y, target, from_logits).sum(dtype=np.float64)  # (1), (2)
    return float(total) / y.size, BinaryCrossentropyCache(y, target, from_logits)


def backward(cache: BinaryCrossentropyCache) -> Float[Array, "*shape"]:
    return slope(cache.y, cache.target, cache.from_logits) / cache.y.size  # (1), (2)


def surprise(y: Float[Array, "*shape"], target: Float[Array, "*shape"], from_logits: bool) -> Float[Array, "*shape"]:
    """The surprise at each label."""
    t = target
    if from_logits:
        # (1, 2) together: -log sigmoid(y) = log(1 + exp(-y)), written so that exp cannot overflow.
        return np.maximum(y, 0) - t * y + np.log1p(np.exp(-np.abs(y)))
    p = _inside(y)  # (1)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))  # (2)


def slope(y: Float[Array, "*shape"], target: Float[Array, "*shape"], from_logits: bool) -> Float[Array, "*shape"]:
    """The derivative of each surprise with respect to its y."""
    if from_logits:
        return _sigmoid(y) - target  # (1), (2) together
    p = _inside(y)  # (1)
    dp = (p - target) / (p * (1 - p))  # (2)
    return np.where(p == y, dp, 0)  # (1)


def _inside(y: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """(1); np.clip takes twice as long for a batch of 32."""
    return np.minimum(np.maximum(y, y.dtype.type(EPSILON)), y.dtype.type(1 - EPSILON))


def _sigmoid(y: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    e = np.exp(-np.abs(y))  # of -|y| only: it cannot overflow
    return np.where(y >= 0, 1, e) / (1 + e)
