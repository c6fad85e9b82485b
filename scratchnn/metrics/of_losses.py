"""Losses as metrics: the mean of their values over what counts, under Keras' names and signatures."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn import losses
from scratchnn.metrics.means import OfLoss, class_numbers


class MeanSquaredError(OfLoss):
    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.MeanSquaredError(), name, dtype)


class MeanAbsoluteError(OfLoss):
    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.MeanAbsoluteError(), name, dtype)


class MeanAbsolutePercentageError(OfLoss):
    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(losses.MeanAbsolutePercentageError(), name, dtype)


class MeanSquaredLogarithmicError(OfLoss):
    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(losses.MeanSquaredLogarithmicError(), name, dtype)


class LogCoshError(OfLoss):
    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.LogCosh(), name, dtype)


class CosineSimilarity(OfLoss):
    """The cosine itself, where the loss is its negative."""

    direction = "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: Any = -1) -> None:
        super().__init__(losses.CosineSimilarity(axis), name, dtype)

    def result(self) -> float:
        return -super().result() + 0.0  # 0, not -0, where nothing was counted


class Hinge(OfLoss):
    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.Hinge(), name, dtype)


class SquaredHinge(OfLoss):
    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.SquaredHinge(), name, dtype)


class CategoricalHinge(OfLoss):
    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.CategoricalHinge(), name, dtype)


class KLDivergence(OfLoss):
    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.KLDivergence(), name, dtype)


class Poisson(OfLoss):
    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.Poisson(), name, dtype)


class BinaryCrossentropy(OfLoss):
    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float | int = 0,
    ) -> None:
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing}


class CategoricalCrossentropy(OfLoss):
    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float | int = 0,
        axis: Any = -1,
    ) -> None:
        super().__init__(losses.CategoricalCrossentropy(from_logits, label_smoothing, axis), name, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing}


class SparseCategoricalCrossentropy(OfLoss):
    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: Any = None,
        axis: Any = -1,
    ) -> None:
        if ignore_class is not None:
            raise ValueError(
                f"ignore_class must be None in the metric, got {ignore_class!r}: give these steps the sample weight 0, "
                "and the metric to weighted_metrics"
            )
        super().__init__(losses.SparseCategoricalCrossentropy(from_logits, axis=axis), name, dtype)
        self.from_logits = from_logits

    def _numbers(self, y_true: Array, y_pred: Float[Array, "..."]) -> tuple[Array, Array]:
        y_true = class_numbers(y_true, y_pred)
        self.check(y_pred.shape, y_true.shape)
        return y_true, y_pred if y_pred.dtype.kind == "f" else y_pred.astype(np.float64)

    def check(self, y_shape: tuple[int, ...], target_shape: tuple[int, ...]) -> None:
        if target_shape != y_shape[:-1]:
            raise ValueError(
                f"the metric {self.name!r} needs class numbers of shape {y_shape[:-1]}, got targets of {target_shape}"
            )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"from_logits": self.from_logits}
