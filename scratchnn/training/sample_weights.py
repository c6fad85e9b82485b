"""How much each value counts in loss and metrics: the mask of the outputs and the weights that the user gave, as one.

Padding does not count. The loss is the mean over what counts, and a batch of padding alone has the loss 0; weights of
the user's own scale the loss and do not change what it is divided by. A metric is divided by the sum of its weights.

Keras: the same, and so is the loss of an epoch, in which each batch's loss counts in proportion to its number of
examples, padded or not. In Keras a weight per example of a sequence is an error, or is taken for one per step; here it
counts for each step of the example.
"""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float

from scratchnn.core.arrays import converted
from scratchnn.core.checks import whole_number
from scratchnn.losses import Loss, weight_of


class Counting(NamedTuple):
    """Mask and sample weights of a batch, which say how much its values count; None: all alike."""

    mask: Bool[Array, "..."] | None = None  # of the outputs (B, T): False where they are padding
    weight: Float[Array, "..."] | None = None  # what the user gave, per example (B,) or per step (B, T)

    def of_loss(self, y: Array, target: Array, loss: Loss) -> Array | None:
        """The weights of the loss's values; the weighted mean is the mean over those that count."""
        mask, known = self._mask_of(y), loss.mask_of(target)
        if known is not None:
            mask = known if mask is None else mask & known
        return weight_of(mask, self.weight, loss.reduction, y.dtype)

    def of_metric(self, y: Array, *, weighted: bool, masked: bool) -> Array | None:
        """The weights of a metric's values. `weighted`: the user's count; `masked`: padding does not."""
        mask = self._mask_of(y) if masked else None
        if mask is None:
            return self.weight if weighted else None
        return weight_of(mask, self.weight if weighted else None, "sum", y.dtype)

    def _mask_of(self, y: Array) -> Array | None:
        if self.mask is not None and self.mask.shape != y.shape[: self.mask.ndim]:
            raise ValueError(
                f"the mask of the outputs has shape {self.mask.shape}, which does not fit outputs of shape {y.shape}: "
                "compute_mask of the last layer must return None where time ends"
            )
        return self.mask


def joined(countings: Sequence[Counting]) -> Counting:
    """Of several batches, one after another."""
    parts = zip(*countings, strict=True)
    return Counting(*(None if part[0] is None else np.concatenate(part) for part in parts))


def checked(sample_weight: Any, y_shape: tuple[int, ...], dtype: DTypeLike) -> Float[Array, "..."] | None:
    """The weights of examples, (N,), or of their steps, (N, T), for outputs of shape `y_shape`; None stays None.

    Raises:
        ValueError: for other shapes, and for what is no finite number of `dtype`.
    """
    if sample_weight is None:
        return None
    weight = converted("sample_weight", sample_weight, dtype)
    fitting = [y_shape[:1], y_shape[:2]] if len(y_shape) > 2 else [y_shape[:1]]
    bare: Any = weight[..., 0] if weight.shape[-1:] == (1,) and weight.shape not in fitting else weight
    if bare.shape not in fitting:
        wanted = " or ".join(map(str, fitting))
        raise ValueError(
            f"sample_weight expects shape {wanted}, one weight per example{_STEP[len(fitting) - 1]}, got {weight.shape}"
        )
    if not np.isfinite(bare).all():
        raise ValueError(
            f"sample_weight expects finite weights, got {np.count_nonzero(~np.isfinite(bare))} that are not"
        )
    return bare


_STEP = ("", " or per step")


def of_classes(
    class_weight: Any, target: Any, y_shape: tuple[int, ...], loss: Loss, dtype: DTypeLike
) -> Float[Array, " N"]:
    """The weight of each example by its class, {class number: weight}; a class that is not named has weight 1.

    Raises:
        TypeError: for anything but a dict.
        ValueError: for a class that the model does not have, a weight that is no finite number of `dtype`, a class per
            step.
    """
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight expects a dict, {{class number: weight}}, got {class_weight!r}")
    if len(y_shape) > 2:
        raise ValueError(
            f"class_weight weighs whole examples by their class, but outputs of shape {y_shape} have a class per step: "
            "give sample_weight of shape (N, T) instead"
        )
    last = max(2, *y_shape[1:]) - 1 if loss.accuracy is not None else None
    by_class = {_class_of(key, last): _weight_of(key, weight, dtype) for key, weight in class_weight.items()}
    one_hot = target.ndim > 1 and target.shape[-1] > 1
    labels: Any = target.argmax(axis=-1) if one_hot else target.reshape(len(target))
    labels = np.round(labels).astype(np.int64)
    weights = np.ones(len(labels), dtype)
    for number, weight in by_class.items():
        weights[labels == number] = weight
    return weights


def _class_of(key: Any, last: int | None) -> int:
    """The number of a class: labels of scikit-learn are floats, and False and True are classes 0 and 1."""
    is_whole = isinstance(key, bool | np.bool_) or (isinstance(key, float | np.floating) and float(key).is_integer())
    return whole_number("a class in class_weight", int(key) if is_whole else key, 0, last)


def _weight_of(key: Any, weight: Any, dtype: DTypeLike) -> Array:
    of_array = isinstance(weight, np.ndarray) and weight.shape == () and weight.dtype.kind in "iufb"
    if of_array or isinstance(weight, Real | np.bool_):
        with np.errstate(over="ignore"):
            value = np.asarray(weight).astype(dtype)
        if np.isfinite(value):
            return value
    raise ValueError(
        f"class_weight expects a finite weight for class {key}, one number that {np.dtype(dtype)} can hold, "
        f"got {weight!r}"
    )
