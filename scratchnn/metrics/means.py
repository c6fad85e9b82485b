"""Metrics that are means: of one value per example, or per step where there is a class for each step."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float, Shaped

from scratchnn.losses import FUNCTIONS, Loss
from scratchnn.metrics.base import Metric, aligned, as_weight, same_shape

Measure = Callable[..., Any]  # targets and outputs, in this order -> one value per example or step, or one for a batch


class Mean(Metric):
    """The weighted mean of numbers: `update_state(values, sample_weight)`. It measures no model."""

    masked, per_batch = True, False
    in_counts: ClassVar = ("_sums",)

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.reset_state()

    def reset_state(self) -> None:
        super().reset_state()
        self._sums: list[Any] = [0.0, 0.0]  # may be numbers that are still on a device

    @property
    def total(self) -> Any:
        """The sum of the values, by their weights."""
        return self._sums[0]

    @property
    def count(self) -> Any:
        """The sum of the weights."""
        return self._sums[1]

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        values = values if hasattr(values, "ndim") else np.asarray(values, np.float64)
        weight = None if sample_weight is None else as_weight(sample_weight, max(2, values.ndim))
        self._add(
            values, np.broadcast_to(weight, values.shape[:1]) if weight is not None and not weight.ndim else weight
        )

    def _add(self, values: Any, weight: Any = None) -> None:
        sums = self._sums  # in every step: to set an attribute takes ten times as long
        if weight is None:
            # Counting is exact and fast, and most metrics count what is right.
            sums[0] += np.count_nonzero(values) if values.dtype == bool else values.sum(dtype=np.float64)
            sums[1] += values.size
            return
        if weight.shape != values.shape[: weight.ndim]:
            raise ValueError(
                f"the metric {self.name!r} has values of shape {tuple(values.shape)}, which weights or a mask of shape "
                f"{tuple(weight.shape)} cannot weigh: return one value for each example or step"
            )
        weight = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
        sums[0] += (values * weight).sum(dtype=np.float64)
        sums[1] += weight.sum(dtype=np.float64) * (values.size // weight.size)

    def result(self) -> float:
        count = float(self.count)
        return float(self.total) / count if count else 0.0

    def counts(self) -> list[float]:
        return [float(self.total), float(self.count)]

    def load_counts(self, counts: Sequence[float]) -> None:
        self._sums = list(counts)


class MeanMetric(Mean):
    """The weighted mean of what `measure(y_true, y_pred)` returns, one value for each example or step.

    A measure of your own may return one number for a batch instead; then the metric is the mean over batches, which is
    not the one over examples, and cannot be weighted.
    """

    def __init__(self, name: str | None, measure: Measure, dtype: Any = None, direction: str | None = None) -> None:
        super().__init__(name, dtype)
        self.measure = measure
        if direction is not None:
            self.direction = direction
        function = measure.func if isinstance(measure, partial) else measure
        self.per_batch = not getattr(function, "__module__", "").startswith("scratchnn.")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        values = self.measure(y_true, y_pred)
        if not hasattr(values, "sum"):  # no array: a number, or a tensor of another framework
            values = self._one_number(values)
        if values.ndim and len(values) != len(y_pred):
            raise TypeError(
                f"the metric {self.name!r} must return one value for each of {len(y_pred)} examples, or one number, "
                f"got an array of shape {values.shape}"
            )
        self._add(values, None if sample_weight is None else as_weight(sample_weight, np.ndim(y_pred)))

    def _one_number(self, value: Any) -> Array:
        if not isinstance(value, float | int):
            raise TypeError(
                f"the metric {self.name!r} must return one value for each example, or one number, got {value!r}"
            )
        return np.array(value, np.float64)


class MeanMetricWrapper(MeanMetric):
    """The weighted mean of what `fn(y_true, y_pred, **kwargs)` returns; see `MeanMetric`."""

    hands_on: ClassVar = True
    kwargs: dict[str, Any]

    def __init__(self, fn: Measure, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        is_loss = isinstance(fn, Loss) or (callable(fn) and fn in FUNCTIONS)
        super().__init__(name, partial(fn, **kwargs) if kwargs else fn, dtype, "down" if is_loss else None)
        self.fn, self.kwargs = fn, kwargs


class RootMeanSquaredError(Mean):
    """The root of the mean squared error of everything counted. As in Keras, padding counts too."""

    masked, direction = False, "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        y_true, y_pred = aligned(y_true, y_pred)
        same_shape(self.name, y_true, y_pred)
        weight = None if sample_weight is None else as_weight(sample_weight, y_pred.ndim)
        self._add(np.square(y_pred - y_true), weight)

    def result(self) -> float:
        return float(np.sqrt(super().result()))


class OfLoss(Mean):
    """The mean of a loss's values, which differs from the loss where its batches are of different weight."""

    direction = "down"

    def __init__(self, loss: Loss, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name or loss.name, dtype)
        self.loss = loss
        self.joins = None if getattr(loss, "from_logits", False) else loss.joins

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._update(self.loss, y_true, y_pred, sample_weight)

    def update_from_logits(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """`update_state`, for outputs before the activation that the loss joins: exact where they round to 0 or 1."""
        self._update(self.loss.of_logits(), y_true, y_pred, sample_weight)

    def _update(self, loss: Loss, y_true: Any, y_pred: Any, sample_weight: Any) -> None:
        y_true, y_pred = self._numbers(*aligned(y_true, y_pred))
        weight = None if sample_weight is None else as_weight(sample_weight, y_pred.ndim)
        self._add(loss.values(y_pred, y_true), weight)

    def _numbers(self, y_true: Array, y_pred: Float[Array, "..."]) -> tuple[Array, Array]:
        same_shape(self.name, y_true, y_pred)
        return y_true, y_pred if y_pred.dtype.kind == "f" else y_pred.astype(np.float64)

    def check(self, y_shape: tuple[int, ...], target_shape: tuple[int, ...]) -> None:
        same_shape(self.name, np.broadcast_to(0, target_shape), np.broadcast_to(0, y_shape))


def class_numbers(y_true: Shaped[Array, "..."], y_pred: Float[Array, "..."]) -> Shaped[Array, "..."]:
    """Class numbers without a trailing axis of length 1."""
    return y_true[..., 0] if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1 else y_true
