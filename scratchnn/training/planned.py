"""Steps of training without Python: the passes of the first step are noted, and run again for those that follow.

Layer by layer, Python takes 70 us for what a small network computes in as many. Where every layer runs in kernels
alone, the same launches make the same step of every batch of that shape; scratchnn_kernels/cpu/plan.py notes them and
runs them in one call. Which layers, losses and batches that holds for is decided here; for all others, and for the
first steps of each epoch, there is the loop of `epoch.py`, whose results these are, to the bit.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from scratchnn_kernels.contract import Array

from scratchnn.core import randomness
from scratchnn.core.names import is_own
from scratchnn.losses import BinaryCrossentropy
from scratchnn.training.sample_weights import Counting


class Passes(NamedTuple):
    """What forward and backward pass of a batch gave; the gradients are in the model's `trainable_grads`."""

    loss: Any
    y: Array
    counting: Counting
    loss_cache: Any = None


class PlannedSteps:
    """Takes the passes of batches: plainly, until the same shape has come twice, and from then on by its plan.

    `passes` takes them plainly. It lasts for one call of `train_epoch`: between two of them a callback may change a
    layer. One shape has a plan, since a plan keeps all arrays of its step; the last batch of an epoch is a smaller one.
    """

    def __init__(self, model: Any, passes: Callable[..., Passes]) -> None:
        self._model, self._passes = model, passes
        self._plan = model.backend.plan() if can_be_planned(model) else None
        self._shape: Any = None  # of the batches that the plan is for
        self._x: Any = None  # the arrays that it reads and writes
        self._target: Any = None
        self._noted: Passes | None = None
        self._keys: list[Array] = []

    def take(self, x: Array, target: Array, weight: Array | None, epoch: int, step: int) -> Passes:
        if self._plan is None or weight is not None:
            return self._passes(x, target, weight, epoch, step)
        shape = x.shape, x.dtype, target.shape, target.dtype
        if self._noted is not None and shape == self._shape:
            return self._again(x, target, epoch, step)
        if self._noted is not None or shape != self._shape:
            self._shape = self._shape if self._noted is not None else shape
            return self._passes(x, target, weight, epoch, step)
        self._x, self._target = x.copy(), target.copy()
        with self._plan.recorded():
            self._noted = self._passes(self._x, self._target, None, epoch, step)
        self._keys = self._plan.keys
        return self._noted._replace(y=self._noted.y.copy())

    def _again(self, x: Array, target: Array, epoch: int, step: int) -> Passes:
        assert self._noted is not None and self._plan is not None
        self._x[...], self._target[...] = x, target
        for key in self._keys:
            randomness.move_key(key, epoch=epoch, step=step)
        self._plan.run()
        return Passes(float(self._noted.loss_cache.loss[0]), self._noted.y.copy(), Counting())


def can_be_planned(model: Any) -> bool:
    """Whether kernels alone make the step of this model, whatever the numbers of a batch."""
    loss = model.loss
    known_loss = type(loss) is BinaryCrossentropy and not loss.label_smoothing and loss.reduction != "sum"
    return (
        model.backend.plan() is not None
        and known_loss
        and not model.penalties
        and not model.has_several_outputs
        and all(_runs_in_kernels(model, layer) for layer in model.layers)
    )


def _runs_in_kernels(model: Any, layer: Any) -> bool:
    if is_own(type(layer)):
        return False
    if layer is model.head and model.joins_loss:
        return layer.pre_activation_runs_in_kernels  # which goes to the loss
    return layer.runs_in_kernels
