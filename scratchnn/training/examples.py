"""Examples, their targets and weights as a user gave them: checked, held out, and brought into the kernels' memory."""

import warnings
from typing import Any

import numpy as np

from scratchnn.core.arrays import as_numbers
from scratchnn.core.backend import Backend
from scratchnn.training import batches, weights
from scratchnn.training.epoch import Batch


def checked(model: Any, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None) -> Batch:
    """x, y and weights as arrays that fit the model and the loss, each checked once, here; x in the kernels' memory."""
    loss = model.loss
    x, y = model.check_input(x), model.backend.to_host(y)
    y = y if y is None else as_numbers("y", y)
    batches.check_lengths(x, y)
    if model.has_several_outputs:
        raise ValueError(
            "a loss needs one output, but the last layer returns its states too: choose one with Model(x, y)"
        )
    if model.joins_loss and getattr(loss, "from_logits", False):
        warnings.warn(
            f"{loss.name} has from_logits=True, but the model ends in {loss.joins}: the loss takes what enters it. "
            f"Leave out from_logits, or the {loss.joins}",
            stacklevel=3,
        )
    y_shape = model.y_shape_of(x)
    y = loss.validate(y_shape, y, model.dtype)
    if class_weight is not None and sample_weight is not None:
        raise ValueError("give class_weight or sample_weight, not both: multiply the classes' weights in yourself")
    if class_weight is not None:
        sample_weight = weights.of_classes(class_weight, y, y_shape, loss)
    return x, y, weights.checked(sample_weight, y_shape, model.dtype)


def in_memory(backend: Backend, data: Batch) -> Batch:
    """The same in the kernels' memory."""
    x, y, weight = data
    weight = None if weight is None else backend.array(weight, weight.dtype)
    return x, backend.array(y, y.dtype), weight


def hold_out(model: Any, data: Batch, share: float, given: Any) -> tuple[Batch, Batch | None]:
    """What to train on and what to validate on, in the kernels' memory. As in Keras, `given` overrides `share`."""
    classes = len(np.unique(data[1]))
    data, validation = batches.split(data, 0.0 if given is not None else share)
    if given is not None:
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            several = isinstance(given, tuple | list)
            what = f"{type(given).__name__} of {len(given)}" if several else type(given).__name__
            raise ValueError(f"validation_data must be (x, y) or (x, y, sample_weight), got a {what}")
        validation = checked(model, *given)
    if validation is not None:
        y_held = validation[1]
        if len(np.unique(y_held)) == 1 and classes > 1:
            warnings.warn(
                f"every label of the {len(y_held):,} validation examples is {y_held.flat[0]:g}: "
                "the last examples are held out as they are, so shuffle x and y together first",
                stacklevel=4,
            )
        validation = in_memory(model.backend, validation)
    return in_memory(model.backend, data), validation
