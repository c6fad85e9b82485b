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

    With mode "auto", losses and errors are better when smaller, accuracies when larger.
    """

    def __init__(self, owner: str, key: str, mode: Mode, min_delta: float = 0.0) -> None:
        check(owner, key, mode)
        if mode == "auto":
            name = key.removeprefix("val_")
            if name == "acc" or name.endswith("accuracy"):
                mode = "max"
            elif name in ("loss", "mse", "mae") or name.endswith(("error", "crossentropy")):
                mode = "min"
            else:
                raise ValueError(
                    f"{owner} cannot tell whether {key!r} is better large or small: pass mode='min' or 'max'"
                )
        self.owner, self.key = owner, key
        self.sign = 1 if mode == "max" else -1
        self.mode: Mode = mode
        self.min_delta = abs(number(f"{owner}: min_delta", min_delta))
        self.best: float | None = None

    def read(self, logs: Logs | None, skips_validation: bool = False) -> float | None:
        """Return the watched number, or None in an epoch that is not validated, by `validation_freq`.

        Its absence is an error otherwise: watching one that never comes would do nothing.
        """
        if logs is None or self.key not in logs:
            if self.key.startswith("val_") and skips_validation:
                return None
            hint = "; val_ entries need validation data" if self.key.startswith("val_") else ""
            raise ValueError(f"{self.owner} watches {self.key!r}, but the epoch has {sorted(logs or {})}{hint}")
        return float(logs[self.key])

    def improves(self, value: float, on: float | None) -> bool:
        if on is None:
            return not math.isnan(value)
        return self.sign * (value - on) > self.min_delta


class Watching(Callback):
    """A callback that watches one number; which one is fixed when it is made."""

    checks: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"verbose": verbosity}
    _monitor: Any  # a Monitor, or None where nothing is watched

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        refuse_unheard(cls, "Watching")

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
