"""Losses of distributions: of probabilities from others, and of counts from their expected number.

A value at the edge of the range that it is clipped to has the gradient of one inside, as in Keras on TensorFlow.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float, Shaped

from scratchnn.core.attributes import heeds_keras
from scratchnn.losses.base import EPSILON, Loss
from scratchnn.losses.targets import as_probabilities, check_rows


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
        check_rows(self.name, target, y_shape)
        return as_probabilities(self.name, target, y_shape, dtype)

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
