"""Losses: one number that says how far the outputs y are from the targets, and its gradient with respect to y.

Every loss is the mean over the whole batch (Keras' "sum_over_batch_size"), so that the gradient needs no further
scaling. Masks and sample weights enter as one array, which says how much each value counts (`training/weights.py`).
Forward and backward carry the same equation numbers; `from_logits=True` means that y has not been through the sigmoid
or softmax yet, which is more accurate: no probability is clipped away from 0 and 1 for its logarithm to exist.

Keras: the same numbers and names. A probability nearer than 1e-7 to 0 or 1 is clipped to that distance, and its
gradient is 0 there, because the clipped value no longer depends on y. A model whose last layer ends in the sigmoid or
softmax that the loss `joins` does not get there: fit and evaluate hand the loss the pre-activation instead, as Keras
does on TensorFlow, and a confident mistake keeps its gradient.

Losses are array code that runs wherever y and the targets are, except binary cross-entropy, the loss of the published
models: it has kernels. A loss of an array on a device is a number on that device, an array of shape ().
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy.typing import DTypeLike
from scratchnn_kernels import reference
from scratchnn_kernels.contract import Array, BinaryCrossentropyPair, Kernels

from scratchnn import activations
from scratchnn.core.arrays import as_numbers, converted
from scratchnn.core.attributes import heeds_keras
from scratchnn.core.keras_missing import missing
from scratchnn.core.names import make, name_in_file

EPSILON = reference.binary_crossentropy.EPSILON
L = TypeVar("L", bound="Loss")


@dataclass(frozen=True)
class LossCache:
    """What backward needs: the outputs and their targets, and how much each value counts."""

    y: Float[Array, "*shape"]
    target: Shaped[Array, "..."]
    weight: Float[Array, "..."] | None
    size: int  # of the values


@heeds_keras
@dataclass(frozen=True)
class Loss:
    """The mean of `values`, one for each number of y or for each row, of which `gradient` is the derivative.

    (1) L = mean over all values of weight ⊙ values,   weight = 1 where none is given

    `validate` is called once per fit, then `forward` and `backward` for every batch. A loss of your own defines
    `values` and `gradient`, and masks and weights come with it; one that is no mean overrides `forward` and `backward`.
    """

    name: ClassVar[str]
    joins: ClassVar[str | None] = None  # the activation that it goes through with `from_logits`

    def values(self, y: Float[Array, "*shape"], target: Shaped[Array, "..."]) -> Float[Array, "..."]:
        """The loss of each number of y, in the shape of y, or of each row, without the last axis."""
        raise NotImplementedError

    def gradient(self, y: Float[Array, "*shape"], target: Shaped[Array, "..."]) -> Float[Array, "..."]:
        """The derivative of the sum of all values with respect to y."""
        raise NotImplementedError

    def of_logits(self) -> "Loss":
        """The same loss of the pre-activation of the activation that it joins."""
        return self

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        """Return the targets of a whole data set as `forward` wants them, for outputs of shape `y_shape` and `dtype`.

        A trailing axis of length 1 may be missing or too many: labels (N,) fit outputs (N, 1), as in Keras.

        Raises:
            ValueError: if shape or values do not fit; the message names what was expected and what came.
        """
        return converted(self.name, _as_shape(self.name, _as_numbers(self.name, target), y_shape), dtype)

    def on(self, kernels: Kernels) -> "Loss":
        """The same loss, computed by these kernels if they have it."""
        return self

    def forward(
        self, y: Float[Array, "*shape"], target: Shaped[Array, "..."], weight: Float[Array, "..."] | None = None
    ) -> tuple[Any, Any]:
        """Return the loss, and the cache for backward. `weight` has the first axes of y, without the last or all."""
        values = self.values(y, target)
        size = values.size
        if weight is not None:
            weight = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
            values = values * weight
        return values.sum(dtype=np.float64) / size, LossCache(y, target, weight, size)  # (1)

    def backward(self, cache: Any) -> Float[Array, "..."]:
        dy = self.gradient(cache.y, cache.target)
        if cache.weight is not None:
            dy = dy * cache.weight.reshape(cache.weight.shape + (1,) * (dy.ndim - cache.weight.ndim))
        return dy / cache.size  # (1)

    def get_config(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init} | name_in_file(
            type(self), self.name
        )


@heeds_keras
@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """(1) L = mean (y - t)²."""

    name: ClassVar[str] = "mean_squared_error"

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return np.square(y - target)  # (1)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return 2 * (y - target)  # (1)


@heeds_keras
@dataclass(frozen=True)
class BinaryCrossentropy(Loss):
    """The surprise at labels t when y is the probability of a 1; t may itself be a probability.

    (1) p = min(max(y, ε), 1 - ε), or sigmoid(y) when `from_logits`
    (2) L = mean -(t log p + (1 - t) log(1 - p))

    Computed by the kernels of that name, or, where values are weighted, by the array code of the reference.
    """

    name: ClassVar[str] = "binary_crossentropy"
    joins: ClassVar[str] = "sigmoid"
    from_logits: bool = False
    pair: BinaryCrossentropyPair = field(default=reference.binary_crossentropy, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Without the kernels, which are a module: a copy has those of the reference backend until `on` is called."""
        return {name: value for name, value in vars(self).items() if name != "pair"}

    def on(self, kernels: Kernels) -> "BinaryCrossentropy":
        return _changed(self, pair=kernels.binary_crossentropy)

    def of_logits(self) -> "BinaryCrossentropy":
        return _changed(self, from_logits=True)

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        target = _as_shape(self.name, _as_numbers(self.name, target), y_shape)
        _check_range(self.name, target)
        return target.astype(dtype)

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return reference.binary_crossentropy.surprise(y, target, self.from_logits)  # (1), (2)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return reference.binary_crossentropy.slope(y, target, self.from_logits)  # (1), (2)

    def forward(
        self, y: Float[Array, "*shape"], target: Float[Array, "*shape"], weight: Float[Array, "..."] | None = None
    ) -> tuple[Any, Any]:
        return (
            super().forward(y, target, weight) if weight is not None else self.pair.forward(y, target, self.from_logits)
        )

    def backward(self, cache: Any) -> Float[Array, "..."]:
        return super().backward(cache) if isinstance(cache, LossCache) else self.pair.backward(cache)


@heeds_keras
@dataclass(frozen=True)
class CategoricalCrossentropy(Loss):
    """The surprise at rows of target probabilities t, most often one-hot, when the last axis of y holds probabilities.

    (1) q = y / Σ y
    (2) p = min(max(q, ε), 1 - ε); p = softmax(y) instead of (1, 2) when `from_logits`
    (3) L = mean over rows of -Σ t log p
    """

    name: ClassVar[str] = "categorical_crossentropy"
    joins: ClassVar[str] = "softmax"
    from_logits: bool = False

    def of_logits(self) -> "CategoricalCrossentropy":
        return _changed(self, from_logits=True)

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        _check_classes(self.name, y_shape)
        target = _as_numbers(self.name, target)
        if target.shape != y_shape:
            hint = "; class numbers belong to sparse_categorical_crossentropy" if _fits(target, y_shape[:-1]) else ""
            raise ValueError(f"{self.name} expects targets of shape {y_shape}, got {target.shape}{hint}")
        _check_range(self.name, target)
        totals = target.sum(axis=-1, dtype=np.float64)
        if not np.allclose(totals, 1, rtol=0, atol=1e-3):
            worst = totals.flat[np.abs(totals - 1).argmax()]
            raise ValueError(f"{self.name} expects each row of targets to sum to 1, got a row that sums to {worst:g}")
        return target.astype(dtype)

    def values(self, y: Float[Array, "*rows C"], target: Shaped[Array, "..."]) -> Float[Array, "*rows"]:
        if self.from_logits:
            shifted = y - y.max(axis=-1, keepdims=True)
            log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))  # (1, 2)
        else:
            q = y / y.sum(axis=-1, keepdims=True)  # (1)
            log_p = np.log(np.clip(q, EPSILON, 1 - EPSILON))  # (2)
        return -(target * log_p).sum(axis=-1)  # (3)

    def gradient(self, y: Float[Array, "*rows C"], target: Shaped[Array, "..."]) -> Float[Array, "*rows C"]:
        if self.from_logits:
            return activations.get("softmax")(y) - target  # (1, 2, 3) together; each row of t sums to 1
        total = y.sum(axis=-1, keepdims=True)
        q = y / total
        p = np.clip(q, EPSILON, 1 - EPSILON)
        dp = -target / p  # (3)
        dq = np.where(p == q, dp, 0)  # (2)
        return (dq - (dq * q).sum(axis=-1, keepdims=True)) / total  # (1)


@heeds_keras
@dataclass(frozen=True)
class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """CategoricalCrossentropy with class numbers 0 ... C-1 instead of one-hot rows: targets (N,), outputs (N, C)."""

    name: ClassVar[str] = "sparse_categorical_crossentropy"

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        _check_classes(self.name, y_shape)
        target = _as_numbers(self.name, target)
        if target.shape == y_shape:
            raise ValueError(
                f"{self.name} expects class numbers of shape {y_shape[:-1]}, got {target.shape}; "
                "one-hot rows belong to categorical_crossentropy"
            )
        target = _as_shape(self.name, target, y_shape[:-1])
        if (target != np.floor(target)).any():
            raise ValueError(f"{self.name} expects whole class numbers, got {target[target != np.floor(target)][0]:g}")
        if target.min() < 0 or target.max() >= y_shape[-1]:
            raise ValueError(
                f"{self.name} expects class numbers from 0 to {y_shape[-1] - 1}, "
                f"got values from {target.min():g} to {target.max():g}"
            )
        return target.astype(np.int64)

    def values(self, y: Float[Array, "*rows C"], target: Int[Array, "*rows"]) -> Float[Array, "*rows"]:
        return super().values(y, _one_hot(target, y))

    def gradient(self, y: Float[Array, "*rows C"], target: Int[Array, "*rows"]) -> Float[Array, "*rows C"]:
        return super().gradient(y, _one_hot(target, y))


LOSSES: dict[str, Callable[..., Loss]] = {
    "binary_crossentropy": BinaryCrossentropy,
    "bce": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
}


def get(identifier: str | Loss | Mapping[str, Any]) -> Loss:
    """Return the loss meant by a name, a `Loss`, or its `get_config()`.

    Raises:
        ValueError: for an unknown name; the nearest one is suggested.
    """
    return make("loss", identifier, Loss, LOSSES)


def weighted(loss: Loss, y: Array, target: Array, weight: Array | None) -> tuple[Any, Any]:
    """The forward pass of a loss.

    Raises:
        TypeError: for one of the user's own that cannot weigh, where a mask or weights ask for it.
    """
    if weight is None:
        return loss.forward(y, target)
    if "weight" not in inspect.signature(loss.forward).parameters:
        raise TypeError(
            f"{type(loss).__name__}.forward takes no weight, but a mask or sample weights say how much each value "
            "counts: define values and gradient instead of forward and backward, or add a parameter weight=None"
        )
    return loss.forward(y, target, weight)


def _changed(loss: L, **settings: Any) -> L:
    """A copy with other settings; losses are frozen once they are handed out."""
    other = object.__new__(type(loss))
    vars(other).update(vars(loss) | settings)  # with its kernels, which `copy` leaves behind
    return other


def _one_hot(target: Int[Array, "*rows"], y: Float[Array, "*rows C"]) -> Float[Array, "*rows C"]:
    classes = np.ones_like(y, dtype=np.int64).cumsum(axis=-1) - 1  # 0 ... C-1 in every row, in y's memory
    return (target[..., np.newaxis] == classes).astype(y.dtype)


def _as_numbers(name: str, target: Any) -> Shaped[Array, "..."]:
    target = as_numbers(f"{name}: y", target)
    if target.size == 0:
        raise ValueError(f"{name} expects at least one target, got shape {target.shape}")
    if not np.isfinite(target).all():
        raise ValueError(f"{name} expects finite targets, got {np.count_nonzero(~np.isfinite(target))} NaN or infinite")
    return target


def _fits(target: Array, shape: tuple[int, ...]) -> bool:
    return target.shape == shape or target.shape == (*shape, 1) or (*target.shape, 1) == shape


def _as_shape(name: str, target: Shaped[Array, "..."], shape: tuple[int, ...]) -> Shaped[Array, "..."]:
    if not _fits(target, shape):
        also = f" or {shape[:-1]}" if shape[-1:] == (1,) else ""
        raise ValueError(f"{name} expects targets of shape {shape}{also}, got {target.shape}")
    return target.reshape(shape)


def _check_range(name: str, target: Shaped[Array, "..."]) -> None:
    if target.min() < 0 or target.max() > 1:
        raise ValueError(
            f"{name} expects labels 0 or 1, or probabilities between them, "
            f"got values from {target.min():g} to {target.max():g}"
        )


def _check_classes(name: str, y_shape: tuple[int, ...]) -> None:
    if len(y_shape) < 2 or y_shape[-1] < 2:
        raise ValueError(
            f"{name} expects outputs of shape (N, classes) with at least two classes, got {y_shape}; "
            "for a single output use binary_crossentropy"
        )


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("losses", name, list(globals()))
