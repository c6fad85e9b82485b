"""What a batch needs of the host's memory on the cpu backend, counted from shapes before anything is allocated."""

import math
from collections.abc import Callable
from typing import Any

from scratchnn.core.backend import ALWAYS_THERE

Shape = tuple[int, ...]
MOST_KNOWN = 1000  # shapes of batches that need not be counted again


def require_batch(model: Any, shape: Shape, *, training: bool) -> None:
    """Raise MemoryError, with the batch size that would fit, if there is certainly not enough for such a batch x.

    The largest part of training is what layers keep for the backward pass. Data, and predictions, are not counted.
    """
    count = training_bytes if training else inference_bytes
    key = shape, training, len(model.layers)
    known = model._small_batches
    if key in known:  # the same call on one row after the other
        return
    needed = count(model, shape)
    if needed < ALWAYS_THERE:
        if len(known) >= MOST_KNOWN:
            known.clear()
        known.add(key)
        return
    free = model.backend.free_memory()
    if free is None or needed <= free:
        return
    what = "a training step" if training else "a forward pass"
    most = _largest(lambda rows: count(model, (rows, *shape[1:])) <= free, shape[0])
    instead = f"batch_size={most} would fit" if most else "one row would not fit; give shorter rows, or fewer units"
    model.backend.require_memory(
        needed, f"{what} on a batch of shape {shape}", f", most of it for {_most_of(model, shape)}: {instead}"
    )


def training_bytes(model: Any, shape: Shape) -> int:
    """A step at its height: what all layers keep; the layer at work; gradients, and the copy to undo it by."""
    kept = peak = math.prod(shape)  # the batch itself is gathered from the examples
    layers = []
    before = None  # the layer that made x, or rather what it needs
    for layer, x, y in _shapes(model, shape):
        memory = layer.memory(x, training=True)
        peak = max(peak, kept + memory.kept + memory.forward)
        kept += memory.kept
        if before is not None and before.kept and not before.keeps_y and not memory.keeps_x:
            kept -= math.prod(x)  # nobody needs it any more
        before = memory
        layers.append((memory.backward, math.prod(y)))
    peak = max([peak, *(kept + backward + dy for backward, dy in layers)])
    return model.dtype.itemsize * (peak + _beside(model))


def _beside(model: Any) -> int:
    """Numbers for parameters besides those that are there before the first step."""
    trained, optimizer = model.trainable_params.size, model.optimizer
    slots = 0 if optimizer is None else len(optimizer.slot_names)
    before = vars(model).get("before_step")  # not there before the first training
    copies = 0 if before is not None and before.is_taken else 1 + slots
    return trained * (1 + copies)  # 1: the layers' gradients, before they are gathered


def inference_bytes(model: Any, shape: Shape) -> int:
    """A forward pass without caches at its height: x and y of the layer at work, and what it needs besides."""
    peak = batch = 0  # which whoever calls holds, once it is no longer x
    for layer, x, _ in _shapes(model, shape):
        memory = layer.memory(x, training=False)
        peak = max(peak, batch + math.prod(x) + memory.kept + memory.forward)
        batch = math.prod(shape) if memory.kept else batch
    return model.dtype.itemsize * peak


def _shapes(model: Any, shape: Any) -> list[tuple[Any, Shape, Shape]]:
    """Each layer with the shapes of x and y."""
    found = []
    for layer in model.layers:
        y = layer.compute_output_shape(shape)
        y = y[0] if isinstance(y[0], tuple) else y
        found.append((layer, shape, y))
        shape = y
    return found


def _most_of(model: Any, shape: Shape) -> str:
    """The layer that needs the most."""
    return max(_shapes(model, shape), key=lambda each: sum(each[0].memory(each[1], training=True)))[0].label


def _largest(fits: Callable[[int], bool], too_many: int) -> int:
    """The largest number of rows below `too_many` that fits; 0 if one does not."""
    fitting, most = 0, too_many
    while most - fitting > 1:
        middle = (fitting + most) // 2
        fitting, most = (middle, most) if fits(middle) else (fitting, middle)
    return fitting
