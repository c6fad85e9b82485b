"""One epoch of training: its steps in their order, and what they bring added up.

On the host every step is looked at when it is done. On a GPU that would make Python wait for the device and the device
for Python, step after step. There the steps run ahead, and are looked at every hundred and at the end of the epoch:
their numbers stay on the device until then. If one of them is NaN or too large, parameters and optimizer go back to
where they were at the last look, and the same steps are taken again, looked at one by one, until the one that fails.
Equal steps bring equal bits, so this tells and leaves behind the same as looking at every step from the start.
"""

import math
import time
from typing import Any, NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn import batches, diagnosis, random
from scratchnn.metrics import Metric
from scratchnn.progress import NonFiniteError, Progress

STEPS_AHEAD = 100
MOST_NUMBERS_AHEAD = 2**22  # of the outputs that wait to be measured
BYTES_GATHERED = 2**20  # examples are brought into their order for several steps at once: so much of x


class Step(NamedTuple):
    """What a step brought. The three numbers may still lie on a device."""

    loss: Any
    gradient: Any  # the sum of its squares
    weights: Any  # the sum of their squares, after the step
    y: Array
    target: Array


class Snapshot:
    """Room for all that a step of the optimizer changes: parameters, slots and the count of steps."""

    def __init__(self) -> None:
        self._optimizer: Any = None  # whose slots the copies have room for
        self._copies: list[Array] = []
        self._iterations = 0

    def take(self, model: Any) -> None:
        arrays = _changed_by_steps(model)
        if self._optimizer is not model.optimizer or self._copies[0].size != arrays[0].size:
            self._optimizer, self._copies = model.optimizer, [np.empty_like(array) for array in arrays]
        for copy, array in zip(self._copies, arrays, strict=True):
            copy[...] = array
        self._iterations = model.optimizer.iterations

    def put_back(self, model: Any) -> None:
        for copy, array in zip(self._copies, _changed_by_steps(model), strict=True):
            array[...] = copy
        model.optimizer.iterations = self._iterations


def train_step(model: Any, x: Array, target: Array, epoch: int, step: int, *, look: bool = True) -> Step:
    """A forward and a backward pass and a step of the optimizer.

    Raises:
        NonFiniteError: if it is to `look`, and the loss is no longer a number, or a gradient or a weight too large
            (see `diagnosis.LARGEST`); parameters and optimizer are those before this step.
    """
    # Overflows are looked for below, where layer and step can be named; NumPy's warnings would come first.
    with np.errstate(all="ignore"):
        y, caches = model.forward(x, training=True, epoch=epoch, step=step)
        loss, loss_cache = model.loss.forward(y, target)
        if look:
            diagnosis.check_loss(model, float(loss), x, epoch, step)
        _, grads = model.backward(model.loss.backward(loss_cache), caches)
        gradient = model.optimizer.kernels.squared_norm(grads)
        if look:
            diagnosis.check_gradient(model, grads, float(gradient), epoch, step)
            model.before_step.take(model)
        model.optimizer.step(model.flat_params, grads, model.segments)
        weights = model.backend.rough_squared_norm(model.flat_params)
        if look:
            try:
                diagnosis.check_weights(model, float(weights), epoch, step)
            except NonFiniteError:
                model.before_step.put_back(model)
                raise
    return Step(loss, gradient, weights, y, target)


class Epoch:
    """The epoch that `progress` stands in. x and y are all examples, where the kernels want them.

    `watched`: somebody wants to hear of each step when it is done.
    """

    def __init__(
        self, model: Any, x: Array, y: Array, batch_size: int, shuffle: bool, progress: Progress, watched: bool
    ) -> None:
        N = len(x)
        self._model, self._progress, self._x, self._y = model, progress, x, y
        self._slices = batches.slices(N, batch_size)
        order = random.generator(model.seed, "order", epoch=progress.epoch).permutation(N) if shuffle else np.arange(N)
        self._order = model.backend.array(order, np.int64)
        self._looks_always = watched or model.backend.looks_at_every_step
        self._metrics: list[Metric] = model.running_metrics()
        self._gathered = range(0)  # the steps whose examples lie in these two:
        self._x_gathered = self._y_gathered = x[:0]
        self._waiting: list[Step] = []  # steps that were taken and not looked at
        self._numbers_waiting = 0  # in their outputs
        self._start = Snapshot()
        self._ahead = False  # whether steps were begun since `_start` was taken
        self._began = time.perf_counter() - progress.seconds

    @property
    def steps(self) -> int:
        return len(self._slices)

    def take(self, step: int) -> None:
        """Take the next step.

        Raises:
            NonFiniteError: as `train_step`, if it is looked at.
        """
        if not self._ahead and not self._looks_always:
            self._start.take(self._model)
            self._ahead = True
        self._waiting.append(self._step(step, self._looks_always))
        self._numbers_waiting += self._waiting[-1].y.size

    def wants_a_look(self, step: int) -> bool:
        """Whether to look after this step. That follows from counts, never from the clock."""
        if self._looks_always:
            return True
        much = self._numbers_waiting > MOST_NUMBERS_AHEAD
        return (step + 1) % STEPS_AHEAD == 0 or step + 1 == self.steps or much

    def look(self) -> list[float]:
        """Add what the steps since the last look brought to `progress`. Return their losses.

        Raises:
            NonFiniteError: as `train_step`; model and progress stand where the step that failed began.
        """
        waiting, self._waiting, self._numbers_waiting = self._waiting, [], 0
        numbers = self._numbers_of(waiting)
        if self._looks_always or all(map(_is_sound, *numbers)):
            self._ahead = False
            return self._count(waiting, numbers)
        self._go_back()
        losses = []
        for _ in waiting:
            again = [self._step(self._progress.step, True)]
            losses += self._count(again, self._numbers_of(again))
        return losses

    def abandon(self) -> None:
        """Forget steps that were not looked at: model and progress stand where the last look found them."""
        if self._ahead:
            self._go_back()
        self._waiting = []

    def _step(self, step: int, look: bool) -> Step:
        rows = self._slices[step]
        if step not in self._gathered:
            self._gather(step)
        start = self._slices[self._gathered.start].start
        here = slice(rows.start - start, rows.stop - start)
        return train_step(
            self._model, self._x_gathered[here], self._y_gathered[here], self._progress.epoch, step, look=look
        )

    def _gather(self, step: int) -> None:
        """Bring the examples of this step and its neighbours together, in their order.

        Always the same neighbours: a product's last bits may depend on how its operands lie in memory, and a step that
        is taken again, or with which training is resumed, must bring equal ones.
        """
        rows = self._slices[0]
        count = max(1, BYTES_GATHERED // max(1, (rows.stop - rows.start) * self._x[:1].nbytes))
        first = step - step % count
        self._gathered = range(first, min(first + count, self.steps))
        chosen = self._order[self._slices[first].start : self._slices[self._gathered[-1]].stop]
        self._x_gathered, self._y_gathered = self._x[chosen], self._y[chosen]

    def _numbers_of(self, steps: list[Step]) -> tuple[list[float], list[float], list[float]]:
        """The losses, gradients and weights of steps in one transfer: each one makes Python wait for the device."""
        numbers = self._model.backend.numbers([number for step in steps for number in step[:3]])
        return numbers[::3], numbers[1::3], numbers[2::3]

    def _count(self, steps: list[Step], numbers: tuple[list[float], list[float], list[float]]) -> list[float]:
        progress, (losses, gradients, _) = self._progress, numbers
        for step, loss, squared_norm in zip(steps, losses, gradients, strict=True):
            _add(progress.totals, "loss", loss * len(step.target))
            _add(progress.totals, "gradient_norm", math.sqrt(squared_norm))
            progress.seen += len(step.target)
        if self._metrics:
            self._measure(_joined([step.y for step in steps]), _joined([step.target for step in steps]))
        progress.step += len(steps)
        progress.seconds = time.perf_counter() - self._began
        return losses

    def _measure(self, y: Array, target: Array) -> None:
        totals = self._progress.totals
        for metric in self._metrics:
            metric.reset()
            metric.update(y, target)
            _add(totals, metric.name, self._model.backend.numbers([metric.total])[0])
            _add(totals, f"{metric.name} seen", metric.seen)

    def _go_back(self) -> None:
        self._start.put_back(self._model)
        self._ahead = False


def mean(totals: dict[str, float], name: str) -> float:
    """A metric over what was counted so far; NaN where it is not measured."""
    return totals[name] / totals[f"{name} seen"] if name in totals else math.nan


def _add(totals: dict[str, float], key: str, value: float | int) -> None:
    totals[key] = totals.get(key, 0.0) + value


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _changed_by_steps(model: Any) -> list[Array]:
    return [model.flat_params, *model.optimizer.slots.values()]


def _is_sound(loss: float, gradient: float, weights: float) -> bool:
    """Whether a step need not be looked at again by itself."""
    return math.isfinite(loss) and diagnosis.surely_small(gradient) and diagnosis.surely_small(weights)
