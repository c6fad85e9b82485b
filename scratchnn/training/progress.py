"""Where training stands, its results so far, and how it can fail."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from scratchnn.core.checks import whole_number
from scratchnn.report.best import best_epoch


class NonFiniteError(ArithmeticError):
    """The loss, a gradient or a weight is or would become NaN, infinite or too large (see `diagnosis.LARGEST`).

    Parameters and optimizer are those before the step that was refused.
    """

    loss: float = math.nan  # of that step, where it is not finite


@dataclass
class Progress:
    """Where training stands. With the parameters and the optimizer's slots it is all that resuming needs."""

    epoch: int = 0  # finished epochs
    step: int = 0  # finished steps of the epoch under way
    batch_size: int | None = None  # examples in each of them; None where they come as batches
    steps: int | None = None  # of the whole epoch under way, where that is known
    loss: float = 0.0  # summed over the examples of the epoch under way
    gradient_norm: float = 0.0  # summed over its steps
    counts: dict[str, Any] = field(default_factory=dict)  # of each metric, in the epoch under way: Metric.state()
    seen: int = 0  # examples of the epoch under way
    seconds: float = 0.0  # spent on the epoch under way
    records: list[dict[str, float]] = field(default_factory=list)  # one per finished epoch
    order: int | None = None  # the number by which the model's clock drew the order of the epoch under way
    findings: list[dict[str, Any]] = field(default_factory=list, compare=False)  # what `Health` has found, in order
    states: list[dict[str, Any]] = field(default_factory=list, compare=False, repr=False)  # of the callbacks, see Hooks

    _ask = None  # asks the callbacks while `fit` trains

    def __post_init__(self) -> None:
        """Raise ValueError for a count, TypeError for a table, that can only come from a damaged file."""
        for name in ("epoch", "step", "seen"):
            whole_number(name, getattr(self, name), 0)
        sums = {"loss": self.loss, "gradient_norm": self.gradient_norm, "seconds": self.seconds}
        lists = [each["counts"] if isinstance(each, dict) else each for each in self.counts.values()]
        counts = [dict(enumerate(each)) for each in lists]
        if self.order is not None:
            whole_number("order", self.order, 0)
        if not all(map(_holds_numbers, (sums, *counts, *self.records))):
            raise TypeError(f"progress holds counts and numbers only, got {self}")
        if not isinstance(self.findings, list) or not all(map(_is_finding, self.findings)):
            raise TypeError("progress holds a list of findings, as training/health.py makes them")
        if not isinstance(self.states, list) or not all(map(_is_state, self.states)):
            raise TypeError("progress holds a list of states of callbacks, as Hooks.states returns them")

    def listen(self, ask: Callable[[], list[dict[str, Any]]] | None) -> None:
        """Ask for the states of the callbacks like this from now on; None: keep those of now."""
        self.refresh()
        self._ask = ask

    def refresh(self) -> None:
        """Bring `states` up to date."""
        if self._ask is not None:
            self.states = self._ask()

    def __getstate__(self) -> dict[str, Any]:
        """A copy keeps what the callbacks know, and not the callbacks."""
        self.refresh()
        return {name: value for name, value in vars(self).items() if name != "_ask"}

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the lowest validation loss among those recorded, counted from 1."""
        best = best_epoch(record.get("val_loss", math.nan) for record in self.records)
        return None if best is None else self.epoch - len(self.records) + best

    def begin(self, batch_size: int | None, steps: int | None) -> None:
        """Raise ValueError if the epoch under way was begun with batches of another size, or with more or fewer."""
        if self.step and self.batch_size != batch_size:
            raise ValueError(
                f"the epoch under way was begun with batch_size {self.batch_size}; going on with {batch_size} "
                "would repeat or skip examples"
            )
        if self.step and None not in (self.steps, steps) and self.steps != steps:
            raise ValueError(
                f"the epoch under way was begun with {self.steps} batches; going on with {steps} would repeat or skip "
                "examples: give the data that it was begun with, or a new Progress"
            )
        self.batch_size, self.steps = batch_size, steps

    def check_metrics(self, names: Iterable[str]) -> None:
        """Raise ValueError unless the epoch under way, if there is one, was begun with these metrics."""
        if self.step and self.counts.keys() != set(names):
            raise ValueError(
                f"the epoch under way was begun with the metrics {sorted(self.counts)}, and would end with "
                f"{sorted(names)}: compile the model as it was"
            )

    def count(self, loss: float, gradient_norm: float, examples: int) -> None:
        """Count a step: the mean loss of its examples, and the norm of its gradient."""
        self.loss += loss * examples
        self.gradient_norm += gradient_norm
        self.seen += examples
        self.step += 1

    def refuse(self, loss: float) -> None:
        """Make the mean loss of the epoch show that a step of it was refused: it becomes this loss, NaN or infinite."""
        self.loss, self.gradient_norm = loss, math.nan

    @property
    def mean_loss(self) -> float:
        """Over the examples of this epoch that were counted so far."""
        return self.loss / max(self.seen, 1)

    @property
    def mean_gradient_norm(self) -> float:
        return self.gradient_norm / max(self.step, 1)

    def finish_epoch(self, record: dict[str, float]) -> None:
        """Record the results of the epoch, and move on to the beginning of the next one."""
        self.records.append(record)
        self.epoch += 1
        self.step, self.seen, self.counts = 0, 0, {}
        self.seconds = self.loss = self.gradient_norm = 0.0


@dataclass
class Clock:
    """How far a model has been trained, by all calls together: it determines the draws of order and dropout.

    `Progress` counts what the user sees, which begins at `initial_epoch` with every call of `fit`, as in Keras. If the
    draws began again too, six calls of one epoch would train on one order and on the same dropout masks.
    """

    epoch: int = 0  # finished epochs
    step: int = 0  # steps since then

    def __post_init__(self) -> None:
        """Raise ValueError for a count that can only come from a damaged file."""
        whole_number("epoch", self.epoch, 0)
        whole_number("step", self.step, 0)

    def begin_epoch(self, progress: Progress) -> int:
        """Begin the next epoch, whose draws are new, or go on in the one under way. Return the number of its order."""
        here = progress.epoch, progress.step
        if progress.epoch and not progress.step and not progress.records:  # told so, by `initial_epoch`
            self.epoch, self.step = here
        elif self.step and not progress.step:  # those of an epoch that was broken off, or of train_on_batch
            self.finish_epoch()
        elif (self.epoch, self.step) < here:  # a model that was made anew
            self.epoch, self.step = here
        if not progress.step:
            progress.order = self.epoch
        elif progress.order is None:
            progress.order = progress.epoch
        return progress.order

    def finish_epoch(self) -> None:
        self.epoch, self.step = self.epoch + 1, 0


def _is_state(entry: object) -> bool:
    match entry:
        case {"callback": str(), "late": bool(), "state": dict()}:
            return True
    return False


def _is_finding(entry: object) -> bool:
    match entry:
        case {"epoch": int(), "kind": str(), "layer": str(), "words": str()}:
            return True
    return False


def _holds_numbers(table: object) -> bool:
    return isinstance(table, dict) and all(isinstance(value, float | int) for value in table.values())
