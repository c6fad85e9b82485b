"""A learning rate that follows a schedule, and costs an optimizer that has none nothing."""

import inspect
from collections.abc import Mapping
from typing import Any

from scratchnn.optimizers import schedules
from scratchnn.optimizers.schedules import LearningRateSchedule


class Followed:
    """Stands in the place of a class's default learning rate: the rate of the next step, by the optimizer's schedule.

    An optimizer without a schedule has its rate as an attribute of its own, which hides this one.
    """

    def __init__(self, default: Any) -> None:
        self.default = default

    def __get__(self, optimizer: Any, kind: type) -> Any:
        if optimizer is None or optimizer.schedule is None:
            return self.default
        return schedules.rate_at(optimizer.schedule, optimizer.iterations)


def follow_in(kind: type) -> None:
    """Let optimizers of this class follow their schedules."""
    default = inspect.getattr_static(kind, "learning_rate", None)
    if not isinstance(default, Followed):
        kind.learning_rate = Followed(default)  # type: ignore[attr-defined]


def schedule_of(value: Any, before: LearningRateSchedule | None) -> LearningRateSchedule | None:
    """The schedule that is set as a learning rate; None for a number, unless there was a schedule `before`.

    Raises:
        TypeError: for a number in the place of a schedule, and for a function.
    """
    if isinstance(value, Mapping):
        return schedules.made(value)
    if isinstance(value, LearningRateSchedule):
        return value
    if isinstance(value, type) and issubclass(value, LearningRateSchedule):
        raise TypeError(f"learning_rate takes a schedule, got the class {value.__name__}: call it with its arguments")
    if callable(value):
        raise TypeError(
            f"learning_rate takes a number or a schedule, got {value!r}: derive a class from LearningRateSchedule with "
            "__call__(self, step), or set optimizer.learning_rate in a callback. Keras calls a function once, when it "
            "compiles the step, and keeps what it gave"
        )
    if before is not None:
        raise TypeError(
            f"the learning rate of this optimizer follows {type(before).__name__}, so it cannot be set to {value!r}: "
            "make the optimizer with a number, or set another schedule"
        )
    return None
