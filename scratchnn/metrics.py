"""Metrics: what a person reads besides the loss. They are not differentiated, so they may just count what is right.

Each one measures a batch as two numbers, a total and how many were seen; both add over batches of any size, and the
metric is their quotient: right answers out of all, or the summed error per element.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Shaped
from scratchnn_kernels.contract import Array

from scratchnn import losses
from scratchnn.core.keras_missing import missing
from scratchnn.core.names import look_up
from scratchnn.losses import Loss

Measure = Callable[[Array, Array], tuple[Any, int]]  # the total may be a number that is still on a device


@dataclass
class Metric:
    """A running quotient `total / seen`. `name` is the key in logs and history, spelled as the user spelled it."""

    name: str
    measure: Measure
    total: Any = 0.0
    seen: int = 0

    def reset(self) -> None:
        self.total, self.seen = 0.0, 0

    def update(self, y: Float[Array, "..."], target: Shaped[Array, "..."]) -> None:
        total, seen = self.measure(y, target)
        self.total += total
        self.seen += seen

    def result(self) -> float:
        """The metric over everything since `reset`; NaN when that is nothing."""
        return float(self.total / self.seen) if self.seen else float("nan")


def binary_accuracy(y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> tuple[Any, int]:
    """y > 0.5 counts as 1, otherwise 0; right when that *equals* the target, so never for a soft label such as 0.7.

    Keras: the same, also in that 0.5 is compared with y as it is, even when y holds logits (an even chance is 0 there).
    """
    return np.count_nonzero((y > 0.5) == target), y.size


def categorical_accuracy(y: Float[Array, "*rows C"], target: Float[Array, "*rows C"]) -> tuple[Any, int]:
    """Right when the largest element of y is where that of the target row is. Logits work as well."""
    return sparse_categorical_accuracy(y, target.argmax(axis=-1))


def sparse_categorical_accuracy(y: Float[Array, "*rows C"], target: Shaped[Array, "*rows"]) -> tuple[Any, int]:
    """Right when the largest element of y is at the class number. Logits work as well."""
    return np.count_nonzero(y.argmax(axis=-1) == target), target.size


def mean_squared_error(y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> tuple[Any, int]:
    return np.square(y - target).sum(dtype=np.float64), y.size


def mean_absolute_error(y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> tuple[Any, int]:
    return np.abs(y - target).sum(dtype=np.float64), y.size


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
        return dataclasses.replace(identifier, total=0.0, seen=0)  # every count starts anew
    measure = look_up("metric", identifier, MEASURES)
    return Metric(identifier, _accuracy(identifier, loss) if measure is None else measure)


def _accuracy(name: str, loss: Loss) -> Measure:
    if isinstance(loss, losses.SparseCategoricalCrossentropy):
        return sparse_categorical_accuracy
    if isinstance(loss, losses.CategoricalCrossentropy):
        return categorical_accuracy
    if isinstance(loss, losses.BinaryCrossentropy):
        return binary_accuracy
    raise ValueError(
        f"{name!r} does not say which accuracy is meant with the loss {loss.name!r}: "
        "name binary_accuracy, categorical_accuracy or sparse_categorical_accuracy"
    )


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("metrics", name, list(globals()))
