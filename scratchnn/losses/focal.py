"""Focal cross-entropies: what is right already counts less.

Source: Lin et al., "Focal Loss for Dense Object Detection", 2017.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array
from scratchnn_kernels.reference import binary_crossentropy
from scratchnn_kernels.shapes import Float, Shaped

from scratchnn import activations
from scratchnn.core.attributes import heeds_keras
from scratchnn.losses.base import EPSILON, Loss
from scratchnn.losses.crossentropies import smooth
from scratchnn.losses.targets import as_distributions, as_probabilities


@heeds_keras
@dataclass(frozen=True)
class BinaryFocalCrossentropy(Loss):
    """BinaryCrossentropy, weighted by how wrong y is.

    (1) y is sigmoid(y) when `from_logits`
    (2) r = t y + (1 - t)(1 - y), the probability of what is right
    (3) balance = t α + (1 - t)(1 - α) with `apply_class_balancing`, else 1
    (4) values = balance (1 - r)^γ × binary cross-entropy of y and t
    """

    joins = "sigmoid"
    accuracy: ClassVar[str | None] = "binary_accuracy"
    apply_class_balancing: bool = False
    alpha: float | int = 0.25
    gamma: float | int = 2.0
    from_logits: bool = False
    label_smoothing: float | int = 0.0
    axis: int = -1
    reduction: str | None = "sum_over_batch_size"
    name: str = "binary_focal_crossentropy"
    dtype: Any = None

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        return as_probabilities(self.name, target, y_shape, dtype)

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        t = smooth(target, self.label_smoothing, 2)
        _, wrong, balance = self._parts(y, t)
        return balance * wrong**self.gamma * binary_crossentropy.surprise(y, t, self.from_logits)  # (4)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        t = smooth(target, self.label_smoothing, 2)
        p, wrong, balance = self._parts(y, t)
        surprise = binary_crossentropy.surprise(y, t, self.from_logits)
        dwrong = -(2 * t - 1)  # (2)
        if self.from_logits:
            dwrong = dwrong * p * (1 - p)  # (1)
        factor = _power_slope(wrong, self.gamma) * dwrong
        slope = binary_crossentropy.slope(y, t, self.from_logits)
        return balance * (factor * surprise + wrong**self.gamma * slope)  # (4)

    def _parts(self, y: Array, t: Array) -> tuple[Array, Array, Any]:
        p = activations.get("sigmoid")(y) if self.from_logits else y  # (1)
        wrong = 1 - (t * p + (1 - t) * (1 - p))  # (2)
        balance = t * self.alpha + (1 - t) * (1 - self.alpha) if self.apply_class_balancing else 1  # (3)
        return p, wrong, balance


@heeds_keras
@dataclass(frozen=True)
class CategoricalFocalCrossentropy(Loss):
    """CategoricalCrossentropy, each class weighted by how improbable y finds it.

    (1) y is softmax(y) when `from_logits`
    (2) q = y / Σ y
    (3) p = min(max(q, ε), 1 - ε)
    (4) values = -Σ α (1 - p)^γ t log p, one for each row

    As in Keras, it goes through the softmax of a model's last layer as it is: one number α serves all classes.
    """

    accuracy: ClassVar[str | None] = "categorical_accuracy"
    alpha: Any = 0.25
    gamma: float | int = 2.0
    from_logits: bool = False
    label_smoothing: float | int = 0.0
    axis: int = -1
    reduction: str | None = "sum_over_batch_size"
    name: str = "categorical_focal_crossentropy"
    dtype: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.alpha, int | float):
            raise ValueError(
                f"alpha must be one number for all classes, got {self.alpha!r}: weigh classes by class_weight"
            )

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        return as_distributions(self.name, target, y_shape, dtype)

    def values(self, y: Float[Array, "*rows C"], target: Float[Array, "*rows C"]) -> Float[Array, "*rows"]:
        t = smooth(target, self.label_smoothing, y.shape[-1])
        _, _, p = self._probabilities(y)
        return -(self.alpha * (1 - p) ** self.gamma * t * np.log(p)).sum(axis=-1)  # (4)

    def gradient(self, y: Float[Array, "*rows C"], target: Float[Array, "*rows C"]) -> Float[Array, "*rows C"]:
        t = smooth(target, self.label_smoothing, y.shape[-1])
        y, q, p = self._probabilities(y)
        dp = self.alpha * t * (_power_slope(1 - p, self.gamma) * np.log(p) - (1 - p) ** self.gamma / p)  # (4)
        dq = np.where(p == q, dp, 0)  # (3)
        dy = (dq - (dq * q).sum(axis=-1, keepdims=True)) / y.sum(axis=-1, keepdims=True)  # (2)
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True)) if self.from_logits else dy  # (1)

    def _probabilities(self, y: Array) -> tuple[Array, Array, Array]:
        y = activations.get("softmax")(y) if self.from_logits else y  # (1)
        q = y / y.sum(axis=-1, keepdims=True)  # (2)
        return y, q, np.clip(q, EPSILON, 1 - EPSILON)  # (3)


def _power_slope(base: Array, exponent: float) -> Any:
    """The derivative of a power with respect to its base; 0 for a constant, where 0 ** -1 would be infinite."""
    return exponent * base ** (exponent - 1) if exponent else 0
