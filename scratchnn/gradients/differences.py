"""Are the gradients right? Every number of every array is compared with differences of forward itself.

The loss is a random projection of the outputs, sum of dy ⊙ y with random dy. (With ones in place of dy, mistakes
that cancel in a sum stay hidden: the gradient of a sum of a softmax is 0 whatever backward does.) Its derivative with
respect to one number v of an array is measured by the central difference through four points,

    (1)  D(h) = (y(v + h) - y(v - h)) / 2h
    (2)  dy/dv = (4 D(h) - D(2h)) / 3 + O(h⁴)

which is accurate to about 1e-12 in float64, where two points reach 1e-10: small gradients then keep enough digits to be
compared.

Kinks. Where relu bends, or where the winner of a maximum changes, within 2h of v, there is no derivative to compare
with. Such numbers are found from forward alone, so that no mistake of backward can hide there, and left out: a
smooth function has

    (3)  D(h) = D(2h)                        up to O(h²): a bend near v breaks this
    (4)  S(2h) = 2 S(h)                      up to O(h³), with S(h) = (y(v + h) - 2 y(v) + y(v - h)) / h: a bend at v
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scratchnn_kernels.contract import Array

from scratchnn.core import randomness
from scratchnn.core.backend import load
from scratchnn.layers.base import Layer
from scratchnn.losses import Loss

STEP = 3e-4  # h: rounding costs about 1e-16 / h, curvature h⁴
BEND = 1e-5  # (3) and (4) may fail by this much, relative to 1 + |D|, before the number counts as being at a kink
EXPECTED = 1e-6  # what a correct gradient stays below: most arrays reach 1e-12 to 1e-9
LIMIT = 1e-5  # above it, a gradient is wrong
ROUNDING = 1e-11  # ... unless no number is off by more than this: smaller differences cannot be measured
MOST_KINKS = 0.5  # with more of an array than this left out, nothing is shown


@dataclass(frozen=True)
class ArrayError:
    """How far the gradient of one array is from its differences; see `relative_error`."""

    name: str
    shape: tuple[int, ...]
    error: float
    distance: float = np.inf  # max |a - b|
    kinks: int = 0  # numbers that were left out
    remark: str = ""  # why nothing could be compared
    expected: float = EXPECTED

    @property
    def ok(self) -> bool:
        near = self.error <= LIMIT or self.distance <= ROUNDING  # NaN is neither
        return near and not self.remark and self.kinks <= MOST_KINKS * math.prod(self.shape)

    def __str__(self) -> str:
        kinks = f", {self.kinks} at a kink left out" if self.kinks else ""
        verdict = ("ok" if self.ok else "OFF") + kinks + (f": {self.remark}" if self.remark else "")
        return f"{self.name:<12} {self.shape!s:<14} {self.error:8.1e}  (expect below {self.expected:.0e})  {verdict}"


def relative_error(a: Float[Array, "*shape"], b: Float[Array, "*shape"]) -> float:
    """max |a - b| / max(1e-8, |a| + |b|), the formula of Stanford's CS231n."""
    return float((np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b))).max(initial=0))


def check(
    layer: Layer,
    x: Any,
    *,
    mask: Array | None = None,
    initial_state: Any = None,
    training: bool = False,
    seed: int = 0,
) -> list[ArrayError]:
    """Compare a layer's backward with differences of its forward, for x (unless it holds ids), states and parameters.

    A layer that is not built yet is built in float64 on the reference backend. Its parameters are as before when this
    returns. With `training`, dropout draws the same masks in every call; `seed` determines those masks and dy.

    Raises:
        ValueError: if the layer was built with another dtype, in which differences have too few digits.
    """
    if not layer.built:
        layer.build((None, *np.shape(x)[1:]), backend="reference", dtype=np.float64, seed=seed)
    if layer.dtype != np.float64:
        raise ValueError(f"gradients are checked in float64, but {layer.label} was built with dtype {layer.dtype}")
    x = np.array(x)
    x = x.astype(np.float64) if x.dtype.kind == "f" else x
    states = [np.array(state, np.float64) for state in ([] if initial_state is None else initial_state)]
    options: dict[str, Any] = {"mask": mask, "training": training} | ({"initial_state": states} if states else {})

    to_host, carried = layer.backend.to_host, getattr(layer, "states", None)

    def forward() -> tuple[Any, Any]:
        if getattr(layer, "stateful", False):
            layer.states = carried  # pyright: ignore[reportAttributeAccessIssue]
        return layer.forward(x, rng=randomness.generator(seed, "dropout"), **options)

    def outputs() -> list[Array]:
        return [to_host(y) for y in _as_list(forward()[0])]

    y, cache = forward()
    dys = projections(_as_list(y), seed)
    dx, grads = layer.backward(tuple(dys) if isinstance(y, tuple) else dys[0], cache)

    dinputs = _as_list(dx)
    arrays = {"x": x} if x.dtype.kind == "f" else {}
    found = {"x": dinputs[0]} if arrays else {}
    arrays |= {_state_name(layer, i): state for i, state in enumerate(states)}
    found |= {_state_name(layer, i): dstate for i, dstate in enumerate(dinputs[1:])}
    # Copies: a gradient may be a view of what the differences are about to change.
    found = {name: np.array(to_host(gradient)) for name, gradient in (found | dict(grads)).items()}
    arrays |= layer.params
    errors = compare(arrays, found, outputs, dys)
    if getattr(layer, "stateful", False):
        layer.states = carried  # pyright: ignore[reportAttributeAccessIssue]
    return errors


def check_loss(loss: Loss, y: Float[Array, "..."], target: Any, *, backend: str | None = None) -> list[ArrayError]:
    """Compare a loss's backward with differences of its forward, with respect to the outputs y.

    With `backend`, its kernels compute the loss, if they have it, in their memory.
    """
    where = load(backend or "reference")
    loss = loss if backend is None else loss.on(where.kernels)
    y = np.array(y, np.float64)
    target = loss.validate(y.shape, target, np.float64)
    targets = where.array(target, target.dtype)

    def forward() -> tuple[Any, Any]:
        return loss.forward(where.array(y, np.float64), targets)

    dy = np.array(where.to_host(loss.backward(forward()[1])))
    return compare({"y": y}, {"y": dy}, lambda: [np.array(where.to_host(forward()[0]))], [np.ones(())])


def projections(outputs: list[Array], seed: int) -> list[Array]:
    """A random dy for each output, away from 0 so that none is overlooked."""
    rng = randomness.generator(seed, "data")
    return [rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape) for y in outputs]


def compare(
    arrays: dict[str, Array], found: dict[str, Array], outputs: Callable[[], list[Array]], dys: list[Array]
) -> list[ArrayError]:
    """Compare the gradients `found` with the differences of `outputs()` with respect to `arrays`, name by name."""
    errors = []
    for name, array in arrays.items():
        if name not in found:
            errors.append(ArrayError(name, array.shape, np.inf, remark="backward returned no gradient"))
        elif found[name].shape != array.shape:
            remark = f"its gradient has shape {found[name].shape}"
            errors.append(ArrayError(name, array.shape, np.inf, remark=remark))
        else:
            measured, kink = central_differences(array, outputs, dys)
            a, b = found[name][~kink], measured[~kink]
            distance = float(np.abs(a - b).max(initial=0))
            errors.append(ArrayError(name, array.shape, relative_error(a, b), distance, int(kink.sum())))
    for name in found.keys() - arrays.keys():
        errors.append(ArrayError(name, found[name].shape, np.inf, remark="a gradient of no array"))
    return errors


def central_differences(
    array: Float[Array, "*shape"], outputs: Callable[[], list[Array]], dys: list[Array]
) -> tuple[Float[Array, "*shape"], Bool[Array, "*shape"]]:
    """The derivative of sum dy ⊙ y with respect to every number of `array`, and which numbers are at a kink.

    `outputs()` computes the y's from `array`, which is changed in place, one number at a time, and left as it was.
    """
    derivative, kink = np.zeros(array.shape), np.zeros(array.shape, bool)

    def y_at(index: tuple[int, ...], value: Any) -> Array:
        array[index] = value
        return np.concatenate([np.ravel(y) for y in outputs()])

    dy = np.concatenate([dy.ravel() for dy in dys])
    y = np.concatenate([np.ravel(y) for y in outputs()])
    h = STEP
    for index in np.ndindex(array.shape):
        v = float(array[index])
        y_2, y_1, y1, y2 = (y_at(index, v + step) for step in (-2 * h, -h, h, 2 * h))
        array[index] = v
        D, D2 = (y1 - y_1) / (2 * h), (y2 - y_2) / (4 * h)  # (1)
        derivative[index] = dy @ ((4 * D - D2) / 3)  # (2)
        S, S2 = (y1 - 2 * y + y_1) / h, (y2 - 2 * y + y_2) / (2 * h)
        bend = np.maximum(np.abs(D - D2), np.abs(S2 - 2 * S))  # (3), (4)
        kink[index] = (bend > BEND * (1 + np.abs(D))).any()
    return derivative, kink


def _state_name(layer: Layer, i: int) -> str:
    """h0, c0, forward.h0, or a number for the states of a layer that holds several."""
    states = getattr(layer, "state_names", ())
    if i >= len(states):
        return f"state {i}"
    return f"{states[i]} at 0" if states[i][-1].isdigit() else f"{states[i]}0"


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [value]
