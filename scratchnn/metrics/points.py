"""One point of a curve of thresholds: the best of one share where another is at least a given value."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.checks import whole_number
from scratchnn.metrics.confusion import Confusion, prepared, ratio
from scratchnn.metrics.curves import Curve


class _AtPoint(Curve):
    """The best of one share where another is at least a given value."""

    wanted = ""  # the constructor's argument

    def __init__(self, value: Any, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any) -> None:
        super().__init__(dtype, name)
        if not 0 <= value <= 1:
            raise ValueError(f"{self.wanted} must be a share from 0 to 1, got {value!r}")
        setattr(self, self.wanted, value)
        self.num_thresholds = whole_number("num_thresholds", num_thresholds, 1)
        self.class_id = None if class_id is None else whole_number("class_id", class_id, 0)
        even = num_thresholds > 1
        self._begin(np.linspace(0, 1, num_thresholds) if even else np.array([0.5]), even, (num_thresholds,))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred, weight = prepared(self.name, y_true, y_pred, sample_weight, None, self.class_id)
        self._count(y_true, y_pred if y_pred.dtype.kind == "f" else y_pred.astype(np.float32), weight)

    def result(self) -> float:
        given, sought = self._shares(self._sums)
        return float(np.where(given >= getattr(self, self.wanted), sought, 0).max())

    def _shares(self, sums: Confusion) -> tuple[Array, Array]:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        names = (self.wanted, "num_thresholds", "class_id")
        return super().get_config() | {name: getattr(self, name) for name in names}


class SensitivityAtSpecificity(_AtPoint):
    """The largest share of ones that is found where at least `specificity` of the zeros are."""

    wanted = "specificity"

    def __init__(
        self, specificity: Any, num_thresholds: int = 200, class_id: Any = None, name: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def _shares(self, sums: Confusion) -> tuple[Array, Array]:
        return _specificity(sums), _recall(sums)


class SpecificityAtSensitivity(_AtPoint):
    """The largest share of zeros that is found where at least `sensitivity` of the ones are."""

    wanted = "sensitivity"

    def __init__(
        self, sensitivity: Any, num_thresholds: int = 200, class_id: Any = None, name: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def _shares(self, sums: Confusion) -> tuple[Array, Array]:
        return _recall(sums), _specificity(sums)


class PrecisionAtRecall(_AtPoint):
    """The largest precision where recall is at least `recall`."""

    wanted = "recall"

    def __init__(
        self, recall: Any, num_thresholds: int = 200, class_id: Any = None, name: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def _shares(self, sums: Confusion) -> tuple[Array, Array]:
        return _recall(sums), _precision(sums)


class RecallAtPrecision(_AtPoint):
    """The largest recall where precision is at least `precision`."""

    wanted = "precision"

    def __init__(
        self, precision: Any, num_thresholds: int = 200, class_id: Any = None, name: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def _shares(self, sums: Confusion) -> tuple[Array, Array]:
        return _precision(sums), _recall(sums)


def _recall(sums: Confusion) -> Array:
    return ratio(sums.true_positives, sums.true_positives + sums.false_negatives)


def _precision(sums: Confusion) -> Array:
    return ratio(sums.true_positives, sums.true_positives + sums.false_positives)


def _specificity(sums: Confusion) -> Array:
    return ratio(sums.true_negatives, sums.true_negatives + sums.false_positives)
