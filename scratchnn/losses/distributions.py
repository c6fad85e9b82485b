"""Losses of distributions: of probabilities from others, and of counts from their expected number.

A value at the edge of the range that it is clipped to has the gradient of one inside, as in Keras on TensorFlow.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array

from scratchnn.core.attributes import heeds_keras
from scratchnn.losses.base import Loss
from scratchnn.losses.targets import check_range, finite, in_rows_of_y

EPSILON = 1e-7  # keras.config.epsilon()


@heeds_keras
@dataclass(frozen=True)
class KLDivergence(Loss):
    """The Kullback-Leibler divergence of rows of probabilities y from t.

    (1) p = min(max(y, ε), 1),   s = min(max(t, ε), 1)
    (2) values = Σ s log(s / p), one for each row
    """

    accuracy: ClassVar[str | None] = "categorical_accuracy"
    reduction: str | None = "sum_over_batch_size"
    name: str = "kl_divergence"
    dtype: Any = None

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        target = in_rows_of_y(self.name, finite(self.name, target), y_shape)
        check_range(self.name, target)
        return target.astype(dtype)

    def values(self, y: Float[Array, "*rows D"], target: Float[Array, "*rows D"]) -> Float[Array, "*rows"]:
        s = np.clip(target, EPSILON, 1)
        return (s * np.log(s / np.clip(y, EPSILON, 1))).sum(axis=-1)  # (1), (2)

    def gradient(self, y: Float[Array, "*rows D"], target: Float[Array, "*rows D"]) -> Float[Array, "*rows D"]:
        p = np.clip(y, EPSILON, 1)
        return np.where(p == y, -np.clip(target, EPSILON, 1) / p, 0)  # (1), (2)


@heeds_keras
@dataclass(frozen=True)
class Poisson(Loss):
    """The surprise at a count t when y is the expected number, up to what does not depend on y.

    (1) values = y - t log(y + ε)
    """

    reduction: str | None = "sum_over_batch_size"
    name: str = "poisson"
    dtype: Any = None

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return y - target * np.log(y + EPSILON)  # (1)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return 1 - target / (y + EPSILON)  # (1)
