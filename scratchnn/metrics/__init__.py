"""Metrics: what a person reads besides the loss. They are not differentiated, so they may just count what is right.

A metric counts batch by batch, and makes one number of what it has counted. The weights of the user's own count where
`compile(weighted_metrics=...)` asks for them. What is padding does not count in means; in counts of positives, in what
is made of these, and in the root mean squared error it does, as in Keras.

Keras: the same names, signatures and numbers, in float64. Functions take `(y_true, y_pred)`, in this order.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from scratchnn.core.keras_missing import missing
from scratchnn.core.names import is_own, look_up, snake_case
from scratchnn.losses import FUNCTIONS, Loss
from scratchnn.losses.functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from scratchnn.metrics.accuracies import (
    Accuracy,
    AccuracyByShapes,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from scratchnn.metrics.base import Metric
from scratchnn.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from scratchnn.metrics.curves import AUC
from scratchnn.metrics.means import Mean, MeanMetric, MeanMetricWrapper, OfLoss, RootMeanSquaredError
from scratchnn.metrics.of_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from scratchnn.metrics.points import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from scratchnn.metrics.scores import F1Score, FBetaScore, R2Score

_KINDS = (
    AUC, Accuracy, BinaryAccuracy, BinaryCrossentropy, CategoricalAccuracy, CategoricalCrossentropy, CategoricalHinge,
    CosineSimilarity, F1Score, FBetaScore, FalseNegatives, FalsePositives, Hinge, KLDivergence, LogCoshError,
    MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson, Precision,
    PrecisionAtRecall, R2Score, Recall, RecallAtPrecision, RootMeanSquaredError, SensitivityAtSpecificity,
    SparseCategoricalAccuracy, SparseCategoricalCrossentropy, SparseTopKCategoricalAccuracy, SpecificityAtSensitivity,
    SquaredHinge, TopKCategoricalAccuracy, TrueNegatives, TruePositives,
)  # fmt: skip
_FRAMEWORKS = ("keras", "tf_keras", "tensorflow", "torch", "torchmetrics")
_ACCURACIES = {
    each.__name__: each
    for each in (
        binary_accuracy,
        categorical_accuracy,
        sparse_categorical_accuracy,
        top_k_categorical_accuracy,
        sparse_top_k_categorical_accuracy,
    )
}
METRICS: dict[str, Callable[..., Metric] | None] = {
    "accuracy": None,  # depends on shapes
    "acc": None,
    **{snake_case(kind.__name__): kind for kind in _KINDS if kind is not Accuracy},
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
}

_OTHERS_THAN_FUNCTIONS = (None, CosineSimilarity)  # the metric is the cosine, the function of this name its negative

__all__ = [
    "AUC",
    "METRICS",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanMetric",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "accuracy",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "description",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]


def get(identifier: Any) -> Metric:
    """Return the metric meant by a name (a new one), a `Metric`, a function, a loss, or a `description`.

    "accuracy" or "acc" means, as in Keras, the one that suits the shapes of outputs and targets (`AccuracyByShapes`).
    A function of your own takes `(y_true, y_pred)`, in Keras' order whatever it calls them.

    Raises:
        ValueError: for an unknown name; a misspelled one is corrected in the message.
        TypeError: for anything that is no metric, and for a metric of Keras'.
    """
    if isinstance(identifier, Metric):
        if type(identifier) is Mean:
            raise TypeError("Mean counts numbers that it is given; a model is measured by MeanMetricWrapper(fn)")
        return identifier.fresh()  # every count starts anew
    if isinstance(identifier, Mapping):
        if identifier["class"] == OfLoss.__name__:
            return _of_function({each.__name__: each for each in FUNCTIONS}[identifier["config"]["name"]])
        return _made(identifier["class"], identifier["config"])
    if isinstance(identifier, str):
        kind = look_up("metric", identifier, METRICS)
        return AccuracyByShapes(identifier) if kind is None else _made(identifier, {})
    return _of_function(identifier)


def _made(name: str, config: Mapping[str, Any]) -> Metric:
    kind = look_up("metric", name, METRICS)
    if name == "Accuracy" or kind is None:
        kind = Accuracy
    try:
        return kind(**{"name": name, **config})
    except TypeError as error:
        raise ValueError(f"the metric {name!r} needs its arguments, so give the object: {error}") from error


def _of_function(identifier: Any) -> Metric:
    if isinstance(identifier, Loss):
        metric = MeanMetric(identifier.name, partial(_value, identifier), direction="down")
        metric.per_batch = True
        return metric
    _refuse_foreign(identifier)
    if not callable(identifier):
        raise TypeError(f"a metric is a name, a Metric or a function (y_true, y_pred), got {identifier!r}")
    name = getattr(identifier, "__name__", None) or snake_case(type(identifier).__name__)
    if identifier in FUNCTIONS:
        kind = METRICS.get(name)
        return OfLoss(FUNCTIONS[identifier](), name) if kind in _OTHERS_THAN_FUNCTIONS else kind(name=name)
    return MeanMetric(name, identifier)


def _value(loss: Loss, y_true: Any, y_pred: Any) -> Any:
    return loss.forward(y_pred, y_true)[0]


def _refuse_foreign(identifier: Any) -> None:
    """TypeError for what counts in the tensors of another framework, or follows Keras' protocol and is no `Metric`."""
    name = getattr(identifier, "__name__", type(identifier).__name__)
    kind = identifier if isinstance(identifier, type) else type(identifier)
    modules = [str(getattr(each, "__module__", "")).split(".")[0] for each in (identifier, *kind.__mro__)]
    framework = next((module for module in modules if module in _FRAMEWORKS), None)
    if framework is not None:
        same = f"give scratchnn.metrics.{name}" if name in __all__ else "derive one from scratchnn.metrics.Metric"
        raise TypeError(f"{name} is of {framework}, and computes with its tensors: {same}")
    if hasattr(identifier, "update_state"):
        raise TypeError(f"a metric like {name} must be derived from scratchnn.metrics.Metric, got {identifier!r}")


def description(identifier: Any) -> Any:
    """What a file says of a metric: its name, or its class and settings; None for what is the user's own."""
    if isinstance(identifier, str | Mapping):
        return identifier
    if isinstance(identifier, Metric):
        kind = type(identifier)
        if is_own(kind) or kind.__name__ not in {each.__name__ for each in _KINDS}:
            return None
        return {"class": kind.__name__, "config": identifier.get_config()}
    name = getattr(identifier, "__name__", "")
    if identifier in FUNCTIONS:
        is_metric = METRICS.get(name) not in _OTHERS_THAN_FUNCTIONS
        return name if is_metric else {"class": OfLoss.__name__, "config": {"name": name}}
    return name if name in _ACCURACIES and identifier is _ACCURACIES[name] else None


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("metrics", name, list(globals()))
