"""Metrics: what a person reads besides the loss. They are not differentiated, so they may just count what is right.

A metric counts batch by batch, and makes one number of what it has counted: most are means, of one value per example,
or per step where there is a class for each step. What is padding does not count; the weights of the user's own count
where `compile(weighted_metrics=...)` asks for them.
"""

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped
from scratchnn_kernels.contract import Array

from scratchnn.core.names import look_up
from scratchnn.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy

Measure = Callable[[Array, Array], Array]  # y and targets -> one value per example or step: booleans or numbers


class Metric:
    """Counts over batches of any size. `name` is the key in logs and history, spelled as the user spelled it.

    One of your own defines these four; what it has counted is in attributes that `reset` sets.
    """

    name: str
    weighted: bool = False  # whether sample weights count; a mask always does

    def reset(self) -> None:
        """Forget what was counted."""
        raise NotImplementedError

    def update(self, y: Float[Array, "..."], target: Shaped[Array, "..."], weight: Array | None = None) -> None:
        """Count a batch. `weight` has the first axes of y: (B,) or (B, T)."""
        raise NotImplementedError

    def result(self) -> float:
        """The metric over everything counted; 0 when that is nothing, as in Keras."""
        raise NotImplementedError

    def counts(self) -> list[float]:
        """What was counted, for a checkpoint and the results of an epoch."""
        raise NotImplementedError

    def load_counts(self, counts: Sequence[float]) -> None:
        """Take over what `counts` returned."""
        raise NotImplementedError

    def fresh(self) -> "Metric":
        """The same metric with nothing counted."""
        metric = copy(self)
        metric.reset()
        return metric


class MeanMetric(Metric):
    """The weighted mean of what `measure(y, target)` returns, one value for each example or step."""

    def __init__(self, name: str, measure: Measure) -> None:
        self.name, self.measure = name, measure
        self.reset()

    def reset(self) -> None:
        self.total: Any = 0.0  # may be a number that is still on a device
        self.seen: Any = 0.0

    def update(self, y: Float[Array, "..."], target: Shaped[Array, "..."], weight: Array | None = None) -> None:
        values = self.measure(y, target)
        if getattr(values, "shape", None) is None or values.ndim == 0 or len(values) != len(y):
            got = repr(values) if getattr(values, "shape", None) is None else f"an array of shape {values.shape}"
            raise TypeError(f"the metric {self.name!r} must return one value for each of {len(y)} examples, got {got}")
        if weight is None:
            # Counting is exact and fast, and most metrics count what is right.
            self.total += np.count_nonzero(values) if values.dtype == bool else values.sum(dtype=np.float64)
            self.seen += values.size
        else:
            weight = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
            self.total += (values * weight).sum(dtype=np.float64)
            self.seen += weight.sum(dtype=np.float64) * (values.size // weight.size)

    def result(self) -> float:
        seen = float(self.seen)
        return float(self.total) / seen if seen else 0.0

    def counts(self) -> list[float]:
        return [float(self.total), float(self.seen)]

    def load_counts(self, counts: Sequence[float]) -> None:
        self.total, self.seen = counts


def binary_accuracy(y: Float[Array, "*rows D"], target: Float[Array, "*rows D"]) -> Shaped[Array, "*rows"]:
    """y > 0.5 counts as 1, otherwise 0; right when that *equals* the target, so never for a soft label such as 0.7.

    Keras: the same, also in that 0.5 is compared with y as it is, even when y holds logits (an even chance is 0 there).
    """
    right = (y > 0.5) == target
    return right[..., 0] if right.shape[-1] == 1 else right.sum(axis=-1) / right.shape[-1]


def categorical_accuracy(y: Float[Array, "*rows C"], target: Float[Array, "*rows C"]) -> Bool[Array, "*rows"]:
    """Right when the largest element of y is where that of the target row is. Logits work as well."""
    return sparse_categorical_accuracy(y, target.argmax(axis=-1))


def sparse_categorical_accuracy(y: Float[Array, "*rows C"], target: Shaped[Array, "*rows"]) -> Bool[Array, "*rows"]:
    """Right when the largest element of y is at the class number. Logits work as well."""
    return y.argmax(axis=-1) == target


def mean_squared_error(y: Float[Array, "*rows D"], target: Float[Array, "*rows D"]) -> Float[Array, "*rows"]:
    return np.square(y - target).sum(axis=-1) / y.shape[-1]


def mean_absolute_error(y: Float[Array, "*rows D"], target: Float[Array, "*rows D"]) -> Float[Array, "*rows"]:
    return np.abs(y - target).sum(axis=-1) / y.shape[-1]


MEASURES: dict[str, Measure | None] = {
    "accuracy": None,  # depends on the loss
    "acc": None,
    "binary_accuracy": binary_accuracy,
    "categorical_accuracy": categorical_accuracy,
    "sparse_categorical_accuracy": sparse_categorical_accuracy,
    "mean_squared_error": mean_squared_error,
    "mse": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "mae": mean_absolute_error,
}


def get(identifier: str | Metric, loss: Loss) -> Metric:
    """Return the metric meant by a name (a new one) or a `Metric`; "accuracy" or "acc" means the one that suits `loss`.

    Keras chooses by shapes instead, which is the same for the usual models; for several independent yes/no outputs it
    would compare the largest of them, and here each output counts.

    Raises:
        ValueError: for an unknown name (the nearest one is suggested), or for "accuracy" with a loss without classes.
    """
    if isinstance(identifier, Metric):
        return identifier.fresh()  # every count starts anew
    measure = look_up("metric", identifier, MEASURES)
    return MeanMetric(identifier, _accuracy(identifier, loss) if measure is None else measure)


def _accuracy(name: str, loss: Loss) -> Measure:
    if isinstance(loss, SparseCategoricalCrossentropy):
        return sparse_categorical_accuracy
    if isinstance(loss, CategoricalCrossentropy):
        return categorical_accuracy
    if isinstance(loss, BinaryCrossentropy):
        return binary_accuracy
    raise ValueError(
        f"{name!r} does not say which accuracy is meant with the loss {loss.name!r}: "
        "name binary_accuracy, categorical_accuracy or sparse_categorical_accuracy"
    )
