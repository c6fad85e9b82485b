"""What all optimizers share: hyper-parameters, state, clipping, weight decay, and a learning rate that may follow a
schedule.

A model keeps all parameters that it trains in one vector w, of which the layers' arrays are views, and all their
gradients in another, g. So an optimizer needs no list of variables: its rule is a few lines on whole vectors, in place,
and it never sees what is frozen: that is not moved, not decayed, and in no norm that it clips by. Rules with kernels of
their own are in `kernels/scratchnn_kernels/reference/optimizer.py`, the others in `array_rules.py`.

Keras: the same names, defaults and order: clip, decay the weights, update. Repeated ids of an embedding
arrive here already summed. Keras rounds its constants to float32 even for float64 variables; here they stay exact.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels import reference
from scratchnn_kernels.contract import Array, OptimizerRules
from scratchnn_kernels.shapes import Float

from scratchnn.core.attributes import Attributes, heeds_keras, refuse_unheard
from scratchnn.core.backend import Backend
from scratchnn.core.checks import flag, not_negative, positive, share, whole_number
from scratchnn.core.names import name_in_file, settings_in
from scratchnn.optimizers import rate, schedules
from scratchnn.optimizers.schedules import LearningRateSchedule

ON_HOST = Backend("reference", reference)


def _optional(check: Callable[[str, Any], float], name: str) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(name, value)


def _refuse_name(value: Any) -> Any:
    raise AttributeError(f"an optimizer goes by the name of its class, which a file finds it by; got {value!r}")


CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


@heeds_keras
@dataclass(eq=False)
class Optimizer(Attributes):
    """What all optimizers share: state, clipping and weight decay. Your own rule defines `slot_names` and `update`.

    State: `slots`, one vector like w for each of `slot_names`, and `iterations`, the number of steps taken.

    Hyper-parameters can be set at any time, between two steps as well: they are checked as in the constructor, and
    a slot that one asks for is there from then on, starting at zero.

    `learning_rate` takes a number or one of `schedules`. Read, it is the number that the next step is taken with. As in
    Keras, an optimizer that has a schedule takes another schedule, but no number.

    At most one of: `clipnorm` (each variable's gradient is scaled down to this L2 norm), `clipvalue` (each element is
    clipped to this size), `global_clipnorm` (the whole gradient is scaled down to this norm). `weight_decay` λ moves w
    to w - η λ w before the update (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019).

    Raises:
        ValueError: for a hyper-parameter out of its range.
        TypeError: for a learning rate that is a function, or a number in the place of a schedule.
    """

    name: ClassVar[str]
    learning_rate: float | Any = 0.01
    _: KW_ONLY
    weight_decay: float | None = None
    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = None
    size: int | None = field(default=None, init=False, repr=False)  # of the parameters it is set up for
    owner: Any = field(default=None, init=False, repr=False)  # a weak reference to the model they belong to
    variables: dict[str, int] = field(default_factory=dict, init=False, repr=False)  # their names and sizes, in order
    of: int = field(default=0, init=False, repr=False)  # all parameters of the model, frozen ones included
    iterations: int = field(default=0, init=False, repr=False)
    slots: dict[str, Array] = field(default_factory=dict, init=False, repr=False)
    backend: Backend = field(default=ON_HOST, init=False, repr=False)
    schedule: ClassVar[LearningRateSchedule | None] = None  # of this optimizer's own, once it has one

    checks: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "learning_rate": partial(positive, "learning_rate"),
        "epsilon": partial(positive, "epsilon"),
        **{name: partial(share, name) for name in ("momentum", "rho", "beta_1", "beta_2")},
        **{name: partial(flag, "optimizer", name) for name in ("nesterov", "centered", "amsgrad")},
        **{name: _optional(positive, name) for name in CLIPS},
        "weight_decay": _optional(not_negative, "weight_decay"),
        "name": _refuse_name,
        "iterations": lambda value: whole_number("iterations", value, 0),
    }

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        refuse_unheard(cls, "Optimizer")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in CLIPS and value is not None:
            others = {each: getattr(self, each) for each in CLIPS if each != name and getattr(self, each) is not None}
            if others:
                given = {**others, name: value}
                raise ValueError(f"only one of clipnorm, clipvalue and global_clipnorm can be set, got {given}")
        if name == "schedule":
            raise AttributeError("a schedule is set as the learning rate: optimizer.learning_rate = schedule")
        if name == "learning_rate" and self._takes_schedule(value):
            return
        acts = self.size is not None and name in self.checks
        before = self.slot_names if acts else ()
        if acts and name != "learning_rate":  # which may end in 0, in a callback that lowers it
            self._require_in_dtype(name, self.checks[name](value), self._dtype)
        super().__setattr__(name, value)
        if acts:
            self._fit_slots(before)

    def _takes_schedule(self, value: Any) -> bool:
        """Whether the learning rate is a schedule, which the optimizer follows from now on."""
        schedule = rate.schedule_of(value, before=self.schedule)
        if schedule is not None:
            vars(self).pop("learning_rate", None)
            vars(self)["schedule"] = schedule
            rate.follow_in(type(self))
        return schedule is not None

    def _require_in_dtype(self, name: str, value: Any, dtype: np.dtype) -> None:
        """Raise ValueError for a value that is as good as 0 or infinite in the model's dtype, unless it may be that.

        Kernels divide by the root of a subnormal number, or flush it to 0.
        """
        least, most = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
        if not isinstance(value, float) or value == 0 or least <= abs(value) <= most:
            return
        rounded = 0.0 if abs(value) < 1 else math.copysign(math.inf, value)
        try:
            self.checks[name](rounded)
        except ValueError as error:
            raise ValueError(
                f"{self.name}: {name}={value!r} counts as {rounded:g} in {dtype}, the dtype of the model, which holds "
                f"numbers from {least:.2g} to {most:.2g}"
            ) from error

    def slot_start(self, name: str) -> float:
        """What all numbers of this slot are at the start."""
        return 0.0

    def _fit_slots(self, before: tuple[str, ...]) -> None:
        """Add the slots that the rule asks for now, as they start, and drop those that it asked for `before`."""
        for name in set(before) - set(self.slot_names):
            self.slots.pop(name, None)
        for name in self.slot_names:
            if name not in self.slots:
                self.slots[name] = self.backend.xp.zeros(self.size, self._dtype)
                if start := self.slot_start(name):
                    self.slots[name] += start

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ()

    def update(self, w: Float[Array, " P"], g: Float[Array, " P"]) -> None:
        """Move `w` in place by step number `iterations` + 1; `g` is only read."""
        raise NotImplementedError

    @property
    def clips_at(self) -> float:
        """The largest possible element of a clipped gradient; infinity without clipping."""
        return self.clipvalue or self.clipnorm or self.global_clipnorm or math.inf

    @property
    def kernels(self) -> OptimizerRules:
        return self.backend.kernels.optimizer

    def init(self, size: int, dtype: DTypeLike, backend: Backend = ON_HOST) -> None:
        """Allocate the slots for a model of `size` parameters, as they start, and start counting again.

        Raises:
            ValueError: for a hyper-parameter that is 0 or infinite in `dtype`, and must not be.
        """
        for name in self.checks:
            self._require_in_dtype(name, vars(self).get(name), np.dtype(dtype))
        needed = len(self.slot_names) * size * np.dtype(dtype).itemsize
        backend.require_memory(needed, f"the optimizer {self.name} for {size:,} parameters")
        self.backend, self._dtype = backend, np.dtype(dtype)
        self.size, self.slots, self.iterations = size, {}, 0
        self._fit_slots(())
        self._clipped = backend.xp.zeros(0, dtype)  # room for a clipped gradient, once there is one

    def keep(self, variables: dict[str, int]) -> None:
        """Go on with some of the variables only, because the others were frozen: their slots, and the count of steps.

        Raises:
            ValueError: for a variable that the optimizer was not set up for.
        """
        if new := [name for name in variables if name not in self.variables]:
            raise ValueError(
                f"this optimizer has trained without {', '.join(new)}, and has no slots for them. As in Keras, "
                "training more than before takes a new optimizer: compile with a new object, or with its name"
            )
        ends = np.cumsum([0, *self.variables.values()])
        where = {name: slice(*map(int, each)) for name, each in zip(self.variables, pairwise(ends), strict=True)}
        xp = self.backend.xp
        self.slots = {
            name: xp.concatenate([slot[where[variable]] for variable in variables] or [slot[:0]])
            for name, slot in self.slots.items()
        }
        self.variables, self.size = variables, sum(variables.values())

    def step(self, params: Float[Array, " P"], grads: Float[Array, " P"], segments: Sequence[slice] = ()) -> None:
        """Update `params` in place; `grads` is only read. Only `clipnorm` needs `segments`, one slice per variable."""
        if params.size != self.size:
            raise ValueError(f"the optimizer was set up for {self.size} parameters, got {params.size}")
        grads = self._clip(grads, segments)
        if self.weight_decay:
            params *= 1 - self.learning_rate * self.weight_decay
        self.update(params, grads)
        vars(self)["iterations"] += 1  # no check in every step

    def _clip(self, grads: Float[Array, " P"], segments: Sequence[slice]) -> Float[Array, " P"]:
        if self.clips_at == math.inf:
            return grads
        if self._clipped.size != grads.size:
            self._clipped = self.backend.xp.zeros(grads.size, self._dtype)
        if self.clipvalue is not None:
            return np.clip(grads, -self.clipvalue, self.clipvalue, out=self._clipped)
        if self.global_clipnorm is not None:
            return np.multiply(grads, self._shrink(grads, self.global_clipnorm), out=self._clipped)
        if sum(segment.stop - segment.start for segment in segments) != grads.size:
            raise ValueError(f"clipnorm needs segments that cover all {grads.size} parameters, got {list(segments)}")
        for segment in segments:
            scale = self._shrink(grads[segment], self.clips_at)
            np.multiply(grads[segment], scale, out=self._clipped[segment])
        return self._clipped

    def _shrink(self, grads: Float[Array, " n"], limit: float) -> Any:
        """The factor that scales the norm down to `limit`, and is 1 for a smaller norm; a number of grads' dtype."""
        norm = gradient_norm(grads, self.kernels)
        return (limit / np.fmax(norm, limit)).astype(grads.dtype)  # without a branch, which would synchronise

    def __getstate__(self) -> dict[str, Any]:
        """For copies, which have state of their own and belong to no model; arrays are in the host's memory."""
        host = {name: np.array(self.backend.to_host(slot)) for name, slot in self.slots.items()}
        clipped = {"_clipped": np.array(self.backend.to_host(self._clipped))} if self.size is not None else {}
        return vars(self) | {"owner": None, "slots": host} | clipped

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.schedule is not None:  # perhaps in another process
            rate.follow_in(type(self))
        self.slots = {name: self.backend.array(slot, slot.dtype) for name, slot in self.slots.items()}
        if self.size is not None:
            self._clipped = self.backend.array(self._clipped, self._clipped.dtype)

    def state(self) -> dict[str, Array]:
        """Return a copy of all state, in the host's memory, for a checkpoint."""
        slots = {name: np.array(self.backend.to_host(slot)) for name, slot in self.slots.items()}
        return {"iterations": np.array(self.iterations)} | slots

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take over what `state` returned; `init` must have been called for the same model. All or nothing.

        Raises:
            ValueError: if names, shapes or dtypes differ, or `iterations` is not a count.
        """
        expected = {"iterations", *self.slots}
        if set(state) != expected:
            raise ValueError(f"{self.name} expects the state {sorted(expected)}, got {sorted(state)}")
        for name, slot in self.slots.items():
            if state[name].shape != slot.shape or state[name].dtype != slot.dtype:
                raise ValueError(
                    f"{self.name} expects {name} of shape {slot.shape} and dtype {slot.dtype}, "
                    f"got {state[name].shape} and {state[name].dtype}"
                )
        iterations = np.asarray(state["iterations"])
        if iterations.shape != () or iterations.dtype.kind not in "ui" or iterations < 0:
            raise ValueError(f"{self.name} expects iterations to be a whole number from 0 on, got {iterations!r}")
        self.iterations = int(iterations)
        for name, slot in self.slots.items():
            slot[:] = self.backend.array(state[name], slot.dtype)

    def get_config(self) -> dict[str, Any]:
        """All hyper-parameters, as plain values."""
        followed = {} if self.schedule is None else {"learning_rate": schedules.described(self.schedule)}
        names = [f.name for f in dataclasses.fields(self) if f.init]
        config = {name: followed[name] if name in followed else getattr(self, name) for name in names}
        return config | name_in_file(type(self), self.name)

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """A new optimizer with the hyper-parameters that `get_config` described, without state."""
        return cls(**settings_in(cls, config))


def gradient_norm(grads: Float[Array, " P"], kernels: OptimizerRules = reference.optimizer) -> Any:
    """The L2 norm of all gradients together, in the kernels' memory."""
    return np.sqrt(kernels.squared_norm(grads))
