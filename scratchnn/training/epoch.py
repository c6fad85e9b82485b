"""One epoch of training: forward, loss, backward, step, count.

Everything else is around this loop: the batches and their order in `batches.py`; steps that run ahead of a GPU, and the
roll-back of a refused step, in `ahead.py`; console, callbacks and Ctrl-C in `session.py`.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.losses import weighted
from scratchnn.training.weights import Counting

Batch = tuple[Array, Array, Array | None]  # examples x, their targets, and their weights
Numbered = tuple[int, Array, Array, Array | None]  # a batch after the number of its step


def train_epoch(model: Any, batches: Iterable[Numbered], epoch: int, count: Callable[..., None]) -> None:
    """Take a step of the optimizer on every batch. `epoch` and the step's number, both by the model's clock, determine
    the dropout draws.

    `count` receives the results of each step: its loss, the gradients, the outputs y (before a sigmoid or softmax that
    the loss goes through itself), their targets, and how much they count.
    """
    loss_function, forward = model.loss_in_training, model.forward_to_loss()
    with np.errstate(all="ignore"):  # `count` finds an overflow, and can name layer and step
        for step, x, target, weight in batches:
            y, caches = forward(x, training=True, epoch=epoch, step=step)
            counting = Counting(getattr(caches, "mask", None), weight)
            loss, loss_cache = weighted(loss_function, y, target, counting.of_loss(y, target, loss_function))
            loss = model.with_penalties(loss)  # whose gradients are in `backward`
            _, grads = model.backward(loss_function.backward(loss_cache), caches)
            del caches, loss_cache  # their memory serves the next step
            model.optimizer.step(model.trainable_params, grads, model.variable_segments)
            count(loss, grads, y, target, counting)
