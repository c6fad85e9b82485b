"""Watching one number of the logs."""

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from scratchnn.callbacks.callback import Callback, Logs
from scratchnn.core.attributes import refuse_unheard
from scratchnn.core.checks import number, whole_number

Mode = Literal["auto", "min", "max"]


def check(owner: str, key: Any, mode: Any) -> None:
    """ValueError unless these can be watched."""
    if not isinstance(key, str):
        raise ValueError(f"{owner}: monitor must be the name of a number in the logs, such as 'val_loss', got {key!r}")
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"{owner} expects mode 'auto', 'min' or 'max', got {mode!r}")


def verbosity(value: Any) -> int:
    """`verbose` as a number."""
    return int(value) if isinstance(value, bool) else whole_number("verbose", value, 0)


class Monitor:
    """Watches one number of the logs. `best` is the best so far, None before the first; NaN is never an improvement.

    With mode "auto" the model's metric of this name says whether it is better large or small, when training begins.
    Where it does not, or there is none: losses and errors are better when smaller, accuracies when larger.
    """

    def __init__(self, owner: str, key: str, mode: Mode, min_delta: float = 0.0) -> None:
        check(owner, key, mode)
        self.owner, self.key, self._given = owner, key, mode
        self.mode: Mode = mode if mode != "auto" else _mode_by_name(key.removeprefix("val_"))
        self.min_delta = abs(number(f"{owner}: min_delta", min_delta))
        self.best: float | None = None

    def decide(self, model: Any) -> None:
        """Ask the model's metrics what mode "auto" is.

        Raises:
            ValueError: if neither they nor the name say so.
        """
        if self._given != "auto":
            return
        directions = _directions(model)
        if self.key.removeprefix("val_") in directions:
            self.mode = "max" if directions[self.key.removeprefix("val_")] == "up" else "min"
        elif self.mode == "auto":
            known = f", or watch one of {', '.join(['loss', *directions])}" if directions else ""
            raise ValueError(
                f"{self.owner} cannot tell whether {self.key!r} is better large or small: pass mode='min' or "
                f"mode='max'{known}; a metric of your own says it by direction = 'up' or 'down'"
            )

    def read(self, logs: Logs | None, skips_validation: bool = False) -> float | None:
        """Return the watched number, or None in an epoch that is not validated, by `validation_freq`.

        Its absence is an error otherwise: watching one that never comes would do nothing.
        """
        if logs is None or self.key not in logs:
            if self.key.startswith("val_") and skips_validation:
                return None
            hint = "; val_ entries need validation data" if self.key.startswith("val_") else ""
            raise ValueError(f"{self.owner} watches {self.key!r}, but the epoch has {sorted(logs or {})}{hint}")
        if self.mode == "auto":  # on_train_begin of a class of the user's own did not call ours
            self.decide(None)
        return float(logs[self.key])

    def improves(self, value: float, on: float | None) -> bool:
        if on is None:
            return not math.isnan(value)
        return (value - on if self.mode == "max" else on - value) > self.min_delta


def _mode_by_name(name: str) -> Mode:
    if name == "acc" or name.endswith("accuracy"):
        return "max"
    return "min" if name in ("loss", "mse", "mae") or name.endswith(("error", "crossentropy")) else "auto"


def _directions(model: Any) -> dict[str, str]:
    """By the name of a metric of the model, "up" or "down"; Keras calls the attribute `_direction`."""
    if getattr(model, "loss", None) is None or not hasattr(model, "fresh_metrics"):
        return {}
    found = {each.name: getattr(each, "_direction", each.direction) for each in model.fresh_metrics()}
    return {name: direction for name, direction in found.items() if direction is not None}


class Watching(Callback):
    """A callback that watches one number; which one is fixed when it is made."""

    checks: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"verbose": verbosity}
    _monitor: Any  # a Monitor, or None where nothing is watched

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        refuse_unheard(cls, "Watching")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self._monitor is not None:
            self._monitor.decide(self.model)

    def _continues(self, state: dict[str, Any]) -> bool:
        """Whether this state was watching; a ValueError if it watched something else."""
        watched, watches = (state["monitor"], state["mode"]), (self.monitor, self.mode)
        if None not in (watched[0], watches[0]) and watched != watches:
            raise ValueError(
                f"{type(self).__name__} watches {watches[0]!r} ({watches[1]}), but the training that is to be "
                f"continued watched {watched[0]!r} ({watched[1]}): resume it with the same monitor and mode"
            )
        return watched[0] is not None

    monitor = property(lambda self: self._monitor and self._monitor.key)
    mode = property(lambda self: self._monitor and self._monitor.mode)
    best = property(lambda self: self._monitor and self._monitor.best)
