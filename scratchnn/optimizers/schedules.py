"""Learning rates that depend on the number of the step, with Keras' names, arguments and formulas.

`Adam(learning_rate=ExponentialDecay(0.01, 1000, 0.9))`: step number t, counted from 0, is taken with the rate that the
schedule gives for t, which is `optimizer.iterations`. So a run that was saved and goes on continues where it was.
Called with an array of steps, a schedule gives an array of rates, to be drawn.

Keras computes a rate in float32; here it is exact. The arguments are checked when the schedule is made.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from scratchnn.core.attributes import Attributes, heeds_keras
from scratchnn.core.checks import flag, not_negative, positive, whole_number
from scratchnn.core.keras_missing import missing
from scratchnn.core.names import class_in_file, look_up

__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule",
    "PiecewiseConstantDecay", "PolynomialDecay",
]  # fmt: skip


def _from_one(name: str, value: Any) -> float:
    if positive(name, value) < 1:
        raise ValueError(f"{name} must be at least 1, or the periods would come to an end; got {value!r}")
    return float(value)


def _whole(name: str, value: Any) -> int:
    is_whole = isinstance(value, float) and value.is_integer()
    return whole_number(name, int(value) if is_whole else value, 0)


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a schedule's name is a text, got {value!r}")
    return value


class LearningRateSchedule(Attributes):
    """Base of the schedules. Your own defines `__call__`, and `get_config` with its arguments if it is to be saved."""

    checks: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        **{name: partial(not_negative, name) for name in ("initial_learning_rate", "end_learning_rate", "alpha")},
        **{name: partial(not_negative, name) for name in ("decay_rate", "m_mul", "power", "warmup_steps")},
        **{name: partial(positive, name) for name in ("decay_steps", "first_decay_steps")},
        **{name: partial(flag, "schedule", name) for name in ("staircase", "cycle")},
        "t_mul": partial(_from_one, "t_mul"),
        "warmup_target": lambda value: None if value is None else not_negative("warmup_target", value),
        "boundaries": lambda steps: [_whole("boundaries", each) for each in steps],
        "values": lambda rates: [not_negative("values", each) for each in rates],
        "name": _name,
    }

    def __call__(self, step: int) -> float:
        """The learning rate of this step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step), which returns the rate")

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as plain values."""
        raise NotImplementedError(f"{type(self).__name__} must define get_config(self) to be saved")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "LearningRateSchedule":
        return cls(**config)


class _Described(LearningRateSchedule):
    """Those of ours: dataclasses, whose fields are their arguments. They define `_rate`, of one step."""

    def __call__(self, step: Any) -> Any:
        """The learning rate of this step, counted from 0; of an array of steps, or a list, an array of rates."""
        if isinstance(step, np.ndarray | list | tuple) and (steps := np.asarray(step)).ndim:
            return np.array([self._rate(each) for each in steps.ravel().tolist()], np.float64).reshape(steps.shape)
        return self._rate(step)  # type: ignore[arg-type]

    def _rate(self, step: float | int) -> float:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]


@heeds_keras
@dataclass(eq=False)
class ExponentialDecay(_Described):
    """η = η₀ rᵖ with p = step / decay_steps, rounded down with `staircase`."""

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False
    name: str = "ExponentialDecay"

    def _rate(self, step: float | int) -> float:
        p = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(p) if self.staircase else p)


@heeds_keras
@dataclass(eq=False)
class InverseTimeDecay(_Described):
    """η = η₀ / (1 + r p) with p = step / decay_steps, rounded down with `staircase`."""

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False
    name: str = "InverseTimeDecay"

    def _rate(self, step: float | int) -> float:
        p = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (math.floor(p) if self.staircase else p))


@heeds_keras
@dataclass(eq=False)
class PiecewiseConstantDecay(_Described):
    """`values[i]` up to and with step `boundaries[i]`; the last value after the last boundary."""

    boundaries: Sequence[int]
    values: Sequence[float]
    name: str = "PiecewiseConstant"

    def __post_init__(self) -> None:
        if not self.boundaries or sorted(set(self.boundaries)) != self.boundaries:
            raise ValueError(f"boundaries must be steps, each after the one before, got {self.boundaries}")
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"values must be one more than boundaries, got {len(self.values)} for {len(self.boundaries)}"
            )

    def _rate(self, step: float | int) -> float:
        return self.values[sum(step > boundary for boundary in self.boundaries)]


@heeds_keras
@dataclass(eq=False)
class PolynomialDecay(_Described):
    """η = (η₀ - η₁)(1 - p)ᵃ + η₁ with p = step / decay_steps, which stays 1 at the end; a is `power`.

    With `cycle` the decay is as long as the smallest multiple of decay_steps that the step is within, so that the rate
    goes up again whenever it has reached η₁.
    """

    initial_learning_rate: float
    decay_steps: float
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str = "PolynomialDecay"

    def _rate(self, step: float | int) -> float:
        steps = self.decay_steps
        if self.cycle:
            steps *= max(1, math.ceil(step / steps))
        p = min(step / steps, 1)
        return (self.initial_learning_rate - self.end_learning_rate) * (1 - p) ** self.power + self.end_learning_rate


@heeds_keras
@dataclass(eq=False)
class CosineDecay(_Described):
    """η falls from η₀ to alpha η₀ along half a cosine wave, in decay_steps steps, and stays there.

    With a `warmup_target` it first rises in a straight line from η₀ to that target, in `warmup_steps` steps, and falls
    from there. Without one, `warmup_steps` has nothing to say and is refused; in Keras it does nothing.

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.
    """

    initial_learning_rate: float
    decay_steps: float
    alpha: float = 0.0
    name: str = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: float = 0

    def __post_init__(self) -> None:
        if self.warmup_steps and self.warmup_target is None:
            raise ValueError("warmup_steps needs a warmup_target, the rate at the end of the warm-up")

    def _rate(self, step: float | int) -> float:
        start = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return start + (self.warmup_target - start) * (step / self.warmup_steps)
            start, step = self.warmup_target, step - self.warmup_steps  # type: ignore[assignment]
        return start * _cosine(min(step / self.decay_steps, 1.0), self.alpha)


@heeds_keras
@dataclass(eq=False)
class CosineDecayRestarts(_Described):
    """Half cosine waves one after the other: each `t_mul` times as long, and begins `m_mul` times as high.

    Source: as of CosineDecay.
    """

    initial_learning_rate: float
    first_decay_steps: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0
    name: str = "SGDRDecay"

    def _rate(self, step: float | int) -> float:
        p, q = step / self.first_decay_steps, self.t_mul
        if q == 1:
            restarts = math.floor(p)
            within = p - restarts
        else:
            restarts = math.floor(math.log1p(p * (q - 1)) / math.log(q))
            # The logarithms are rounded, and at a restart it must not be one too few.
            restarts += (q ** (restarts + 1) - 1) / (q - 1) <= p
            within = (p - (q**restarts - 1) / (q - 1)) / q**restarts
        return self.initial_learning_rate * _cosine(within, self.alpha, self.m_mul**restarts)


def _cosine(p: float, alpha: float, height: float = 1.0) -> float:
    """From `height` at p = 0 down to `alpha` at p = 1."""
    return (1 - alpha) * 0.5 * height * (1 + math.cos(math.pi * p)) + alpha


SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    schedule.__name__: schedule
    for schedule in (
        CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay,
    )
}  # fmt: skip


def made(description: Mapping[str, Any]) -> LearningRateSchedule:
    """The schedule that `described` describes.

    Raises:
        ValueError: for an unknown name, or no description of a schedule.
    """
    if set(description) - {"class", "config"} or not isinstance(description.get("config"), Mapping):
        raise ValueError(f"a schedule is described by its class and its config, got {dict(description)!r}")
    return look_up("schedule", description["class"], SCHEDULES)(**description["config"])


def described(schedule: LearningRateSchedule) -> dict[str, Any]:
    """Class and arguments of a schedule, as plain values; marked where the class is the user's own."""
    return class_in_file(schedule)


def rate_at(schedule: LearningRateSchedule, step: int) -> float:
    """What the schedule gives for this step, checked."""
    rate: Any = schedule(step)
    try:
        return not_negative("the learning rate", rate.item() if getattr(rate, "shape", None) == () else rate)
    except ValueError as error:
        raise ValueError(f"{type(schedule).__name__} at step {step}: {error}") from None


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("optimizers.schedules", name, list(globals()))
