"""Where a recurrent layer's backward pass goes wrong: at which step, in which gate, by which equation.

What is simpler is tried first, so that whatever was found right need not be doubted later:

    1. each step alone, from the last to the first: the cell's own equations
    2. steps in a row: what a step hands to the one before it, and the sums over the steps
    3. with masked steps
    4. with dropout
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from scratchnn import layers
from scratchnn.core import randomness
from scratchnn.gradients import blame
from scratchnn.gradients.blame import Explain, Finding
from scratchnn.gradients.walk import GATES, OFF, B, D, Given, H, T, built, compared, error, inputs, off_in, run

MASK = np.array([[True, False, True, False], [False, True, True, True]])


@dataclass(frozen=True)
class Seen:
    """One walk: in which part, with what, and the error of every gradient."""

    part: str
    what: str
    errors: dict[str, float]


def locate(make: Callable[[], Any], backend: str = "reference", seed: int = 0) -> tuple[list[Seen], Finding | None]:
    """Walk the backward pass of the layer that `make` returns: a SimpleRNN, LSTM or GRU of H units.

    Returns what was seen until the first gradient that is off, and what it was; None if none is.

    Raises:
        ValueError: for another layer.
    """
    kind = type(make()).__name__
    if kind not in GATES:
        raise ValueError(f"{kind} has no steps and gates to walk along; {', '.join(GATES)} have")
    layer = built(make, backend, seed)
    whole, seen = inputs(layer, seed), []
    if (found := _of_forward(layer, whole)) is not None:
        return seen, found
    for part, what, given, explain in _walks(layer, whole, seed):
        try:
            pairs = compared(layer, given)
        except (ArithmeticError, LookupError, TypeError, ValueError) as failure:
            return seen, Finding(f"{part}, {what}: backward fails", 2, f"{type(failure).__name__}: {failure}")
        seen.append(Seen(part, what, {name: error(pair) for name, pair in pairs.items()}))
        if off_in(pairs):
            return seen, explain(layer, given, pairs)
    return seen, None


def walkable(kind: str) -> list[tuple[str, Callable[[], Any]]]:
    """The forms of a layer that a walk can be taken through, with their titles; none for other layers."""
    if kind not in GATES:
        return []
    make = partial(getattr(layers, kind), H)
    return [(kind, make)] + [(f"{kind}, reset_after=False", partial(make, reset_after=False))] * (kind == "GRU")


def _walks(layer: Any, whole: Given, seed: int) -> Iterator[tuple[str, str, Given, Explain]]:
    states, last = _states(layer, whole), T - 1
    for t in reversed(range(T)):
        longer = _some(whole, t - 1, 2, states) if t else None
        yield "each step alone", f"step {t}", _some(whole, t, 1, states), partial(blame.in_a_step, longer)
    for t in reversed(range(T)):
        yield "steps in a row", _steps(t, last), _from(whole, t, states), blame.between_steps
    masked = replace(whole, mask=MASK)
    states = _states(layer, masked)
    for t in reversed(range(T)):
        yield "with masked steps", _steps(t, last), _from(masked, t, states), blame.masked
    rng, K = randomness.generator(seed, "data", layer=3), len(GATES[type(layer).__name__])
    for what, of_x, of_h in (("of x", 1, 0), ("of x and h", K, layer.recurrent_gates)):
        sizes = (of_x, whole.x.shape[2]), (of_h, H)
        of_x, of_h = (2.0 * (rng.random((k, B, width)) < 0.5) for k, width in sizes)
        of_x[..., D:] = 1  # the features by which we see da
        dropping = replace(whole, dropout_x=of_x, dropout_h=of_h if len(of_h) else None)
        yield "with dropout", what, dropping, blame.dropped


def _steps(t: int, last: int) -> str:
    return f"step {t}" if t == last else f"steps {t} to {last}"


def _states(layer: Any, whole: Given) -> list[Any]:
    """The state that enters each step, and the last one."""
    states = [whole.state]
    for t in range(T):
        states.append(run(layer, replace(_some(whole, t, 1, states), mask=_part(whole.mask, t, t + 1)))[1])
    return states


def _from(whole: Given, t: int, states: list[Any]) -> Given:
    """The steps from t on."""
    cut = replace(whole, x=whole.x[:, t:], state=states[t], dy=whole.dy[:, t:], first=t)
    return replace(cut, mask=_part(whole.mask, t, T))


def _some(whole: Given, t: int, steps: int, states: list[Any]) -> Given:
    """So many steps from t on, with a gradient of the state that leaves them and none of y."""
    return replace(whole, x=whole.x[:, t : t + steps], state=states[t], dy=np.zeros((B, steps, H)), first=t)


def _part(mask: Any, t: int, end: int) -> Any:
    return None if mask is None else mask[:, t:end].copy()


def _of_forward(layer: Any, whole: Given) -> Finding | None:
    """The first state that is not that of the reference: the gradients cannot be right, then."""
    reference = built(layer.clone, "reference", 0)
    for name, param in layer.params.items():
        reference.params[name][...] = layer.backend.to_host(param)
    for t, (ours, right) in enumerate(zip(_states(layer, whole), _states(reference, whole), strict=True)):
        off = [
            name for name, *pair in zip(layer.state_names, ours, right, strict=True) if error((pair[0], pair[1])) > OFF
        ]
        if off:
            where = f"the forward pass is off: {blame.listed(off)} after step {t - 1} is not that of the reference"
            return Finding(where, 2, "backward was not walked, because what it undoes is another forward pass")
    return None
