"""Which steps are refused, and which layer is to blame."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn.training.progress import NonFiniteError

# No step may act on a gradient, or make a weight, that is larger than this. A product of two such numbers (Adam's g²,
# a gradient times a weight) is at most 1e30, and float32, which ends at 3.4e38, holds a sum of 340 million of them,
# more than any layer adds. Beyond this limit such a sum may overflow or not by the order in which a BLAS happens to
# add, and the same run would stop on one machine and go on, with weights of 1e29, on another. It is the same number in
# float64, so that both refuse the same step. Training that works stays a dozen powers of ten below.
LARGEST = 1e15
_REMEDY = "Try a smaller learning rate, or clipping with global_clipnorm=1.0"

# Numbers whose squares add up to this are all small enough, however the sum was rounded: finding the largest would take
# a pass of its own.
_SURELY_SMALL = (LARGEST / 2) ** 2


def surely_accepted(loss: float, gradient: float, weights: float) -> bool:
    """Whether a step with this loss and these sums of squares is certainly not refused."""
    return math.isfinite(loss) and gradient <= _SURELY_SMALL and weights <= _SURELY_SMALL


def check_is_number(loss: Any, value: Any) -> None:
    """Raise TypeError, which names the loss, unless what its forward pass returned is one number, on whichever side."""
    if isinstance(value, float | int):
        return
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape != () or dtype is None or dtype.kind not in "biuf":
        got = repr(value) if shape is None else f"an array of {dtype} and shape {shape}"
        raise TypeError(f"the loss {getattr(loss, 'name', type(loss).__name__)!r} returned {got}, expected one number")


def check_loss(model: Any, loss: float, x: Array, drawn: tuple[int, int], epoch: int, step: int) -> None:
    """Raise NonFiniteError unless the loss is finite; it names the first layer whose output is not.

    `drawn` are epoch and step by the model's clock, which determined the dropout draws.
    """
    if not math.isfinite(loss):
        where = find_non_finite(model, x, *drawn)
        error = NonFiniteError(f"the loss is {loss} {_at(epoch, step)}: {where}. {_REMEDY}")
        error.loss = loss
        raise error


def check_gradient(model: Any, grads: Float[Array, " P"], squared_norm: float, epoch: int, step: int) -> None:
    """Raise NonFiniteError if a gradient is not finite, or above LARGEST after clipping."""
    if squared_norm <= _SURELY_SMALL:
        return
    if not math.isfinite(squared_norm):
        where = find_non_finite_gradient(model, grads)
        raise NonFiniteError(f"a non-finite gradient {_at(epoch, step)}: {where}. {_REMEDY}")
    if model.optimizer.clips_at <= LARGEST:
        return
    for layer, name, segment in reversed(parameters_of(model)):
        if (largest := _largest(grads[segment])) > LARGEST:
            where = f"the gradient of {name} of {layer.label} is the first in the backward pass"
            raise NonFiniteError(
                f"a gradient of {largest:.3g}, above {LARGEST:g}, {_at(epoch, step)}: {where}. {_REMEDY}"
            )


def check_weights(model: Any, squared_norm: float, epoch: int, step: int) -> None:
    """Raise NonFiniteError if a parameter is not finite or above LARGEST now, after this step."""
    if squared_norm <= _SURELY_SMALL:
        return
    for layer, name, _ in parameters_of(model):
        if not (largest := _largest(layer.params[name])) <= LARGEST:
            raise NonFiniteError(
                f"step {step + 1} of epoch {epoch + 1} would bring parameter {name} of {layer.label} to {largest:.3g}, "
                f"above {LARGEST:g}. {_REMEDY}"
            )


def check_slots(model: Any, epoch: int, step: int) -> None:
    """Raise NonFiniteError if a number that the optimizer keeps is NaN or infinite after this step.

    Our own rules cannot come to that with gradients and weights that are accepted: a running square is at most 1e30,
    and what a momentum or a step is, a weight becomes. A rule of the user's own may.
    """
    for slot, numbers in model.optimizer.slots.items():
        if np.isfinite(numbers).all():
            continue
        aligned = numbers.shape == model.trainable_params.shape
        places = parameters_of(model) if aligned else []  # a rule may keep what is no number for each parameter
        of = [f" for {name} of {layer.label}" for layer, name, place in places if not np.isfinite(numbers[place]).all()]
        raise NonFiniteError(
            f"step {step + 1} of epoch {epoch + 1} would make {slot!r} of the optimizer {model.optimizer.name} NaN or "
            f"infinite{of[0] if of else ''}. {_REMEDY}"
        )


def find_non_finite(model: Any, x: Array, epoch: int, step: int) -> str:
    """Name the first parameter or output that is NaN or infinite in the forward pass of this step, run again."""
    for layer, _, _, y in walk(model, x, epoch, step):
        for name, param in layer.params.items():
            if not np.isfinite(param).all():
                return f"parameter {name} of {layer.label} is not finite"
        if not np.isfinite(y).all():
            return f"{layer.label} is the first layer whose output is not finite"
    return "every layer's output is finite, so it is the loss itself"


def walk(model: Any, x: Array, epoch: int, step: int) -> Iterator[tuple[Any, Array, Array | None, Array]]:
    """Each layer with its x, mask and y in the forward pass of a training step, run again up to what the loss takes.

    `epoch` and `step` are those of the model's clock, which determined the dropout draws. Layers that carry states
    carry on.
    """
    mask = None
    for index, layer in enumerate(model.layers):
        next_mask = layer.compute_mask(x, mask)
        options = {"pre_activation": True} if model.joins_loss and layer is model.head else {}
        x = x.copy() if layer.takes_copy else x
        y, _ = layer.forward(x, mask=mask, training=True, rng=model.dropout_keys(index, epoch, step), **options)
        y = y[0] if isinstance(y, tuple) else y
        yield layer, x, mask, y
        x, mask = y, next_mask


def find_non_finite_gradient(model: Any, grads: Float[Array, " P"]) -> str:
    """Name the parameter that is not finite, or else the first such gradient in the order of the backward pass."""
    for layer, name, _ in parameters_of(model):
        if not np.isfinite(layer.params[name]).all():
            return f"parameter {name} of {layer.label} is not finite"
    for layer, name, segment in reversed(parameters_of(model)):
        if not np.isfinite(grads[segment]).all():
            return f"the gradient of {name} of {layer.label} is the first in the backward pass"
    layer, name, segment = max(parameters_of(model), key=lambda each: _largest(grads[each[2]]))
    largest = f"{_largest(grads[segment]):.3g}, is in the gradient of {name} of {layer.label}"
    return f"the sum of squares overflows; the largest number, {largest}"


def _at(epoch: int, step: int) -> str:
    return f"at step {step + 1} of epoch {epoch + 1}"


def parameters_of(model: Any) -> list[tuple[Any, str, slice]]:
    """Layer, name and place in the flat vectors of each parameter that is trained."""
    owners = [(layer, name) for layer, names in zip(model.layers, model.trained, strict=True) for name in names]
    return [(*owner, segment) for owner, segment in zip(owners, model.segments, strict=True)]


def _largest(numbers: Array) -> float:
    """The largest absolute value; NaN if one is NaN."""
    return float(abs(numbers).max()) if numbers.size else 0.0
