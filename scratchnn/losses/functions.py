"""Losses as functions, in Keras' order of arguments: one number for each row of y_pred, the mean over its last axis.

`compile(loss=losses.huber)` means the same as `loss="huber"`. They are for arrays and lists: a loss that is trained
with is an object, which knows its gradient.
"""

from collections.abc import Callable
from typing import Any

from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn.losses.base import Loss, outputs, rows_of
from scratchnn.losses.crossentropies import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from scratchnn.losses.distributions import KLDivergence, Poisson
from scratchnn.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from scratchnn.losses.hinges import CategoricalHinge, Hinge, SquaredHinge
from scratchnn.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
)

Rows = Float[Array, "*rows"]


def _rows(loss: Loss, y_true: Any, y_pred: Any) -> Rows:
    y = outputs(y_pred)
    target = loss.validate(y.shape, y_true, y.dtype)
    values, mask = rows_of(loss.values(y, target), y), loss.mask_of(target)
    return values if mask is None else values * mask


def mean_squared_error(y_true: Any, y_pred: Any) -> Rows:
    return _rows(MeanSquaredError(), y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Rows:
    return _rows(MeanAbsoluteError(), y_true, y_pred)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Rows:
    return _rows(MeanAbsolutePercentageError(), y_true, y_pred)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Rows:
    return _rows(MeanSquaredLogarithmicError(), y_true, y_pred)


def huber(y_true: Any, y_pred: Any, delta: float | int = 1.0) -> Rows:
    return _rows(Huber(delta), y_true, y_pred)


def log_cosh(y_true: Any, y_pred: Any) -> Rows:
    return _rows(LogCosh(), y_true, y_pred)


def cosine_similarity(y_true: Any, y_pred: Any, axis: Any = -1) -> Rows:
    return _rows(CosineSimilarity(axis), y_true, y_pred)


def hinge(y_true: Any, y_pred: Any) -> Rows:
    return _rows(Hinge(), y_true, y_pred)


def squared_hinge(y_true: Any, y_pred: Any) -> Rows:
    return _rows(SquaredHinge(), y_true, y_pred)


def categorical_hinge(y_true: Any, y_pred: Any) -> Rows:
    return _rows(CategoricalHinge(), y_true, y_pred)


def kl_divergence(y_true: Any, y_pred: Any) -> Rows:
    return _rows(KLDivergence(), y_true, y_pred)


def poisson(y_true: Any, y_pred: Any) -> Rows:
    return _rows(Poisson(), y_true, y_pred)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float | int = 0.0, axis: Any = -1
) -> Rows:
    return _rows(BinaryCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float | int = 0.0, axis: Any = -1
) -> Rows:
    return _rows(CategoricalCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: Any = None, axis: Any = -1
) -> Rows:
    return _rows(SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis), y_true, y_pred)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float | int = 0.25,
    gamma: float | int = 2.0,
    from_logits: bool = False,
    label_smoothing: float | int = 0.0,
    axis: Any = -1,
) -> Rows:
    loss = BinaryFocalCrossentropy(apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis)
    return _rows(loss, y_true, y_pred)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float | int = 2.0,
    from_logits: bool = False,
    label_smoothing: float | int = 0.0,
    axis: Any = -1,
) -> Rows:
    loss = CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing, axis)
    return _rows(loss, y_true, y_pred)


FUNCTIONS: dict[Callable[..., Any], Callable[..., Loss]] = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    huber: Huber,
    log_cosh: LogCosh,
    cosine_similarity: CosineSimilarity,
    hinge: Hinge,
    squared_hinge: SquaredHinge,
    categorical_hinge: CategoricalHinge,
    kl_divergence: KLDivergence,
    poisson: Poisson,
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
}
