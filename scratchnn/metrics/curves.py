"""The area under a curve of thresholds, and what all metrics of such a curve count."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.checks import whole_number
from scratchnn.metrics.base import Metric, same_shape
from scratchnn.metrics.confusion import EPSILON, Confusion, checked_thresholds, count, evenly_spaced, prepared, ratio


class Curve(Metric):
    """The four counts at many thresholds."""

    per_batch, direction = False, "up"

    def _begin(self, thresholds: Array, even: bool, shape: tuple[int, ...]) -> None:
        self._thresholds, self._even = thresholds, even
        for _ in range(4):
            self.add_variable(shape)

    def _count(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        counts = count(y_true, y_pred, self._thresholds.astype(y_pred.dtype), weight, even=self._even)
        for variable, number in zip(self.variables, counts, strict=True):
            variable.assign_add(number)

    @property
    def _sums(self) -> Confusion:
        return Confusion(*(np.asarray(variable) for variable in self.variables))

    def check(self, y_shape: tuple[int, ...], target_shape: tuple[int, ...]) -> None:
        same_shape(self.name, np.broadcast_to(0, target_shape), np.broadcast_to(0, y_shape))


class AUC(Curve):
    """The area under a curve: ROC (true over false positives), PR (precision over recall) or PRGAIN.

    It is summed over the thresholds, so more of them, `num_thresholds`, are more exact. y are probabilities, or logits
    with `from_logits`. With `multi_label` each output is a label, whose areas are averaged, with `label_weights`.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        if str(curve).upper() not in ("ROC", "PR", "PRGAIN"):
            raise ValueError(f"curve must be 'ROC', 'PR' or 'PRGAIN', got {curve!r}")
        if str(summation_method).lower() not in ("interpolation", "majoring", "minoring"):
            raise ValueError(
                f"summation_method must be 'interpolation', 'majoring' or 'minoring', got {summation_method!r}"
            )
        if num_labels is not None and not multi_label:
            raise ValueError("num_labels belongs to multi_label=True")
        self.curve, self.summation_method = str(curve).upper(), str(summation_method).lower()
        self._given_thresholds = None if thresholds is None else checked_thresholds(sorted(thresholds))
        whole_number("num_thresholds", num_thresholds, 2, 1_000_000)
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else [float(weight) for weight in label_weights]
        inner = np.linspace(0, 1, num_thresholds)[1:-1] if thresholds is None else np.array(self._given_thresholds)
        even = thresholds is None or evenly_spaced(np.array([0, *inner, 1]))
        self.num_thresholds = len(inner) + 2
        shape = (self.num_thresholds, num_labels or 0) if multi_label else (self.num_thresholds,)
        self._begin(np.array([-EPSILON, *inner, 1 + EPSILON]), even, shape)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred, weight = prepared(self.name, y_true, y_pred, sample_weight)
        y_pred = y_pred if y_pred.dtype.kind == "f" else y_pred.astype(np.float32)
        if self.from_logits:
            y_pred = 1 / (1 + np.exp(-np.clip(y_pred, -80, 80)))
        if self.multi_label:
            self._count_labels(y_true, y_pred, weight)
        elif self.label_weights is None:
            self._count(y_true, y_pred, weight)
        else:
            self._count(
                y_true, y_pred, np.broadcast_to(self.label_weights, y_pred.shape) * (1 if weight is None else weight)
            )

    @property
    def thresholds(self) -> list[float]:
        """All of them, in rising order: the first and last are just below 0 and just above 1, as in Keras."""
        return self._thresholds.tolist()

    def _count_labels(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        if y_pred.ndim != 2 or self.num_labels not in (None, y_pred.shape[1]):
            raise ValueError(
                f"multi_label=True expects outputs of shape (N, {self.num_labels or 'labels'}), got {y_pred.shape}"
            )
        self._size_for(y_pred.shape[1])
        columns = [None] * y_pred.shape[1] if weight is None else weight.T
        labels = [
            count(t, y, self._thresholds.astype(y.dtype), w, even=self._even)
            for t, y, w in zip(y_true.T, y_pred.T, columns, strict=True)
        ]
        for variable, numbers in zip(self.variables, zip(*labels, strict=True), strict=True):
            variable.assign_add(np.stack(numbers, axis=1))

    def _size_for(self, labels: int) -> None:
        if self.variables[0].shape != (self.num_thresholds, labels):
            self.variables = []
            self._begin(self._thresholds, self._even, (self.num_thresholds, labels))

    def load_counts(self, counts: Any) -> None:
        if self.multi_label:
            self._size_for(len(counts) // (4 * self.num_thresholds))
        super().load_counts(counts)

    def result(self) -> float:
        areas = (
            self._interpolated() if (self.curve, self.summation_method) == ("PR", "interpolation") else self._summed()
        )
        if not self.multi_label:
            return float(areas)
        if self.label_weights is None:
            return float(areas.mean()) if areas.size else 0.0
        return float(areas @ self.label_weights / np.sum(self.label_weights)) if areas.size else 0.0

    def _summed(self) -> Array:
        x, y = self._points()
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2
        else:
            heights = (np.minimum if self.summation_method == "minoring" else np.maximum)(y[:-1], y[1:])
        return ((x[:-1] - x[1:]) * heights).sum(axis=0)

    def _points(self) -> tuple[Array, Array]:
        tp, fp, tn, fn = self._sums
        if self.curve == "ROC":
            return ratio(fp, fp + tn), ratio(tp, tp + fn)
        if self.curve == "PR":
            return ratio(tp, tp + fn), ratio(tp, tp + fp)
        scale = ratio(tp + fn, tn + fp)
        gain_of_recall = np.where(tp == 0, 0, 1 - scale * ratio(fn, tp))
        return np.maximum(gain_of_recall, 0), np.where(tp == 0, 1, 1 - scale * ratio(fp, tp))

    def _interpolated(self) -> Array:
        """Between two thresholds true positives grow linearly with all positives.

        Source: Davis and Goadrich, "The Relationship Between Precision-Recall and ROC Curves", 2006.
        """
        tp, fp, _, fn = self._sums
        positives = tp + fp
        slope = ratio(tp[:-1] - tp[1:], np.maximum(positives[:-1] - positives[1:], 0))
        intercept = tp[1:] - slope * positives[1:]
        both = (positives[:-1] > 0) & (positives[1:] > 0)
        quotient = np.where(both, ratio(positives[:-1], positives[1:]), 1)
        return ratio(slope * (tp[:-1] - tp[1:] + intercept * np.log(quotient)), tp[1:] + fn[1:]).sum(axis=0)

    def get_config(self) -> dict[str, Any]:
        names = ("num_thresholds", "curve", "summation_method", "multi_label", "num_labels", "label_weights")
        settings = {name: getattr(self, name) for name in (*names, "from_logits")}
        return super().get_config() | settings | {"thresholds": self._given_thresholds}
