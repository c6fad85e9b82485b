"""One epoch of training: forward, loss, backward, step, record.

Everything else is around this loop: the batches and their order in `batches.py`; steps whose results are read a while
later, and the roll-back of a refused step, in `ahead.py`; console, callbacks and Ctrl-C in `session.py`.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.losses import weighted
from scratchnn.training.planned import Passes, PlannedSteps
from scratchnn.training.sample_weights import Counting

Batch = tuple[Array, Array, Array | None]  # examples x, their targets, and their weights
Numbered = tuple[int, Array, Array, Array | None]  # a batch after the number of its step


def train_epoch(model: Any, batches: Iterable[Numbered], epoch: int, record: Callable[..., None]) -> None:
    """Take a step of the optimizer on every batch. `epoch` and the step's number, both by the model's clock, determine
    the dropout draws.

    `record` receives the results of each step: its loss, the gradients, the outputs y (before a sigmoid or softmax that
    the loss goes through itself), their targets, and the mask and sample weights that say how much each counts.
    """
    loss_function, forward = model.joined_loss, model.forward_to_loss()

    def passes(x: Array, target: Array, weight: Array | None, epoch: int, step: int) -> Passes:
        y, caches = forward(x, training=True, epoch=epoch, step=step)
        counting = Counting(getattr(caches, "mask", None), weight)
        loss, loss_cache = weighted(loss_function, y, target, counting.of_loss(y, target, loss_function))
        loss = model.with_penalties(loss)  # whose gradients are in `backward`
        model.backward(loss_function.backward(loss_cache), caches)
        return Passes(loss, y, counting, loss_cache)

    steps = PlannedSteps(model, passes)  # the same passes, without Python where that is possible
    with np.errstate(all="ignore"):  # `record` finds an overflow, and can name layer and step
        for step, x, target, weight in batches:
            loss, y, counting, _ = steps.take(x, target, weight, epoch, step)
            model.optimizer.step(model.trainable_params, model.trainable_grads, model.variable_segments)
            record(loss, model.trainable_grads, y, target, counting)
