"""Hinges: y is a score, and a target says on which side of 0 it should be, by 1 at least.

Labels are -1 or 1; a batch of labels 0 and 1 alone is taken for these, as in Keras. At the corner the gradient is that
of the side with a loss, as in Keras on TensorFlow.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float, Shaped

from scratchnn.core.attributes import heeds_keras
from scratchnn.losses.base import Loss
from scratchnn.losses.targets import in_rows


@heeds_keras
@dataclass(frozen=True)
class Hinge(Loss):
    """(1) values = max(1 - t y, 0)."""

    reduction: str | None = "sum_over_batch_size"
    name: str = "hinge"
    dtype: Any = None

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return np.maximum(1 - _sides(target) * y, 0)  # (1)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        t = _sides(target)
        return np.where(1 - t * y >= 0, -t, 0)  # (1)


@heeds_keras
@dataclass(frozen=True)
class SquaredHinge(Loss):
    """(1) values = max(1 - t y, 0)²."""

    reduction: str | None = "sum_over_batch_size"
    name: str = "squared_hinge"
    dtype: Any = None

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return np.square(np.maximum(1 - _sides(target) * y, 0))  # (1)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        t = _sides(target)
        return -2 * t * np.maximum(1 - t * y, 0)  # (1)


def _sides(target: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    is_binary = (target * (target - 1) == 0).all()
    return target + is_binary * (target - 1)  # 2t - 1, without asking a device which it is


@heeds_keras
@dataclass(frozen=True)
class CategoricalHinge(Loss):
    """By how much the score of the right class falls short of the best other score plus 1; t is one-hot.

    (1) right = Σ t y,   other = max (1 - t) y
    (2) values = max(other - right + 1, 0), one for each row
    """

    accuracy: ClassVar[str | None] = "categorical_accuracy"
    reduction: str | None = "sum_over_batch_size"
    name: str = "categorical_hinge"
    dtype: Any = None

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        return in_rows(self.name, target, y_shape).astype(dtype)

    def values(self, y: Float[Array, "*rows C"], target: Float[Array, "*rows C"]) -> Float[Array, "*rows"]:
        right, others = (target * y).sum(axis=-1), (1 - target) * y
        return np.maximum(others.max(axis=-1) - right + 1, 0)  # (1), (2)

    def gradient(self, y: Float[Array, "*rows C"], target: Float[Array, "*rows C"]) -> Float[Array, "*rows C"]:
        others = (1 - target) * y
        is_best = others == others.max(axis=-1, keepdims=True)
        best = is_best.astype(y.dtype) / is_best.sum(axis=-1, keepdims=True).astype(y.dtype)  # equal ones share it
        loses = others.max(axis=-1) - (target * y).sum(axis=-1) + 1 >= 0  # (2)
        return ((1 - target) * best - target) * loses[..., np.newaxis]  # (1)
