"""What a loss is: values, their gradient, and the reduction that makes one number of them.

Masks and sample weights enter as one array, which says how much each value counts (`training/sample_weights.py`).
Forward and backward carry the same equation numbers.
"""

import inspect
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array, Kernels
from scratchnn_kernels.reference import binary_crossentropy
from scratchnn_kernels.shapes import Bool, Float, Shaped

from scratchnn.core.arrays import as_numbers, converted
from scratchnn.core.attributes import heeds_keras, refuse_unheard
from scratchnn.core.names import is_own, name_in_file, overrides, snake_case
from scratchnn.losses.targets import as_shape, finite

EPSILON = binary_crossentropy.EPSILON  # of all losses: keras.config.epsilon()
MEANS = ("sum_over_batch_size", "mean")  # two words of Keras' for one thing
REDUCTIONS = (*MEANS, "sum", "mean_with_sample_weight", "none", None)
L = TypeVar("L", bound="Loss")


@dataclass(frozen=True)
class LossCache:
    """What backward needs: outputs, targets, how much each value counts, and the divisor."""

    y: Float[Array, "*shape"]
    target: Shaped[Array, "..."]
    weight: Float[Array, "..."] | None
    divisor: Any


@heeds_keras
class Loss:
    """One number of `values`, one for each number of y or for each row, of which `gradient` is the derivative.

    (1) L = Σ weight ⊙ values / divisor,   weight = 1 where none is given

    `reduction` chooses the divisor: the number of values (the mean, "sum_over_batch_size"), 1 for each row ("sum"), or
    Σ weight ("mean_with_sample_weight"). `validate` is called for all targets before training, or for each batch where
    batches are given; then `forward` and `backward` for every batch. A loss of your own defines `values` and
    `gradient`, and masks and weights come with it; one that is no mean overrides `forward` and `backward`. Called,
    `loss(y_true, y_pred)`, it takes its arguments in Keras' order.
    """

    name: str = ""
    reduction: str | None = "sum_over_batch_size"
    dtype: Any = None
    joins: str | None = None  # the activation that it goes through with `from_logits`; a loss of some settings has none
    accuracy: ClassVar[str | None] = None  # the one that suits its targets, by its name

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        refuse_unheard(cls, "Loss")

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        self.name = name or type(self).name or snake_case(type(self).__name__)
        self.reduction, self.dtype = reduction, dtype
        self.__post_init__()

    def __post_init__(self) -> None:
        """Raise ValueError for a setting whose value is not allowed, or would do nothing."""
        inherited = {each.default for each in fields(self) if each.name == "name"} if is_dataclass(self) else set()
        if self.name is None or self.name in inherited:  # a class derived from ours may have a name of its own
            object.__setattr__(self, "name", type(self).name or self.name)
        if self.reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {', '.join(map(repr, REDUCTIONS))}, got {self.reduction!r}")
        if self.dtype is not None:
            raise ValueError(
                f"dtype must be None, got {self.dtype!r}: a loss computes in the dtype of the model's outputs"
            )
        if getattr(self, "axis", -1) != -1:
            raise ValueError(f"axis must be -1, the last axis of the outputs, got {getattr(self, 'axis', None)!r}")
        smoothing = getattr(self, "label_smoothing", 0.0)
        if not 0 <= smoothing <= 1:
            raise ValueError(f"label_smoothing must be a share from 0 to 1, got {smoothing!r}")

    def values(self, y: Float[Array, "*shape"], target: Shaped[Array, "..."]) -> Float[Array, "..."]:
        """The loss of each number of y, in the shape of y, or of each row, without the last axis."""
        raise NotImplementedError

    def gradient(self, y: Float[Array, "*shape"], target: Shaped[Array, "..."]) -> Float[Array, "..."]:
        """The derivative of the sum of all values with respect to y."""
        raise NotImplementedError

    def of_logits(self) -> "Loss":
        """The same loss of the pre-activation of the activation that it joins."""
        return changed(self, from_logits=True) if self.joins else self

    def mask_of(self, target: Shaped[Array, "..."]) -> Bool[Array, "..."] | None:
        """False where a target says itself that it does not count; None: all do."""
        return None

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        """Return the targets of a whole data set as `forward` wants them, for outputs of shape `y_shape` and `dtype`.

        A trailing axis of length 1 may be missing or too many: labels (N,) fit outputs (N, 1), as in Keras.

        Raises:
            ValueError: if shape or values do not fit; the message names what was expected and what came.
        """
        return converted(self.name, as_shape(self.name, finite(self.name, target), y_shape), dtype)

    def on(self, kernels: Kernels) -> "Loss":
        """The same loss, computed by these kernels if they have it."""
        return self

    def forward(
        self, y: Float[Array, "*shape"], target: Shaped[Array, "..."], weight: Float[Array, "..."] | None = None
    ) -> tuple[Any, Any]:
        """Return the loss, and the cache for backward. `weight` has the first axes of y, without the last or all."""
        # One of the user's own may write into them.
        values = self.values(y.copy(), target.copy()) if is_own(type(self)) else self.values(y, target)
        divisor = self._divisor(y, values, weight)
        if weight is not None:
            values = values * _spread(weight, values.ndim)
        return values.sum(dtype=np.float64) / divisor, LossCache(y, target, weight, divisor)  # (1)

    def backward(self, cache: Any) -> Float[Array, "..."]:
        dy = self.gradient(cache.y, cache.target)
        if cache.weight is not None:
            dy = dy * _spread(cache.weight, dy.ndim)
        return dy / cache.divisor  # (1)

    def _divisor(self, y: Array, values: Array, weight: Array | None) -> Any:
        if self.reduction == "sum":
            return values.shape[-1] if values.ndim == y.ndim else 1  # rows are means over their numbers
        if self.reduction == "mean_with_sample_weight" and weight is not None:
            total = weight.sum() * (values.size // weight.size)
            return total + (total == 0)  # all weights are 0: so is the loss
        return values.size

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss as a number, or one for each row with the reduction None; arguments in Keras' order.

        y_pred that are no floats yet are float32, as in Keras; float64 is computed in float64.

        Raises:
            ValueError: if they do not fit each other.
        """
        y = outputs(y_pred)
        target = self.validate(y.shape, y_true, y.dtype)
        weight = None if sample_weight is None else _weight_for(y, sample_weight)
        weight = weight_of(self.mask_of(target), weight, self.reduction, y.dtype)
        if self.reduction in ("none", None):
            values = rows_of(self.values(y, target), y)
            return values if weight is None else values * _spread(weight, values.ndim)
        return float(self.forward(y, target, weight)[0] if weight is not None else self.forward(y, target)[0])

    def get_config(self) -> dict[str, Any]:
        """The settings that make the same loss. `name` is that of its class; one that the user gave is `label`."""
        if is_dataclass(self):
            names = [each.name for each in fields(self) if each.init]
        else:
            names = [name for name in ("reduction", "dtype") if name in inspect.signature(type(self)).parameters]
        left_out = ("name",) if is_own(type(self)) else ("name", "dtype")  # a class of ours has no other dtype
        config = {name: getattr(self, name) for name in names if name not in left_out}
        own = {} if self.name == type(self).name or not is_dataclass(self) else {"label": self.name}
        return config | own | name_in_file(type(self), type(self).name)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Loss":
        """The loss that `get_config` described."""
        return cls(**settings_of(config))


def settings_of(config: Any) -> dict[str, Any]:
    """The arguments of the constructor in what `get_config` returned."""
    settings = {key: value for key, value in config.items() if key not in ("name", "label", "custom")}
    return settings | ({"name": config["label"]} if "label" in config else {})


def changed(loss: L, **settings: Any) -> L:
    """A copy with other settings; losses are frozen once they are handed out."""
    other = object.__new__(type(loss))
    vars(other).update(vars(loss) | settings)  # with its kernels, which `copy` leaves behind
    return other


def weighted(loss: Loss, y: Array, target: Array, weight: Array | None) -> tuple[Any, Any]:
    """The forward pass of a loss.

    Raises:
        TypeError: for one of the user's own that cannot weigh, where a mask or weights ask for it.
    """
    if overrides(type(loss), "forward"):  # which may write into them
        y, target = y.copy(), target.copy()
    if weight is None:
        return loss.forward(y, target)
    if "weight" not in inspect.signature(loss.forward).parameters:
        raise TypeError(
            f"{type(loss).__name__}.forward takes no weight, but a mask or sample weights say how much each value "
            "counts: define values and gradient instead of forward and backward, or add a parameter weight=None"
        )
    return loss.forward(y, target, weight)


def weight_of(mask: Array | None, weight: Array | None, reduction: str | None, dtype: DTypeLike) -> Array | None:
    """Mask and weights as one array, of weights.

    A masked value has weight 0. Where the loss is a mean over all values, the others weigh more, so that it is the mean
    over those that the mask leaves.
    """
    if mask is None:
        return weight
    share = mask.size / np.maximum(mask.sum(), 1) if reduction in MEANS else 1
    counts: Array = (mask * share).astype(dtype)
    if weight is None:
        return counts
    if weight.ndim > counts.ndim:
        return weight * counts[..., np.newaxis]
    return counts * _spread(weight, counts.ndim)


def outputs(y_pred: Any) -> Array:
    """What stands in for the outputs of a model, as an array of floats."""
    y = as_numbers("y_pred", y_pred)
    if y.ndim == 0:
        raise ValueError("y_pred must be an array with a row for each example, got one number")
    return y if isinstance(y_pred, np.ndarray) and y.dtype.kind == "f" else y.astype(np.float32)


def rows_of(values: Array, y: Array) -> Array:
    """One value for each row of y: the mean over its numbers, where there is one for each of these."""
    return values.mean(axis=-1) if values.ndim == y.ndim else values


def _spread(weight: Array, ndim: int) -> Array:
    return weight.reshape(weight.shape + (1,) * (ndim - weight.ndim))


def _weight_for(y: Array, sample_weight: Any) -> Array:
    weight = converted("sample_weight", sample_weight, y.dtype)
    if weight.ndim == 0:
        return np.full(y.shape[:1], weight)
    if weight.ndim == y.ndim and weight.ndim > 1 and weight.shape[-1] == 1:
        weight = weight[..., 0]
    if weight.ndim >= max(2, y.ndim) or weight.shape != y.shape[: weight.ndim]:
        raise ValueError(f"sample_weight must have the first axes of y_pred, of shape {y.shape}, got {weight.shape}")
    return weight
