"""Steps that run ahead of their results, and the roll-back when a step is refused.

Reading the outcome of a step, and counting it, would take a small model a tenth of its time, and on a GPU it would
synchronise host and device. So the steps run ahead: their results are read every twentieth step, on a GPU every
hundredth, and at the end of the epoch.

What a step changes is copied before every hundredth only: three copies for every step of Adam would cost a small model
3% of its time. If a loss is not finite, or a gradient or a weight too large, parameters and optimizer go back to the
copy, and the same steps are taken again, the uncounted ones read one by one, until the one that fails. Equal steps
give equal bits, so error and model are those that a copy before every step would have left. Steps through a class of
the user's own need not be equal; there the copy is made, and the outcome read, at every step.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.names import is_own, marks_own
from scratchnn.metrics import Metric
from scratchnn.training import diagnosis
from scratchnn.training.epoch import Numbered, train_epoch
from scratchnn.training.progress import Clock, Progress
from scratchnn.training.sample_weights import Counting, joined

STEPS_AHEAD = 100
STEPS_AHEAD_ON_HOST = 20
MOST_NUMBERS_AHEAD = 2**22  # in the outputs that wait to be measured
MOST_NUMBERS_AHEAD_ON_HOST = 2**14  # more would push what the kernels use out of the cache
SECONDS_AHEAD = 0.05  # on the host: the progress bar of a slow model moves with every step
PLAIN = (int, float, np.number, type(None))  # None is a number that was not given, like `clipnorm`


def outcome_of(model: Any, loss: Any, grads: Array) -> tuple[Any, Any, Any]:
    """The loss of the step just taken, and the sums of squares of its gradient and of the weights after it.

    On a device all three stay there: nothing synchronises.
    """
    gradient = model.optimizer.kernels.squared_norm(grads)
    return loss, gradient, model.backend.rough_squared_norm(model.trainable_params)


def has_own_classes(model: Any) -> bool:
    """Whether the user's own code takes part in a step: model, layers and what is inside, optimizer, schedule, loss."""
    schedule = model.optimizer.schedule
    parts = [model, model.optimizer, model.loss, *model.layers, *([] if schedule is None else [schedule])]
    return any(is_own(type(part)) for part in parts) or any(map(_has_own_inside, model.layers))


def _has_own_inside(layer: Any) -> bool:
    try:
        return marks_own(layer.get_config())
    except Exception:  # ours do not fail: something of the user's own is inside, which cannot be saved
        return True


class Snapshot:
    """A copy of what a step changes: parameters, states that are carried, and the optimizer's slots, count of steps and
    other plain numbers.

    A rule of the user's own may add a slot, or put another array in the place of one.
    """

    def __init__(self) -> None:
        self._params: Any = None  # the model's own array
        self._slots: dict[str, Array] = {}  # the optimizer's own arrays
        self._copies: list[Array] = []  # of the params, then of the slots
        self._states: dict[str, Any] = {}
        self._numbers: dict[str, Any] = {}
        self._names: set[str] = set()  # of all attributes of the optimizer

    @property
    def is_taken(self) -> bool:
        """Whether there is memory for it already."""
        return bool(self._copies)

    def take(self, model: Any) -> None:
        optimizer = model.optimizer
        self._params = model.trainable_params
        self._slots = dict(optimizer.slots)
        self._states = model.states  # a forward pass replaces these arrays and leaves them as they are: no copies
        arrays = [self._params, *self._slots.values()]
        reusable = [*self._copies, *[None] * len(arrays)]
        self._copies = [_copy(array, old) for array, old in zip(arrays, reusable, strict=False)]
        self._numbers = {name: value for name, value in vars(optimizer).items() if isinstance(value, PLAIN)}
        self._names = set(vars(optimizer))

    def put_back(self, model: Any) -> None:
        optimizer = model.optimizer
        for array, copy in zip([self._params, *self._slots.values()], self._copies, strict=True):
            array[...] = copy
        model.states = self._states
        optimizer.slots.clear()
        optimizer.slots.update(self._slots)
        for name in set(vars(optimizer)) - self._names:
            delattr(optimizer, name)
        vars(optimizer).update(self._numbers)


class Ahead:
    """The rest of the current epoch of `progress`: yields its batches, reads the outcomes of steps, and counts them.

    As a context it makes sure that model and progress belong together whatever ends the epoch: steps that were begun
    and not counted are undone.

    Args:
        batches: (examples, targets, weights) by the number of the step: `Batches`, or what is like them.
        metrics: what to measure on the outputs; they continue from their counts in `progress`.
        now: the clock, in seconds, by which training is timed.
        every_step: read the outcome of each step at once, because a callback uses it, or because no batch can be
            asked for again. Otherwise outcomes are read after several steps, on a device after more of them.
    """

    def __init__(
        self,
        model: Any,
        batches: Any,
        progress: Progress,
        metrics: Sequence[Metric],
        *,
        every_step: bool,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._model, self._batches, self._progress, self._metrics = model, batches, progress, metrics
        self._clock: Clock = model.clock
        on_device = model.backend.is_asynchronous
        # A class of the user's own may keep state that no copy of ours has, a generator or a count of calls: the same
        # steps taken again would be other steps. So nothing is ever taken again there. A metric of the user's own may
        # look at the model, or change it, too; on a device it is measured later.
        own_metric = any(metric.per_batch or is_own(type(metric)) for metric in metrics) and not on_device
        self.every_step = every_step = every_step or own_metric or has_own_classes(model)
        self._checks_slots = is_own(type(model.optimizer))
        self._ahead = 1 if every_step else STEPS_AHEAD if on_device else STEPS_AHEAD_ON_HOST
        self._most_steps = math.inf if on_device else 1  # by the time that a step takes, once it is known
        self._most_numbers = MOST_NUMBERS_AHEAD if on_device else MOST_NUMBERS_AHEAD_ON_HOST
        # With `every_step` a callback may change the model between two steps: going back further would undo its change.
        # On a device outcomes are read every STEPS_AHEAD steps, when a new snapshot is due anyway.
        self._drops_snapshot = every_step or on_device
        self._snapshot: Snapshot = model.before_step
        self._snapshot_step: int | None = None  # the step before which it was taken; None: it is not needed
        self._steps_begun = progress.step  # in this epoch, counted or not
        # Of the steps that are not counted yet:
        self._waiting: list[tuple[Array, Array, Counting]] = []  # outputs, targets, masks and weights
        self._outcomes: list[Any] = []  # three numbers of each step, see `outcome_of`
        self._numbers_waiting = 0  # how many numbers their outputs have together
        self._grads: Any = None  # of the last step
        self._now = now
        self._started_at = now() - progress.seconds
        for metric in metrics:
            metric.reset_state()
            if metric.name in progress.counts:
                metric.load_state(progress.counts[metric.name])

    def __enter__(self) -> "Ahead":
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            if self._waiting and not self._model.backend.is_asynchronous:
                self.synchronise()  # a step was broken off, and those before it were whole
        finally:
            if self._steps_begun > self._progress.step:
                self._go_back()

    def steps(self, announce: Callable[[int], None] | None = None) -> Iterator[Numbered]:
        """The remaining batches of the epoch, until training is stopped; each one may be announced."""
        for step in self._batches.steps(self._progress.step):
            if announce is not None:
                announce(step)  # before the model is copied: what a callback changes is not undone
            yield self._begin(step)
            if self._model.stop_training and not self._waiting:
                return

    def add(self, loss: Any, grads: Array, y: Array, target: Array, counting: Counting) -> None:
        """Record the step just taken.

        Raises:
            TypeError: if its loss is no number.
        """
        diagnosis.check_is_number(self._model.loss, loss)
        self._outcomes += outcome_of(self._model, loss, grads)
        self._waiting.append((y, target, counting))
        self._numbers_waiting += y.size
        self._grads = grads

    @property
    def is_due(self) -> bool:
        """Whether to read the outcomes now.

        On a device counts decide, never the clock: several batches are measured as one there, and the last bits of
        their sum are those of this grouping.
        """
        waiting = len(self._waiting)
        taken = self._progress.step + waiting
        due = taken % self._ahead == 0 or taken == len(self._batches)
        return due or waiting >= self._most_steps or self._numbers_waiting > self._most_numbers

    def synchronise(self) -> list[float]:
        """Read the outcomes of the waiting steps, and count them. Return their losses.

        Raises:
            NonFiniteError: if one of them is refused; model and progress are as before it.
        """
        waiting = self._waiting
        numbers = self._model.backend.numbers(self._outcomes)  # in one transfer: each one synchronises
        self._waiting, self._outcomes, self._numbers_waiting = [], [], 0
        losses, gradients, weights = numbers[::3], numbers[1::3], numbers[2::3]
        drops_snapshot = self._drops_snapshot
        if not all(map(diagnosis.surely_accepted, losses, gradients, weights)):
            if self._steps_begun > self._progress.step + 1 or self._snapshot_step != self._progress.step:
                return self._take_again(len(waiting))
            self._check(*numbers)
            drops_snapshot = True  # the next step may be as large
        if self._checks_slots:
            diagnosis.check_slots(self._model, self._progress.epoch, self._progress.step)
        if self._metrics:  # before the steps are counted: a metric of the user's own may fail
            self._measure(waiting)
        for (_, target, _), loss, squared_norm in zip(waiting, losses, gradients, strict=True):
            self._progress.count(loss, math.sqrt(squared_norm), len(target))
            self._clock.step += 1
        if drops_snapshot:
            self._snapshot_step = None
        before, self._progress.seconds = self._progress.seconds, self._now() - self._started_at
        if not self._model.backend.is_asynchronous:
            self._most_steps = SECONDS_AHEAD * len(waiting) / max(self._progress.seconds - before, 1e-9)
        return losses

    def take(self, step: int) -> float:
        """Take one step and read its outcome. Return its loss.

        Raises:
            NonFiniteError: if it is refused; the model is as before.
        """
        self._snapshot_step = None
        train_epoch(self._model, [self._begin(step)], self._clock.epoch, self.add)
        return self.synchronise()[0]

    def _begin(self, step: int) -> Numbered:
        is_old = self._snapshot_step is None or step - self._snapshot_step >= STEPS_AHEAD
        if is_old and not self._waiting:  # with the steps that wait, it would not be what `progress` says
            self._snapshot.take(self._model)
            self._snapshot_step = step
        batch = self._numbered(step)
        self._steps_begun = step + 1
        return batch

    def _numbered(self, step: int) -> Numbered:
        """A batch, and the number of its step by the model's clock."""
        return self._clock.step + step - self._progress.step, *self._batches[step]

    def _go_back(self) -> None:
        """Undo the steps that are not counted: back to the copy, and the counted ones since then once more."""
        assert self._snapshot_step is not None
        self._snapshot.put_back(self._model)
        counted = map(self._numbered, range(self._snapshot_step, self._progress.step))
        train_epoch(self._model, counted, self._clock.epoch, lambda *outcome: None)

    def _take_again(self, waiting: int) -> list[float]:
        """Go back and come as far again, but read the outcome of each step at once. Return their losses."""
        self._go_back()
        here = self._progress.step
        return [self.take(step) for step in range(here, here + waiting)]

    def _check(self, loss: float, gradient: float, weights: float) -> None:
        """Refuse the last step, which `__exit__` then undoes, or accept it."""
        where = self._progress.epoch, self._progress.step
        with np.errstate(all="ignore"):
            if not (math.isfinite(loss) and math.isfinite(gradient)):
                self._snapshot.put_back(self._model)  # the layer to blame is found with the parameters that it had
                drawn = self._clock.epoch, self._clock.step
                diagnosis.check_loss(self._model, loss, self._batches[where[1]][0], drawn, *where)
            diagnosis.check_gradient(self._model, self._grads, gradient, *where)
            diagnosis.check_weights(self._model, weights, *where)

    def _measure(self, waiting: list[tuple[Array, Array, Counting]]) -> None:
        together, one_by_one = [], self._metrics
        if len(waiting) > 1 and self._model.backend.is_asynchronous:  # where every call is a launch or more
            together = [metric for metric in self._metrics if not metric.per_batch]
            one_by_one = [metric for metric in self._metrics if metric.per_batch]
        if one_by_one:
            self._model.count_metrics(one_by_one, waiting)
        if together:
            self._model.count_metrics(together, [_joined(waiting)])
        # All at once: a signal's exception may come between two of them.
        self._progress.counts = {metric.name: metric.state() for metric in self._metrics}


def _joined(waiting: list[tuple[Array, Array, Counting]]) -> tuple[Array, Array, Counting]:
    y, target, counting = zip(*waiting, strict=True)
    return np.concatenate(y), np.concatenate(target), joined(counting)


def _copy(array: Array, old: Array | None) -> Array:
    """A copy of the array, written over the old copy if it fits."""
    if old is None or old.shape != array.shape or old.dtype != array.dtype:
        return array.copy()
    old[...] = array
    return old
