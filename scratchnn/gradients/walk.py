"""A recurrent layer's backward pass seen from outside, step by step and gate by gate, on any backend.

A kernel pair hands out dx, the gradients of the parameters and that of the initial state, and no da of a single step.
But x may have more features. Give each step of each row one of its own, which is 1 there and 0 elsewhere, with a row of
Wx that is 0: forward does not change, and by dWx = Σ x[t]ᵀ da[t] that row's gradient is da of this step of this row.
What it should be is the derivative of forward with respect to the same row, by a complex step through the reference.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Recurrence, State

from scratchnn.core import randomness
from scratchnn.gradients import complex_step

B, T, D, H = 2, 4, 3, 3
OFF = 1e-10  # relative to the largest number of an array; rounding makes 1e-14 of it
LEAST = 1e-3  # ... or to this, where all numbers are smaller

GATES = {"SimpleRNN": ("a",), "LSTM": ("a_i", "a_f", "a_g", "a_o"), "GRU": ("a_z", "a_r", "a_g")}


@dataclass(frozen=True)
class Given:
    """What goes into a walk through the steps `first` ... T-1, or fewer: the numbers, and the gradients at its end."""

    x: Array  # (B, steps, D + B T)
    state: State
    dy: Array  # (B, steps, H)
    dstate: State
    first: int
    mask: Array | None = None
    dropout_x: Array | None = None
    dropout_h: Array | None = None

    @property
    def steps(self) -> range:
        return range(self.first, self.first + self.x.shape[1])


Pairs = dict[str, tuple[Array, Array]]  # by name: the gradient, and what it should be


def built(make: Callable[[], Any], backend: str, seed: int) -> Any:
    """The layer with random parameters, and rows of 0 in Wx for the features that single steps have."""
    layer = make()
    layer.build((None, T, D + B * T), backend=backend, dtype=np.float64, seed=seed)
    rng = randomness.generator(seed, "data", layer=1)
    for name, param in layer.params.items():
        drawn = rng.normal(scale=0.7, size=param.shape)
        if name == "Wx":
            drawn[D:] = 0
        param[...] = layer.backend.array(drawn, np.float64)
    return layer


def varied(layer: Any, **settings: Any) -> Any:
    """A copy with other activations, or with parameters multiplied by what stands beside their names."""
    other = deepcopy(layer)
    for name, value in settings.items():
        if name in other.params:
            other.params[name][...] *= value
        else:
            setattr(other, name, value)
    return other


def inputs(layer: Any, seed: int) -> Given:
    """All steps with random numbers."""
    rng = randomness.generator(seed, "data", layer=2)
    x = np.zeros((B, T, D + B * T))
    x[..., :D] = rng.normal(size=(B, T, D))
    x[..., D:] = np.eye(B * T).reshape(B, T, B * T)
    state, dstate = (tuple(rng.normal(size=(B, H)) for _ in layer.state_names) for _ in range(2))
    return Given(x, state, rng.normal(size=(B, T, H)), dstate, 0)


def run(layer: Any, given: Given) -> tuple[Array, State, Any]:
    """y of all steps, the last state, the cache. Over complex numbers, arrays keep their place in memory."""
    array, real = layer.backend.array, layer.backend.to_host
    masks = (None if m is None else array(m, m.dtype) for m in (given.mask, given.dropout_x, given.dropout_h))
    state = tuple(array(each, np.float64) for each in given.state)
    y, after, cache = layer.run_forward(Recurrence(array(given.x, np.float64), state, *masks, sequences=True))
    return real(y), tuple(map(real, after)), cache


def gradients(layer: Any, given: Given) -> dict[str, Array]:
    """What the layer's kernels return, by name; the states at the beginning are h and c."""
    array = layer.backend.array
    dstate = tuple(array(each, np.float64) for each in given.dstate)
    dx, grads, dbefore = layer.run_backward(array(given.dy, np.float64), dstate, run(layer, given)[2])
    found = {"x": dx[..., :D], **grads, **dict(zip(layer.state_names, dbefore, strict=True))}
    return {name: np.array(layer.backend.to_host(gradient)) for name, gradient in found.items()}


def derivatives(layer: Any, given: Given) -> dict[str, Array]:
    """The same by a complex step through the reference."""
    with complex_step.strict():
        other: Any = complex_step.twin(layer)
        array = other.backend.array
        x, *state = (array(each, np.float64) for each in (given.x, *given.state))
        over = Given(x, tuple(state), given.dy, given.dstate, given.first, given.mask, given.dropout_x, given.dropout_h)

        def outputs() -> list[Array]:
            y, after, _ = run(other, over)
            return [y, *after]

        arrays = {"x": x[..., :D], **other.params, **dict(zip(other.state_names, state, strict=True))}
        Wx, dys = arrays.pop("Wx"), [given.dy, *given.dstate]
        right = {name: complex_step.derivative_of(each, outputs, dys) for name, each in arrays.items()}
        right["Wx"] = np.zeros(Wx.shape)
        for row in [*range(D), *(row for t in given.steps for row in _rows(t))]:  # those of other steps are not used
            right["Wx"][row] = complex_step.derivative_of(Wx[row], outputs, dys)
        return right


def compared(layer: Any, given: Given) -> Pairs:
    """Every gradient of the walk beside what it should be: a_f[3], dh[2], dx[3], dWx of the features of x, dWh, db."""
    found, right = gradients(layer, given), derivatives(layer, given)
    return _named(layer, given, found, right)


def _named(layer: Any, given: Given, found: Mapping[str, Array], right: Mapping[str, Array]) -> Pairs:
    gates, pairs = GATES[type(layer).__name__], {}
    for t in given.steps:
        blocks = (np.split(each["Wx"][_rows(t)], len(gates), axis=-1) for each in (found, right))
        pairs |= {f"{gate}[{t}]": pair for gate, *pair in zip(gates, *blocks, strict=True)}
    pairs |= {f"d{s}[{given.first}]": (found[s], right[s]) for s in layer.state_names}
    pairs |= {f"dx[{t}]": (found["x"][:, i], right["x"][:, i]) for i, t in enumerate(given.steps)}
    pairs["dWx"] = found["Wx"][:D], right["Wx"][:D]
    return pairs | {f"d{name}": (found[name], right[name]) for name in found if name in ("Wh", "b", "bx", "bh")}


def _rows(t: int) -> list[int]:
    """The rows of Wx that single out step t, one for each row of the batch."""
    return [D + b * T + t for b in range(B)]


def error(pair: tuple[Array, Array]) -> float:
    found, right = pair
    if found.shape != right.shape:
        return np.inf
    off = float(np.abs(found - right).max(initial=0)) / max(LEAST, float(np.abs(right).max(initial=0)))
    return np.inf if np.isnan(off) else off


def off_in(pairs: Pairs) -> list[str]:
    """The names of those that are off, in the order of the backward pass."""
    return [name for name, pair in pairs.items() if error(pair) > OFF]
