"""Callbacks that set the learning rate between epochs."""

import inspect
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np

from scratchnn.callbacks.callback import Callback, Logs
from scratchnn.callbacks.monitor import Mode, Monitor, Watching, verbosity
from scratchnn.core.checks import not_negative, share, whole_number


class SettingRate(Callback):
    """What both have in common: the history shows the rate that each epoch was trained with, as "learning_rate"."""

    model: Any

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.model.optimizer.schedule is not None:
            kind = type(self.model.optimizer.schedule).__name__
            raise TypeError(
                f"{type(self).__name__} sets the learning rate, but that of this optimizer follows {kind}, step by "
                "step: use one or the other"
            )
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            cast(dict, logs)["learning_rate"] = self.model.optimizer.learning_rate


class LearningRateScheduler(SettingRate):
    """Sets the learning rate at the beginning of each epoch, counted from 0, to `schedule(epoch, learning_rate)`.

    A function of one argument is called with the epoch alone. `verbose` 1 prints the new rate.

    Raises:
        ValueError: in training, for a result that is no float (as in Keras) or not positive.
        TypeError: for what is no function, and in training for an optimizer that follows a schedule of its own.
    """

    checks: ClassVar = {"verbose": verbosity}

    def __init__(self, schedule: Any, verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"LearningRateScheduler takes a function of epoch and learning rate, got {schedule!r}")
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        rate = self._next(epoch, self.model.optimizer.learning_rate)
        if not isinstance(rate, float | np.floating):
            raise ValueError(f"LearningRateScheduler: the schedule must return a float, got {rate!r} for epoch {epoch}")
        self.model.optimizer.learning_rate = rate
        if self.verbose > 0:
            print(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def _next(self, epoch: int, rate: float) -> Any:
        try:
            inspect.signature(self.schedule).bind(epoch, rate)
        except TypeError:
            return self.schedule(epoch)
        except ValueError:  # a function that does not tell its arguments
            pass
        return self.schedule(epoch, rate)


def _factor(value: Any) -> float:
    if not share("factor", value):
        raise ValueError("factor must be above 0 and below 1, got 0")
    return float(value)


class ReduceLROnPlateau(SettingRate, Watching):
    """Multiplies the learning rate by `factor` when `monitor` has not improved by more than `min_delta` for `patience`
    epochs.

    After that, `cooldown` epochs do not count as waiting. The rate does not fall below `min_lr`. `verbose` 1 prints
    each reduction.

    Keras: the same, except that a missing `monitor` is an error, that NaN never counts as the best, and that unknown
    arguments are refused.

    Raises:
        ValueError: when training begins, for mode="auto" with what neither a metric of the model nor its name decides.
    """

    checks: ClassVar = {
        **Watching.checks,
        "factor": _factor,
        "patience": lambda epochs: whole_number("patience", epochs, 0),
        "cooldown": lambda epochs: whole_number("cooldown", epochs, 0),
        "min_lr": partial(not_negative, "min_lr"),
    }
    wait: int = 0
    cooldown_counter: int = 0

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: Mode = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        self._monitor = Monitor("ReduceLROnPlateau", monitor, mode, min_delta)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr

    min_delta = property(lambda self: self._monitor.min_delta)

    def get_state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("monitor", "mode", "best", "wait", "cooldown_counter")}

    def load_state(self, state: dict[str, Any]) -> None:
        self._continues(state)
        self._monitor.best = state["best"]
        self.wait, self.cooldown_counter = state["wait"], state["cooldown_counter"]

    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        self._monitor.best = None
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        value = self._monitor.read(logs, self.skips_validation)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._monitor.improves(value, self._monitor.best):
            self._monitor.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        optimizer = self.model.optimizer
        # Compared in float32, as in Keras: 0.1 * 0.1 is a little above 0.01 in float64.
        if np.float32(optimizer.learning_rate) <= np.float32(self.min_lr):
            return
        optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
        self.cooldown_counter = self.cooldown
        self.wait = 0
        if self.verbose > 0:
            rate = optimizer.learning_rate
            print(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")
