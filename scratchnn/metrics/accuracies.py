"""Accuracies: which share is right. The functions return one value for each row."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Shaped

from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.checks import whole_number
from scratchnn.metrics.base import aligned, same_shape
from scratchnn.metrics.means import MeanMetric, class_numbers


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float | int = 0.5) -> Shaped[Array, "*rows"]:
    """y > 0.5 counts as 1, otherwise 0; right when that *equals* the target, so never for a soft label such as 0.7.

    Keras: the same, also in that 0.5 is compared with y as it is, even when y holds logits (an even chance is 0 there).
    """
    if getattr(y_true, "shape", None) != getattr(y_pred, "shape", ()):
        y_true, y_pred = aligned(y_true, y_pred)
        same_shape("binary_accuracy", y_true, y_pred)
    right = (y_pred > threshold) == y_true
    return right[..., 0] if right.shape[-1] == 1 else right.sum(axis=-1) / right.shape[-1]


def categorical_accuracy(y_true: Any, y_pred: Any) -> Bool[Array, "*rows"]:
    """Right when the largest element of y is where that of the target row is. Logits work as well."""
    y_true, y_pred = aligned(y_true, y_pred)
    same_shape("categorical_accuracy", y_true, y_pred)
    return y_pred.argmax(axis=-1) == y_true.argmax(axis=-1)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Bool[Array, "*rows"]:
    """Right when the largest element of y is at the class number. Logits work as well."""
    y_true, y_pred = _arrays(y_true, y_pred)
    return y_pred.argmax(axis=-1) == class_numbers(y_true, y_pred)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Bool[Array, "*rows"]:
    """Right when fewer than k elements of y are larger than the one where the target row has its largest."""
    y_true, y_pred = aligned(y_true, y_pred)
    same_shape("top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(y_true.argmax(axis=-1), y_pred, k)


@heeds_keras_in("sparse_top_k_categorical_accuracy")
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Bool[Array, "*rows"]:
    """Right when fewer than k elements of y are larger than the one at the class number."""
    y_true, y_pred = _arrays(y_true, y_pred)
    return _in_top_k(class_numbers(y_true, y_pred).astype(np.int64), y_pred, k)


def accuracy(y_true: Any, y_pred: Any) -> Shaped[Array, "*rows"]:
    """Right where y equals the target."""
    y_true, y_pred = aligned(y_true, y_pred)
    same_shape("accuracy", y_true, y_pred)
    right = y_true == y_pred
    return right if right.ndim == 1 else right.sum(axis=-1) / right.shape[-1]


def _arrays(y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    y_true = y_true if hasattr(y_true, "ndim") else np.asarray(y_true)
    y_pred = y_pred if hasattr(y_pred, "ndim") else np.asarray(y_pred)
    if class_numbers(y_true, y_pred).shape != y_pred.shape[:-1]:
        raise ValueError(
            f"this metric needs a class number for each row of outputs, of shape {tuple(y_pred.shape[:-1])}, got "
            f"targets of shape {tuple(y_true.shape)}"
        )
    return y_true, y_pred


def _in_top_k(number: Array, y_pred: Array, k: int) -> Array:
    right = np.take_along_axis(y_pred, number[..., np.newaxis], axis=-1)
    return (y_pred > right).sum(axis=-1) < k


class _Measured(MeanMetric):
    """The mean of what a function of this module returns, with one setting of it or none."""

    direction = "up"
    function: Callable[..., Any]
    setting: str | None = None

    def __init__(self, name: str | None, dtype: Any, value: Any = None) -> None:
        function, setting = type(self).function, self.setting
        super().__init__(name, function if setting is None else partial(function, **{setting: value}), dtype)
        if setting is not None:
            setattr(self, setting, value)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | ({} if self.setting is None else {self.setting: getattr(self, self.setting)})


class AccuracyByShapes(MeanMetric):
    """What "accuracy" means, by the shapes of targets and outputs, whatever the loss, as in Keras.

    `BinaryAccuracy` of outputs (..., 1); `SparseCategoricalAccuracy` of outputs (..., C) and a class number for each,
    (...) or (..., 1); otherwise `CategoricalAccuracy`.
    """

    direction = "up"

    def __init__(self, name: str) -> None:
        super().__init__(name, accuracy)
        del vars(self)["measure"]  # it is chosen when the first batch comes

    def measure(self, y_true: Any, y_pred: Any) -> Any:  # type: ignore[override]
        chosen = vars(self)["measure"] = accuracy_by_shapes(np.shape(y_true), np.shape(y_pred))
        return chosen(y_true, y_pred)

    def check(self, y_shape: tuple[int, ...], target_shape: tuple[int, ...]) -> None:
        if accuracy_by_shapes(target_shape, y_shape) is not sparse_categorical_accuracy:
            y_true, y_pred = aligned(np.broadcast_to(0, target_shape), np.broadcast_to(0, y_shape))
            same_shape(self.name, y_true, y_pred)


def accuracy_by_shapes(target_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> Callable[..., Any]:
    """The accuracy for targets and outputs of these shapes."""
    if y_shape[-1] == 1:
        return binary_accuracy
    is_sparse = len(target_shape) < len(y_shape) or target_shape[-1] == 1
    return sparse_categorical_accuracy if is_sparse else categorical_accuracy


class Accuracy(_Measured):
    """The share of numbers that equal their targets."""

    function = staticmethod(accuracy)

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class BinaryAccuracy(_Measured):
    """See `binary_accuracy`."""

    function, setting = staticmethod(binary_accuracy), "threshold"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float | int = 0.5) -> None:
        super().__init__(name, dtype, threshold)


class CategoricalAccuracy(_Measured):
    """See `categorical_accuracy`."""

    function = staticmethod(categorical_accuracy)

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class SparseCategoricalAccuracy(_Measured):
    """See `sparse_categorical_accuracy`."""

    function = staticmethod(sparse_categorical_accuracy)

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class TopKCategoricalAccuracy(_Measured):
    """See `top_k_categorical_accuracy`."""

    function, setting = staticmethod(top_k_categorical_accuracy), "k"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype, whole_number("k", k, 1))


class SparseTopKCategoricalAccuracy(_Measured):
    """See `sparse_top_k_categorical_accuracy`."""

    function, setting = staticmethod(sparse_top_k_categorical_accuracy), "k"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: Any = False,
    ) -> None:
        super().__init__(name, dtype, whole_number("k", k, 1))
