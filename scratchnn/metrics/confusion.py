"""Metrics of right and wrong positives and negatives, at thresholds that y must exceed to count as a 1.

As in Keras, masks do not act here: a step of padding counts like any other, unless its sample weight is 0.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.checks import whole_number
from scratchnn.metrics.base import Metric, aligned, as_weight, same_shape
from scratchnn.metrics.kept import Variable, on_host

LOWEST = -1e10  # what takes the place of y that are not among the largest k
EPSILON = 1e-7  # keras.config.epsilon()


class Confusion(NamedTuple):
    """Sums of weights, one for each threshold."""

    true_positives: Array
    false_positives: Array
    true_negatives: Array
    false_negatives: Array


def count(y_true: Array, y_pred: Array, thresholds: Array, weight: Array | None, *, even: bool) -> Confusion:
    """Count labels, which are true where they are not 0. `even`: thresholds at equal distances from 0 to 1.

    All arguments are of one shape, but for the thresholds, which rise.
    """
    is_true, y = (y_true != 0).ravel(), y_pred.ravel()
    below = _below_evenly(y, thresholds) if even else np.searchsorted(thresholds, y, side="left")
    weight = np.ones(len(y)) if weight is None else weight.ravel().astype(np.float64)
    true, false = (np.bincount(below, weight * which, len(thresholds) + 1) for which in (is_true, ~is_true))
    true_positives, false_positives = (np.cumsum(each[::-1])[::-1][1:] for each in (true, false))
    return Confusion(true_positives, false_positives, false.sum() - false_positives, true.sum() - true_positives)


def _below_evenly(y: Array, thresholds: Array) -> Array:
    """How many thresholds each y exceeds, rounded as Keras rounds."""
    y = np.clip(y.astype(np.float32), 0, 1)
    number = np.ceil(y * np.float32(len(thresholds) - 1)).astype(np.int64)
    return np.maximum(number, 1) if thresholds[0] < 0 or thresholds[-1] > 1 else number


def evenly_spaced(thresholds: Array) -> bool:
    """Whether they are three or more, at equal distances from 0 to 1."""
    return len(thresholds) > 2 and np.allclose(thresholds, np.linspace(0, 1, len(thresholds)), atol=EPSILON)


def checked_thresholds(thresholds: Any, default: float = 0.5) -> list[float]:
    """One threshold or several, as a list.

    Raises:
        ValueError: unless all are from 0 to 1, and rise.
    """
    if thresholds is None:
        return [default]
    several = list(thresholds) if isinstance(thresholds, Sequence | np.ndarray) else [thresholds]
    if not several or not all(isinstance(each, int | float | np.number) and 0 <= each <= 1 for each in several):
        raise ValueError(f"thresholds must be numbers from 0 to 1, got {thresholds!r}")
    if sorted(several) != several:
        raise ValueError(f"thresholds must rise, got {thresholds!r}")
    return [float(each) for each in several]


def prepared(
    name: str, y_true: Any, y_pred: Any, sample_weight: Any, top_k: int | None = None, class_id: int | None = None
) -> tuple[Array, Array, Array | None]:
    """Targets, outputs and weights in the host's memory, in one shape."""
    y_true, y_pred = aligned(on_host(y_true), on_host(y_pred))
    same_shape(name, y_true, y_pred)
    if top_k is not None:
        y_pred = _largest(y_pred, top_k)
    if class_id is not None:
        if y_pred.ndim < 2 or class_id >= y_pred.shape[-1]:
            raise ValueError(f"the metric {name!r} has class_id={class_id}, but outputs of shape {y_pred.shape}")
        y_true, y_pred = y_true[..., class_id, np.newaxis], y_pred[..., class_id, np.newaxis]
    if sample_weight is None:
        return y_true, y_pred, None
    weight = as_weight(on_host(sample_weight), y_pred.ndim)
    if weight.shape != y_pred.shape:
        weight = weight.reshape(weight.shape + (1,) * (y_pred.ndim - weight.ndim))
    return y_true, y_pred, np.broadcast_to(weight, y_pred.shape)


def _largest(y: Array, k: int) -> Array:
    """y where it is among the k largest of its row; of equal ones, the first."""
    chosen = np.zeros(y.shape, bool)
    np.put_along_axis(chosen, np.argsort(-y, axis=-1, kind="stable")[..., :k], True, axis=-1)
    return np.where(chosen, y, LOWEST)


class _AtThresholds(Metric):
    """Some of the four counts, at one threshold or several."""

    per_batch = False
    counted: tuple[str, ...] = ()
    top_k: int | None = None
    class_id: int | None = None

    def __init__(self, thresholds: Any, name: str | None, dtype: Any, default: float = 0.5) -> None:
        super().__init__(dtype, name)
        self._given_thresholds = thresholds
        self.thresholds = checked_thresholds(thresholds, default)
        for _ in self.counted:
            self.add_variable((len(self.thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        prepared_ = prepared(self.name, y_true, y_pred, sample_weight, self.top_k, self.class_id)
        thresholds = np.array(self.thresholds, prepared_[1].dtype if prepared_[1].dtype.kind == "f" else np.float64)
        counts = count(prepared_[0], prepared_[1], thresholds, prepared_[2], even=evenly_spaced(thresholds))
        for variable, name in zip(self.variables, self.counted, strict=True):
            variable.assign_add(getattr(counts, name))

    def result(self) -> Any:
        values = self._value(*self.variables)
        return float(values[0]) if len(self.thresholds) == 1 else np.array(values)

    def _value(self, *sums: Variable) -> Array:
        raise NotImplementedError

    def check(self, y_shape: tuple[int, ...], target_shape: tuple[int, ...]) -> None:
        same_shape(self.name, np.broadcast_to(0, target_shape), np.broadcast_to(0, y_shape))
        if len(self.thresholds) != 1:
            raise ValueError(
                f"the metric {self.name!r} has {len(self.thresholds)} thresholds, and gives as many numbers, where a "
                "table of results has room for one: compile one metric for each threshold"
            )

    def get_config(self) -> dict[str, Any]:
        given = self._given_thresholds
        return {"thresholds": given if given is None or isinstance(given, float | int) else self.thresholds} | (
            super().get_config()
        )


class _Count(_AtThresholds):
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name, dtype)

    def _value(self, *sums: Variable) -> Array:
        return sums[0]


class TruePositives(_Count):
    """How many are 1 and found."""

    counted = ("true_positives",)


class FalsePositives(_Count):
    """How many are 0 and taken for 1."""

    counted = ("false_positives",)


class TrueNegatives(_Count):
    """How many are 0 and taken for 0."""

    counted = ("true_negatives",)


class FalseNegatives(_Count):
    """How many are 1 and missed."""

    counted = ("false_negatives",)


class _Share(_AtThresholds):
    """What share of some positives is right.

    `class_id` looks at one column of the outputs alone; `top_k` takes the k largest of each row for positive, whatever
    they are.
    """

    direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, name, dtype, 0.5 if top_k is None else LOWEST)
        self.top_k = None if top_k is None else whole_number("top_k", top_k, 1)
        self.class_id = None if class_id is None else whole_number("class_id", class_id, 0)

    def _value(self, *sums: Variable) -> Array:
        return ratio(sums[0], sums[0] + sums[1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"top_k": self.top_k, "class_id": self.class_id}


class Precision(_Share):
    """The share of what is taken for 1 that is 1."""

    counted = ("true_positives", "false_positives")


class Recall(_Share):
    """The share of what is 1 that is taken for 1."""

    counted = ("true_positives", "false_negatives")


def ratio(part: Array, whole: Array) -> Array:
    """part / whole, and 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(np.asarray(whole)), where=np.asarray(whole) != 0)
