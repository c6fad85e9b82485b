"""Losses of numbers: how far y is from the targets t; e = y - t.

At a kink, where there is no derivative, the gradient is the one that Keras on TensorFlow takes: 0 where e = 0, and that
of y itself where y is at the edge of a range that it is clipped to.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float, Shaped

from scratchnn.core.attributes import heeds_keras
from scratchnn.losses.base import EPSILON, Loss
from scratchnn.losses.targets import check_rows


@heeds_keras
@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """(1) values = e²."""

    reduction: str | None = "sum_over_batch_size"
    name: str = "mean_squared_error"
    dtype: Any = None

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return np.square(y - target)  # (1)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return 2 * (y - target)  # (1)


@heeds_keras
@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """(1) values = |e|."""

    reduction: str | None = "sum_over_batch_size"
    name: str = "mean_absolute_error"
    dtype: Any = None

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return np.abs(y - target)  # (1)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return _sign(y - target)  # (1)


@heeds_keras
@dataclass(frozen=True)
class MeanAbsolutePercentageError(Loss):
    """(1) values = 100 |e| / max(|t|, ε): a target of 0 makes an error huge."""

    reduction: str | None = "sum_over_batch_size"
    name: str = "mean_absolute_percentage_error"
    dtype: Any = None

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return 100 * np.abs(y - target) / np.maximum(np.abs(target), EPSILON)  # (1)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return 100 * _sign(y - target) / np.maximum(np.abs(target), EPSILON)  # (1)


@heeds_keras
@dataclass(frozen=True)
class MeanSquaredLogarithmicError(Loss):
    """(1) values = (log(1 + max(y, ε)) - log(1 + max(t, ε)))²: no gradient where y is negative."""

    reduction: str | None = "sum_over_batch_size"
    name: str = "mean_squared_logarithmic_error"
    dtype: Any = None

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return np.square(_difference_of_logs(y, target))  # (1)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        slope = 2 * _difference_of_logs(y, target) / (1 + np.maximum(y, EPSILON))
        return np.where(y >= y.dtype.type(EPSILON), slope, 0)  # (1)


def _sign(e: Array) -> Array:
    return np.where(e > 0, 1, np.where(e < 0, -1, 0)).astype(e.dtype)


def _difference_of_logs(y: Array, target: Array) -> Array:
    return np.log(np.maximum(y, EPSILON) + 1) - np.log(np.maximum(target, EPSILON) + 1)


@heeds_keras
@dataclass(frozen=True)
class Huber(Loss):
    """(1) values = e²/2 where |e| <= δ, and δ |e| - δ²/2 elsewhere."""

    delta: float | int = 1.0
    reduction: str | None = "sum_over_batch_size"
    name: str = "huber_loss"
    dtype: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.delta > 0:
            raise ValueError(f"delta must be a number above 0, got {self.delta!r}")

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        size = np.abs(y - target)
        return np.where(size <= self.delta, np.square(size) / 2, self.delta * size - self.delta**2 / 2)  # (1)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return np.clip(y - target, -self.delta, self.delta)  # (1)


@heeds_keras
@dataclass(frozen=True)
class LogCosh(Loss):
    """(1) values = log cosh e, which is e²/2 for a small error and |e| - log 2 for a large one."""

    reduction: str | None = "sum_over_batch_size"
    name: str = "log_cosh"
    dtype: Any = None

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        size = np.abs(y - target)
        return size + np.log1p(np.exp(-2 * size)) - np.log(2).astype(y.dtype)  # (1), where exp cannot overflow

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return np.tanh(y - target)  # (1)


@heeds_keras
@dataclass(frozen=True)
class CosineSimilarity(Loss):
    """The cosine of the angle between the rows of y and of t, negative, so that less is nearer.

    (1) n = max(|y|, ε),   u = y / n
    (2) values = -Σ u t / max(|t|, ε), one for each row
    """

    axis: int = -1
    reduction: str | None = "sum_over_batch_size"
    name: str = "cosine_similarity"
    dtype: Any = None

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        check_rows(self.name, target, y_shape)
        return super().validate(y_shape, target, dtype)

    def values(self, y: Float[Array, "*rows D"], target: Float[Array, "*rows D"]) -> Float[Array, "*rows"]:
        return -(y / _length(y) * (target / _length(target))).sum(axis=-1)  # (1), (2)

    def gradient(self, y: Float[Array, "*rows D"], target: Float[Array, "*rows D"]) -> Float[Array, "*rows D"]:
        n = _length(y)
        u = y / n
        du = -target / _length(target)  # (2)
        along = (du * u).sum(axis=-1, keepdims=True) * (n > y.dtype.type(EPSILON))  # n does not depend on y elsewhere
        return (du - along * u) / n  # (1)


def _length(rows: Array) -> Array:
    return np.maximum(np.sqrt(np.square(rows).sum(axis=-1, keepdims=True)), EPSILON)
