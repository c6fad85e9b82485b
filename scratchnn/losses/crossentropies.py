"""Cross-entropies: the surprise at the targets when y holds probabilities.

`from_logits=True` means that y has not been through the sigmoid or softmax yet, which is more accurate: no probability
is clipped away from 0 and 1 for its logarithm to exist. Otherwise a probability nearer than 1e-7 to 0 or 1 is clipped
to that distance, as in Keras, and its gradient is 0 there, because the clipped value no longer depends on y.

`label_smoothing` s replaces t by t (1 - s) + s / C, where C is the number of classes: 2 for binary cross-entropy.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array, BinaryCrossentropyPair, Kernels
from scratchnn_kernels.reference import binary_crossentropy
from scratchnn_kernels.shapes import Bool, Float, Int, Shaped

from scratchnn import activations
from scratchnn.core.attributes import heeds_keras
from scratchnn.core.checks import whole_number
from scratchnn.losses.base import EPSILON, Loss, LossCache, changed, weight_of
from scratchnn.losses.targets import as_distributions, as_probabilities, as_shape, check_classes, finite


@heeds_keras
@dataclass(frozen=True)
class BinaryCrossentropy(Loss):
    """The surprise at labels t when y is the probability of a 1; t may itself be a probability.

    (1) p = min(max(y, ε), 1 - ε), or sigmoid(y) when `from_logits`
    (2) values = -(t log p + (1 - t) log(1 - p))

    Computed by the kernels of that name, or, where values are weighted, by the array code of the reference.
    """

    joins = "sigmoid"
    accuracy: ClassVar[str | None] = "binary_accuracy"
    from_logits: bool = False
    label_smoothing: float | int = 0.0
    axis: int = -1
    reduction: str | None = "sum_over_batch_size"
    name: str = "binary_crossentropy"
    dtype: Any = None
    pair: BinaryCrossentropyPair = field(default=binary_crossentropy, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Without the kernels, which are a module: a copy has those of the reference backend until `on` is called."""
        return {name: value for name, value in vars(self).items() if name != "pair"}

    def on(self, kernels: Kernels) -> "BinaryCrossentropy":
        return changed(self, pair=kernels.binary_crossentropy)

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        return as_probabilities(self.name, target, y_shape, dtype)

    def values(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return binary_crossentropy.surprise(y, smooth(target, self.label_smoothing, 2), self.from_logits)  # (1), (2)

    def gradient(self, y: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, "..."]:
        return binary_crossentropy.slope(y, smooth(target, self.label_smoothing, 2), self.from_logits)  # (1), (2)

    def forward(
        self, y: Float[Array, "*shape"], target: Float[Array, "*shape"], weight: Float[Array, "..."] | None = None
    ) -> tuple[Any, Any]:
        if weight is None and self.reduction != "sum":
            return self.pair.forward(y, smooth(target, self.label_smoothing, 2), self.from_logits)
        return super().forward(y, target, weight)

    def backward(self, cache: Any) -> Float[Array, "..."]:
        return super().backward(cache) if isinstance(cache, LossCache) else self.pair.backward(cache)


def smooth(target: Array, share: float | int, classes: int) -> Array:
    """Targets with this share of their probability spread over all classes."""
    return target * (1 - share) + share / classes if share else target


@heeds_keras
@dataclass(frozen=True)
class CategoricalCrossentropy(Loss):
    """The surprise at rows of target probabilities t, most often one-hot, when the last axis of y holds probabilities.

    (1) q = y / Σ y
    (2) p = min(max(q, ε), 1 - ε); p = softmax(y) instead of (1, 2) when `from_logits`
    (3) values = -Σ t log p, one for each row
    """

    joins = "softmax"
    accuracy: ClassVar[str | None] = "categorical_accuracy"
    from_logits: bool = False
    label_smoothing: float | int = 0.0
    axis: int = -1
    reduction: str | None = "sum_over_batch_size"
    name: str = "categorical_crossentropy"
    dtype: Any = None

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        return as_distributions(self.name, target, y_shape, dtype)

    def values(self, y: Float[Array, "*rows C"], target: Float[Array, "*rows C"]) -> Float[Array, "*rows"]:
        t = smooth(target, self.label_smoothing, y.shape[-1])
        if self.from_logits:
            shifted = y - y.max(axis=-1, keepdims=True)
            log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))  # (1, 2)
        else:
            q = y / y.sum(axis=-1, keepdims=True)  # (1)
            log_p = np.log(np.clip(q, EPSILON, 1 - EPSILON))  # (2)
        return -(t * log_p).sum(axis=-1)  # (3)

    def gradient(self, y: Float[Array, "*rows C"], target: Float[Array, "*rows C"]) -> Float[Array, "*rows C"]:
        t = smooth(target, self.label_smoothing, y.shape[-1])
        if self.from_logits:
            return activations.get("softmax")(y) - t  # (1, 2, 3) together; each row of t sums to 1
        total = y.sum(axis=-1, keepdims=True)
        q = y / total
        p = np.clip(q, EPSILON, 1 - EPSILON)
        dp = -t / p  # (3)
        dq = np.where(p == q, dp, 0)  # (2)
        return (dq - (dq * q).sum(axis=-1, keepdims=True)) / total  # (1)


@heeds_keras
@dataclass(frozen=True)
class SparseCategoricalCrossentropy(Loss):
    """CategoricalCrossentropy with class numbers c = 0 ... C-1 instead of one-hot rows: targets (N,), outputs (N, C).

    (1) p = min(max(y, ε), 1 - ε); unlike for one-hot rows, it clips first here, as Keras on TensorFlow does
    (2) q = p / Σ p; q = softmax(y) instead of (1, 2) when `from_logits`
    (3) values = -log q[c], one for each row

    No one-hot rows are made: a language model has thousands of classes. Where the target is `ignore_class` it does not
    count, as if it were masked. `ignore_class` need not be one of the classes: -1 is common.
    """

    joins = "softmax"
    accuracy: ClassVar[str | None] = "sparse_categorical_accuracy"
    from_logits: bool = False
    ignore_class: Any = None
    reduction: str | None = "sum_over_batch_size"
    axis: int = -1
    name: str = "sparse_categorical_crossentropy"
    dtype: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ignore_class is not None:
            whole_number("ignore_class", self.ignore_class, -(2**31), 2**31)
            object.__setattr__(self, "joins", None)  # as in Keras, which first sets ignored rows of y to 0

    def validate(self, y_shape: tuple[int, ...], target: Any, dtype: DTypeLike = np.float32) -> Shaped[Array, "..."]:
        check_classes(self.name, y_shape)
        target = finite(self.name, target)
        if target.shape == y_shape:
            raise ValueError(
                f"{self.name} expects class numbers of shape {y_shape[:-1]}, got {target.shape}; "
                "one-hot rows belong to categorical_crossentropy"
            )
        target = as_shape(self.name, target, y_shape[:-1])
        if (target != np.floor(target)).any():
            raise ValueError(f"{self.name} expects whole class numbers, got {target[target != np.floor(target)][0]:g}")
        known = target if self.ignore_class is None else target[target != self.ignore_class]
        if known.size and (known.min() < 0 or known.max() >= y_shape[-1]):
            raise ValueError(
                f"{self.name} expects class numbers from 0 to {y_shape[-1] - 1}, "
                f"got values from {known.min():g} to {known.max():g}"
            )
        return target.astype(np.int64)

    def mask_of(self, target: Shaped[Array, "..."]) -> Bool[Array, "..."] | None:
        return None if self.ignore_class is None else target != self.ignore_class

    def values(self, y: Float[Array, "*rows C"], target: Int[Array, "*rows"]) -> Float[Array, "*rows"]:
        c = self._classes(target)
        if self.from_logits:
            shifted = y - y.max(axis=-1, keepdims=True)
            return np.log(np.exp(shifted).sum(axis=-1)) - _chosen(shifted, c)  # (2, 3)
        p = np.clip(y, EPSILON, 1 - EPSILON)  # (1)
        return -np.log(_chosen(p, c) / p.sum(axis=-1))  # (2, 3)

    def gradient(self, y: Float[Array, "*rows C"], target: Int[Array, "*rows"]) -> Float[Array, "*rows C"]:
        c = self._classes(target)
        if self.from_logits:
            return _less_one(activations.get("softmax")(y), c)  # (2, 3) together
        p = np.clip(y, EPSILON, 1 - EPSILON)
        return np.where(p == y, _less_one(p / p.sum(axis=-1, keepdims=True), c) / p, 0)  # (1, 2, 3) together

    def _classes(self, target: Int[Array, "*rows"]) -> Int[Array, "*rows"]:
        """Numbers that there are; an ignored one need not be, and its row has the weight 0."""
        return target if self.ignore_class is None else np.where(target == self.ignore_class, 0, target)

    def forward(
        self, y: Float[Array, "*rows C"], target: Int[Array, "*rows"], weight: Float[Array, "..."] | None = None
    ) -> tuple[Any, Any]:
        if weight is None:
            weight = weight_of(self.mask_of(target), None, self.reduction, y.dtype)
        return super().forward(y, target, weight)


def _chosen(y: Float[Array, "*rows C"], c: Int[Array, "*rows"]) -> Float[Array, "*rows"]:
    """The number of each row at its class."""
    return y.reshape(-1, y.shape[-1])[_at(c)].reshape(c.shape)


def _less_one(y: Float[Array, "*rows C"], c: Int[Array, "*rows"]) -> Float[Array, "*rows C"]:
    """The same array, changed: 1 less in each row at its class, which is y minus one-hot rows."""
    y.reshape(-1, y.shape[-1])[_at(c)] -= 1
    return y


def _at(c: Int[Array, "*rows"]) -> tuple[Array, Array]:
    """The place of each class: its row, counted in c's memory, which may be a device's, and its number."""
    return np.ones_like(c).ravel().cumsum() - 1, c.ravel()
