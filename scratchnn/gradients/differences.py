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

Where forward has no kinks at all, a complex step (complex_step.py) takes the place of (2), and all digits are compared.
It is used only where it agrees with (2) along a random direction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float

from scratchnn.core import randomness
from scratchnn.gradients import complex_step
from scratchnn.gradients.errors import CENTRAL, COMPLEX, ArrayError, Method, relative_error
from scratchnn.layers.base import Layer

STEP = 3e-4  # h: rounding costs about 1e-16 / h, curvature h⁴
BEND = 1e-5  # (3) and (4) may fail by this much, relative to 1 + |D|, before the number counts as being at a kink
AGREE = 1e-6  # what the two ways may differ by along a direction, relative to the sum of its terms

Measured = tuple[Array, Array, Method]  # the derivative, which numbers are at a kink, and how it was measured


@dataclass(frozen=True)
class Call:
    """A forward pass that can be repeated: from the same states, with the same dropout masks."""

    layer: Any
    x: Array
    states: list[Array]
    options: Mapping[str, Any]
    seed: int
    carried: Any = None  # what a stateful layer begins with

    def forward(self) -> tuple[Any, Any]:
        if getattr(self.layer, "stateful", False):
            self.layer.states = self.carried
        given = {"initial_state": self.states} if self.states else {}
        return self.layer.forward(self.x, rng=randomness.generator(self.seed, "dropout"), **given, **self.options)

    def outputs(self) -> list[Array]:
        return [self.layer.backend.to_host(y) for y in _as_list(self.forward()[0])]

    def arrays(self) -> dict[str, Array]:
        """All that has a gradient, by name."""
        states = {_state_name(self.layer, i): state for i, state in enumerate(self.states)}
        return ({} if self.x.dtype.kind in "iub" else {"x": self.x}) | states | dict(self.layer.params)

    def over_complex(self) -> "Call":
        layer = complex_step.twin(self.layer, self.seed)
        x, *states = (layer.backend.array(a, a.dtype) for a in (self.x, *self.states))
        return replace(self, layer=layer, x=x, states=states)


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
    options = {"mask": mask, "training": training}
    call = Call(layer, x, states, options, seed, getattr(layer, "states", None))
    y, cache = call.forward()
    dys = projections(_as_list(y), seed)
    dx, grads = layer.backward(tuple(dys) if isinstance(y, tuple) else dys[0], cache)

    arrays, dinputs = call.arrays(), _as_list(dx)
    found = {"x": dinputs[0]} if "x" in arrays else {}
    found |= {_state_name(layer, i): dstate for i, dstate in enumerate(dinputs[1:])}
    # Copies: a gradient may be a view of what the differences are about to change.
    found = {name: np.array(layer.backend.to_host(gradient)) for name, gradient in (found | dict(grads)).items()}
    exact, none = complex_steps(call, dys), central(arrays, call.outputs, dys)

    def measure(name: str) -> Measured:
        return (exact[name], np.zeros(arrays[name].shape, bool), COMPLEX) if name in exact else none(name)

    errors = compare(arrays, found, measure)
    if getattr(layer, "stateful", False):
        layer.states = call.carried  # pyright: ignore[reportAttributeAccessIssue]
    return errors


def complex_steps(call: Call, dys: list[Array]) -> dict[str, Array]:
    """The derivatives with respect to every array; {} where forward has kinks, or takes no complex numbers."""
    try:
        with complex_step.strict():
            other = call.over_complex()
            found = {name: complex_step.derivative_of(a, other.outputs, dys) for name, a in other.arrays().items()}
    except Exception:  # whatever code of the user's own makes of complex numbers
        return {}
    rng, arrays = randomness.generator(call.seed, "data", layer=2), call.arrays()
    for name, derivative in found.items():
        way = rng.normal(size=derivative.shape)
        moved = way if isinstance(arrays[name], np.ndarray) else call.layer.backend.array(way, np.float64)
        slope = along(arrays[name], moved, call.outputs, dys)
        if not abs(slope - (way * derivative).sum()) <= AGREE * (1 + np.abs(way * derivative).sum()):
            return {}
    return found


def projections(outputs: list[Array], seed: int) -> list[Array]:
    """A random dy for each output, away from 0 so that none is overlooked."""
    rng = randomness.generator(seed, "data")
    return [rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape) for y in outputs]


def compare(
    arrays: Mapping[str, Array], found: Mapping[str, Array], measure: Callable[[str], Measured]
) -> list[ArrayError]:
    """Compare the gradients `found` with the derivatives with respect to `arrays`, which `measure` returns by name."""
    errors = []
    for name, array in arrays.items():
        if name not in found:
            errors.append(ArrayError(name, array.shape, np.inf, remark="backward returned no gradient"))
        elif found[name].shape != array.shape:
            remark = f"its gradient has shape {found[name].shape}"
            errors.append(ArrayError(name, array.shape, np.inf, remark=remark))
        else:
            measured, kink, method = measure(name)
            a, b = found[name][~kink], measured[~kink]
            distance, error = float(np.abs(a - b).max(initial=0)), relative_error(a, b)
            scale = float(np.abs(b).max(initial=1)) if method is COMPLEX else 1.0
            errors.append(ArrayError(name, array.shape, error, distance, int(kink.sum()), "", method, scale))
    for name in found.keys() - arrays.keys():
        errors.append(ArrayError(name, found[name].shape, np.inf, remark="a gradient of no array"))
    return errors


def central(
    arrays: Mapping[str, Array], outputs: Callable[[], list[Array]], dys: list[Array]
) -> Callable[[str], Measured]:
    """The `measure` that takes central differences for all of them."""
    return lambda name: (*central_differences(arrays[name], outputs, dys), CENTRAL)


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


def along(array: Array, way: Array, outputs: Callable[[], list[Array]], dys: list[Array], h: float = STEP) -> float:
    """The derivative of sum dy ⊙ y when all of `array` moves by `way` at once, from (2)."""
    before = array.copy()

    def y_at(step: float) -> Array:
        array[...] = before + step * way
        return np.concatenate([np.ravel(y) for y in outputs()])

    y_2, y_1, y1, y2 = (y_at(step) for step in (-2 * h, -h, h, 2 * h))
    array[...] = before
    dy = np.concatenate([dy.ravel() for dy in dys])
    return float(dy @ (8 * (y1 - y_1) - (y2 - y_2))) / (12 * h)


def _state_name(layer: Layer, i: int) -> str:
    """h0, c0, forward.h0, or a number for the states of a layer that holds several."""
    states = getattr(layer, "state_names", ())
    if i >= len(states):
        return f"state {i}"
    return f"{states[i]} at 0" if states[i][-1].isdigit() else f"{states[i]}0"


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [value]
