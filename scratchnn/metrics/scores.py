"""Scores of several outputs: F-beta, one for each class, and R²."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.metrics.base import Metric, aligned, as_weight, same_shape
from scratchnn.metrics.confusion import EPSILON
from scratchnn.metrics.kept import on_host


class _OfColumns(Metric):
    """Counts for each column of outputs (N, D); D is known from the first batch on."""

    per_batch, direction = False, "up"
    size = 4  # the variables

    def _columns(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Array, Array, Array]:
        y_true, y_pred = aligned(on_host(y_true), on_host(y_pred))
        self._fits(y_pred.shape, y_true.shape)
        if not len(self.variables):
            self._begin(y_pred.shape[1])
        weight = np.ones(len(y_pred)) if sample_weight is None else as_weight(on_host(sample_weight), 2)
        return y_true.astype(np.float64), y_pred, np.broadcast_to(weight, y_pred.shape[:1])[:, np.newaxis]

    def _begin(self, columns: int) -> None:
        for _ in range(self.size):
            self.add_variable((columns,))

    def load_counts(self, counts: Any) -> None:
        if not len(self.variables) and len(counts):
            self._begin(len(counts) // self.size)
        super().load_counts(counts)

    def check(self, y_shape: tuple[int, ...], target_shape: tuple[int, ...]) -> None:
        self._fits(y_shape, target_shape)
        for what in ("average", "class_aggregation"):
            if getattr(self, what, "") is None and y_shape[1] > 1:
                raise ValueError(
                    f"the metric {self.name!r} has {what}=None, which gives {y_shape[1]} numbers, one for each output, "
                    "where a table of results has room for one: choose another one"
                )

    def _fits(self, y_shape: tuple[int, ...], target_shape: tuple[int, ...]) -> None:
        if len(y_shape) != 2:
            raise ValueError(f"the metric {self.name!r} expects outputs of shape (N, classes), got {tuple(y_shape)}")
        same_shape(self.name, np.broadcast_to(0, target_shape), np.broadcast_to(0, y_shape))


class FBetaScore(_OfColumns):
    """The weighted harmonic mean of precision and recall of each class; recall counts β² times as much.

    Without `threshold` the largest of a row is positive, so binary outputs (N, 1) want one. `average`: None, one number
    for each class; "macro", their mean; "weighted", by how many there are of each; "micro", all classes counted as one.
    """

    def __init__(
        self,
        average: str | None = None,
        beta: Any = 1.0,
        threshold: Any = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"average must be None, 'micro', 'macro' or 'weighted', got {average!r}")
        if not isinstance(beta, float) or beta <= 0:
            raise ValueError(f"beta must be a float above 0, got {beta!r}")
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise ValueError(f"threshold must be a float above 0 and up to 1, or None, got {threshold!r}")
        self.average, self.beta, self.threshold = average, beta, threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y, weight = self._columns(y_true, y_pred, sample_weight)
        if self.threshold is None:
            found = (y >= y.max(axis=-1, keepdims=True)) & (np.abs(y) > 1e-9)
        else:
            found = y > np.asarray(self.threshold, y.dtype)
        parts = (found * t, found * (1 - t), ~found * t, t)
        for variable, part in zip(self.variables, parts, strict=True):
            variable.assign_add((part * weight).sum(axis=0))

    def result(self) -> Any:
        if not len(self.variables):
            return 0.0
        sums = [np.asarray(variable) for variable in self.variables]
        if self.average == "micro":
            sums = [each.sum() for each in sums]
        tp, fp, fn, there = sums
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        scores = precision * recall / (self.beta**2 * precision + recall + EPSILON) * (1 + self.beta**2)
        if self.average is None:
            return scores
        return float(
            (scores * there / (there.sum() + EPSILON)).sum() if self.average == "weighted" else np.mean(scores)
        )

    def get_config(self) -> dict[str, Any]:
        settings = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return super().get_config() | settings


class F1Score(FBetaScore):
    """FBetaScore with β = 1."""

    def __init__(
        self,
        average: str | None = None,
        threshold: Any = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "beta"}


class R2Score(_OfColumns):
    """1 - Σ (y - t)² / Σ (t - mean t)² of each output: 1 for perfect ones, 0 for the mean of the targets.

    `class_aggregation`: "uniform_average", "variance_weighted_average", or None, one number for each output.
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: Any = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                "class_aggregation must be None, 'uniform_average' or 'variance_weighted_average', got "
                f"{class_aggregation!r}"
            )
        self.class_aggregation = class_aggregation

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y, weight = self._columns(y_true, y_pred, sample_weight)
        parts = (t, t * t, np.square(t - y), np.ones_like(t))
        for variable, part in zip(self.variables, parts, strict=True):
            variable.assign_add((part * weight).sum(axis=0))

    def result(self) -> Any:
        if not len(self.variables):
            return 0.0
        total, squares, errors, number = (np.asarray(variable) for variable in self.variables)
        if not number.any():
            return 0.0
        with np.errstate(all="ignore"):
            spread = squares - total * (total / number)
            scores = 1 - errors / spread
        scores = np.where(np.isinf(scores), 0, scores)
        if self.class_aggregation is None:
            return scores
        if self.class_aggregation == "uniform_average":
            return float(scores.mean())
        return float((spread * scores).sum() / spread.sum())

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"class_aggregation": self.class_aggregation}
