"""Examples, their targets and weights as a user gave them: checked, held out, and brought into the kernels' memory."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn.core.arrays import as_numbers
from scratchnn.core.backend import Backend
from scratchnn.core.warning import warn
from scratchnn.losses import Loss
from scratchnn.training import balance, batches, on_disk, sample_weights
from scratchnn.training.epoch import Batch


def checked(model: Any, x: Any, y: Any, sample_weight: Any = None) -> Batch:
    """x, y and weights as arrays that fit the model and the loss, each checked once, here; x in the kernels' memory."""
    loss = model.loss
    x = on_disk.taken(one_input(model, x), model.check_input, model.backend)
    y = _one_of("y", "output", y, lambda each: len(each) == len(x), len(x))
    y = y if y is None or on_disk.is_on_disk(y) else as_numbers("y", model.backend.to_host(y))
    batches.check_lengths(x, y)
    if model.has_several_outputs:
        raise ValueError(
            "a loss needs one output, but the last layer has others too (states): choose one with Model(x, y)"
        )
    if model.joins_loss and getattr(loss, "from_logits", False):
        warn(
            f"{loss.name} has from_logits=True, but the model ends in {loss.joins}: the loss takes what enters it. "
            f"Leave out from_logits, or the {loss.joins}"
        )
    y_shape = model.y_shape_of(x)
    y = on_disk.taken(y, lambda rows: loss.validate((len(rows), *y_shape[1:]), rows, model.dtype), model.backend)
    sample_weight = _one_of("sample_weight", "output", sample_weight, lambda each: len(each) == len(x), len(x))
    if sample_weight is None or not on_disk.is_on_disk(sample_weight):
        return x, y, sample_weights.checked(model.backend.to_host(sample_weight), y_shape, model.dtype)
    weight = on_disk.taken(
        sample_weight, lambda rows: sample_weights.checked(rows, (len(rows), *y_shape[1:]), model.dtype), model.backend
    )
    return x, y, weight


def one_input(model: Any, x: Any) -> Any:
    """x, or the array in a list of one, which Keras takes too: there, lists are for models of several inputs.

    A list of one example is a batch of one, and known by its axes.
    """
    rank = len(model.input_shape)
    return _one_of("x", "input", x, lambda each: each.ndim == rank if rank else each.ndim > 1, None if rank else len(x))


def _one_of(what: str, of_model: str, value: Any, is_whole: Callable[[Any], bool], rows: int | None) -> Any:
    """The array in a list of one; a list of so many `rows` is an array of these.

    Raises:
        ValueError: for a list of several.
    """
    if not isinstance(value, list | tuple) or not value:
        return value
    if not all(hasattr(each, "__array__") and getattr(each, "ndim", 0) and is_whole(each) for each in value):
        return value
    if len(value) > 1 and len(value) != rows:
        raise ValueError(
            f"{what} is a list of {len(value)} arrays, and a model here has one {of_model}: give the array itself"
        )
    return value[0] if len(value) == 1 else value


def weighted_by_class(model: Any, data: Batch, class_weight: Any) -> Batch:
    """The examples to train on, each with the weight of its class."""
    if class_weight is None:
        return data
    x, y, weight = data
    if weight is not None:
        raise ValueError("give class_weight or sample_weight, not both: multiply the classes' weights in yourself")
    shape = model.y_shape_of(x)
    parts = [
        sample_weights.of_classes(class_weight, part, shape, model.loss, model.dtype) for part in on_disk.blocks_of(y)
    ]
    return x, y, parts[0] if len(parts) == 1 else np.concatenate(parts)


def check_metrics(model: Any, data: Batch) -> Batch:
    """The same data; a ValueError if a metric cannot count these outputs and targets, before anything is trained."""
    x, y, _ = data
    for metric in model.fresh_metrics():
        metric.check(model.y_shape_of(x), (len(y), *y[:1].shape[1:]))  # of y on a disk, as it will be gathered
    return data


def in_memory(backend: Backend, data: Batch) -> Batch:
    """The same in the kernels' memory, but what is on disk."""
    x, y, weight = data
    return x, _in_memory(backend, y), None if weight is None else _in_memory(backend, weight)


def _in_memory(backend: Backend, part: Any) -> Any:
    if isinstance(part, on_disk.OnDisk):
        return part.then(lambda rows: backend.array(rows, rows.dtype))
    return backend.array(part, part.dtype)


def hold_out(model: Any, data: Batch, share: float) -> tuple[Batch, Batch | None]:
    """What to train on and what to validate on. There is a warning if the latter has other classes than the former."""
    data, held = batches.split(data, share)
    if held is not None:
        rest, there = (_classes_in(part[1], model.loss) for part in (data, held))
        if problem := balance.warning_of(rest, there):
            warn(problem)
    return data, held


def _classes_in(target: Any, loss: Loss) -> Counter[float] | None:
    total: Counter[float] = Counter()
    for part in on_disk.blocks_of(target):
        if (counts := balance.classes_in(part, loss)) is None:
            return None
        total += counts
    return total
