"""Losses: one number that says how far the outputs y are from the targets, and its gradient with respect to y.

Keras: the same numbers, names and signatures. Every loss is the mean over the whole batch ("sum_over_batch_size")
unless its `reduction` says otherwise. A model whose last layer ends in the sigmoid or softmax that the loss `joins`
hands it the pre-activation, as Keras does on TensorFlow, and a confident mistake keeps its gradient.

Losses are array code that runs wherever y and the targets are, except binary cross-entropy, the loss of the published
models: it has kernels. A loss of an array on a device is a number on that device, an array of shape ().
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from scratchnn.core.keras_missing import missing
from scratchnn.core.names import is_own, lacks_half, look_up, make, overrides
from scratchnn.losses.base import Loss, settings_of, weight_of, weighted
from scratchnn.losses.crossentropies import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from scratchnn.losses.distributions import KLDivergence, Poisson
from scratchnn.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from scratchnn.losses.functions import (
    FUNCTIONS,
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
from scratchnn.losses.hinges import CategoricalHinge, Hinge, SquaredHinge
from scratchnn.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
)

# Keras' older names of the functions.
bce = BCE = binary_crossentropy
mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kl_divergence

LOSSES: dict[str, Callable[..., Loss]] = {
    **{function.__name__: kind for function, kind in FUNCTIONS.items()},
    "huber_loss": Huber,  # what Keras calls the object
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "kld": KLDivergence,
}

__all__ = [
    "BCE",
    "FUNCTIONS",
    "KLD",
    "LOSSES",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "bce",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "log_cosh",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "weight_of",
    "weighted",
]


def get(identifier: Any) -> Loss:
    """Return the loss meant by a name, a `Loss`, a function of this module, or a loss's `get_config()`.

    Raises:
        ValueError: for an unknown name; the nearest one is suggested.
        TypeError: for a function or a class of the user's own that says nothing of its derivative.
    """
    if isinstance(identifier, Mapping) and "label" in identifier:
        return look_up("loss", identifier["name"], LOSSES)(**settings_of(identifier))
    if not isinstance(identifier, type) and callable(identifier) and not isinstance(identifier, Loss):
        if identifier in FUNCTIONS:
            return FUNCTIONS[identifier]()
        raise TypeError(_no_derivative(f"the function {getattr(identifier, '__name__', identifier)}"))
    loss = make("loss", identifier, Loss, LOSSES)
    name = type(loss).__name__
    if is_own(type(loss)) and not any(_defines(loss, method) for method in ("gradient", "backward")):
        raise TypeError(_no_derivative(f"the loss {name}"))
    if lacks_half(type(loss), "values", "gradient") and not overrides(type(loss), "backward"):
        raise TypeError(
            f"{name} defines values, and its gradient is that of other values, of the class that it is derived from: "
            "define both; check_loss of scratchnn.gradients compares the two"
        )
    return loss


def _defines(loss: Loss, name: str) -> bool:
    return getattr(type(loss), name) is not getattr(Loss, name)


def _no_derivative(what: str) -> str:
    return (
        f"{what} has no derivative, which nothing here finds by itself: derive a class from scratchnn.losses.Loss and "
        "define values(y, target) and gradient(y, target), the derivative of their sum with respect to y; "
        "check_loss of scratchnn.gradients compares the two"
    )


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("losses", name, list(globals()))
