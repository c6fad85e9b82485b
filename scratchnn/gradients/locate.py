"""Where a recurrent layer's backward pass goes wrong: at which step, in which gate, by which equation.

What is simpler is tried first, so that whatever was found right need not be doubted later:

    1. each step alone, from the last to the first: the cell's own equations
    2. steps in a row: what a step hands to the one before it, and the sums over the steps
    3. with masked steps
    4. with dropout

The first that is off is looked at again under other conditions: with a linear activation, whose derivative is 1, an
error of that derivative is gone; with Wh = 0, one on the way through Wh. The equations have the numbers that they have
in the sources.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn import activations
from scratchnn.core import randomness
from scratchnn.gradients.walk import (
    B,
    GATES,
    H,
    OFF,
    T,
    Given,
    Pairs,
    built,
    compared,
    error,
    inputs,
    off_in,
    run,
    varied,
)

# Of each gate: its activation, the equation of that, and the equation behind it, which uses the gate.
EQUATIONS = {
    "SimpleRNN": {"a": ("activation", 3, 3)},
    "LSTM": {
        "a_o": ("recurrent_activation", 3, 6),
        "a_i": ("recurrent_activation", 3, 5),
        "a_f": ("recurrent_activation", 3, 5),
        "a_g": ("activation", 4, 5),
    },
    "GRU": {
        "a_z": ("recurrent_activation", 3, 6),
        "a_g": ("activation", 5, 6),
        "a_r": ("recurrent_activation", 3, 4),  # its gradient comes from that of a_g
    },
}
MASK = np.array([[True, False, True, False], [False, True, True, True]])


@dataclass(frozen=True)
class Finding:
    """The first thing that is off: where, the number of the equation, and how we know."""

    where: str
    equation: int
    why: str


@dataclass(frozen=True)
class Seen:
    """One walk: what it was, and every name with its error."""

    what: str
    errors: dict[str, float]


def locate(make: Callable[[], Any], backend: str = "reference", seed: int = 0) -> tuple[list[Seen], Finding | None]:
    """Walk the backward pass of the layer that `make` returns, a SimpleRNN, LSTM or GRU with smooth activations.

    Returns what was seen until the first gradient that is off, and what it was; None if none is.

    Raises:
        ValueError: for another layer.
    """
    kind = type(make()).__name__
    if kind not in GATES:
        raise ValueError(f"{kind} has no time steps and gates to walk along; {', '.join(GATES)} have")
    layer = built(make, backend, seed)
    seen: list[Seen] = []
    if (found := _forward(layer, inputs(layer, seed))) is not None:
        return seen, found
    for what, given, explain in _walks(layer, inputs(layer, seed), seed):
        try:
            pairs = compared(layer, given)
        except (ArithmeticError, LookupError, TypeError, ValueError) as failure:
            return seen, Finding(f"{what}, backward fails", 2, f"{type(failure).__name__}: {failure}")
        seen.append(Seen(what, {name: error(pair) for name, pair in pairs.items()}))
        if off_in(pairs):
            return seen, explain(layer, given, pairs)
    return seen, None


def _walks(layer: Any, whole: Given, seed: int) -> Iterator[tuple[str, Given, Callable[[Any, Given, Pairs], Finding]]]:
    states = _states(layer, whole)
    last = T - 1
    for t in reversed(range(T)):
        alone = replace(_from(whole, t, states), x=whole.x[:, t : t + 1], dy=np.zeros((B, 1, H)))
        yield f"{_step(t)} alone", alone, _in_a_step
    for t in reversed(range(T)):
        what = f"{_step(t)}, with dy" if t == last else f"steps {t} to {last}"
        yield what, _from(whole, t, states), _between_steps
    for t in reversed(range(T)):
        masked = replace(_from(whole, t, _states(layer, replace(whole, mask=MASK))), mask=MASK[:, t:].copy())
        yield f"steps {t} to {last}, some of them masked", masked, _masked
    rng, K = randomness.generator(seed, "data", layer=3), len(GATES[type(layer).__name__])
    shapes = ("dropout of x", 1, 0), ("dropout of x and h", K, layer.recurrent_gates)
    for what, of_x, of_h in shapes:
        drawn = [2.0 * (rng.random((k, B, width)) < 0.5) for k, width in ((of_x, whole.x.shape[2]), (of_h, H))]
        drawn[0][..., -B * T :] = 1
        yield f"all steps, {what}", replace(whole, dropout_x=drawn[0], dropout_h=drawn[1] if of_h else None), _dropped


def _states(layer: Any, whole: Given) -> list[tuple[Array, ...]]:
    """The state that enters each step."""
    states = [whole.state]
    for t in range(T):
        mask = None if whole.mask is None else whole.mask[:, t : t + 1].copy()
        states.append(run(layer, replace(whole, x=whole.x[:, t : t + 1], state=states[t], mask=mask))[1])
    return states


def _from(whole: Given, t: int, states: list[tuple[Array, ...]]) -> Given:
    """The steps from t on."""
    return replace(whole, x=whole.x[:, t:], state=states[t], dy=whole.dy[:, t:], first=t)


def _step(t: int) -> str:
    return f"step {t}, the last" if t == T - 1 else f"step {t}"


def _forward(layer: Any, whole: Given) -> Finding | None:
    """The first step whose state is not that of the reference: its gradients cannot be right, then."""
    reference = built(layer.clone, "reference", 0)
    for name, param in layer.params.items():
        reference.params[name][...] = layer.backend.to_host(param)
    for t, (ours, right) in enumerate(zip(_states(layer, whole), _states(reference, whole), strict=True)):
        for name, *pair in zip(layer.state_names, ours, right, strict=True):
            if error((pair[0], pair[1])) > OFF:
                return Finding(
                    f"{name}[{t}] is not that of the reference: forward is off at step {t - 1}",
                    2,
                    "backward was not walked: it would undo another forward pass",
                )
    return None


# ---- what is off in a step alone


def _in_a_step(layer: Any, given: Given, pairs: Pairs) -> Finding:
    kind, t = type(layer).__name__, given.first
    off = {name.removesuffix(f"[{t}]") for name in off_in(pairs)}
    gates = [gate for gate in EQUATIONS[kind] if gate in off]
    bias = "dbx" if kind == "GRU" else "db"
    if gates and not off & {bias, "dx"}:  # our view of da is through dWx
        gates, off = [], {"dWx"}
    where = _sentence(f"at {_step(t).replace('step 3, the last', 'the last step')}", GATES[kind], gates or sorted(off))

    def still(**settings: Any) -> set[str]:
        return {name.removesuffix(f"[{t}]") for name in off_in(compared(varied(layer, **settings), given))}

    equation, why = (
        _of_gates(kind, gates, off, pairs, t, still) if gates else _of_the_rest(kind, off, pairs, layer, still)
    )
    return Finding(where, equation, why)


def _sentence(where: str, gates: tuple[str, ...], off: list[str]) -> str:
    agree = [gate for gate in gates if gate not in off]
    right = f"{_listed(agree)} {_verb(agree, 'agree')}, " if agree else ""
    return f"{where} {right}{_listed(off)} {'is' if len(off) == 1 else 'are'} off"


def _verb(names: list[str], verb: str) -> str:
    return f"{verb}s" if len(names) == 1 else verb


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _of_gates(kind: str, gates: list[str], off: set[str], pairs: Pairs, t: int, still: Any) -> tuple[int, str]:
    found = {gate: pairs[f"{gate}[{t}]"][0] for gate in GATES[kind]}
    right = {gate: pairs[f"{gate}[{t}]"][1] for gate in GATES[kind]}
    swapped = {a: b for a in gates for b in GATES[kind] if a != b and error((found[a], right[b])) <= OFF}
    if len(swapped) == len(gates):
        words = [f"what stands for {a} is the gradient of {b}" for a, b in swapped.items()]
        return EQUATIONS[kind][gates[0]][1], f"the blocks of da are in another order: {_listed(words)}"
    if kind == "LSTM" and {"a_i", "a_f", "a_g", "dc"} <= off:
        return 6, "they and dc all come from the gradient of c', which (6) adds to what comes from the step after"
    if kind == "GRU" and {"a_z", "a_g"} <= off:
        return 6, "they come from dh' by the same equation"
    rule, own, behind = EQUATIONS[kind][gates[0]]
    if own == behind:
        return own, "it comes from dh' by this equation alone"
    if gates[0] in still(**{rule: activations.linear}):
        return behind, f"with {rule}='linear' it is off as well, so the activation in ({own}) is not to blame"
    return own, f"with {rule}='linear' it is right, so the derivative of the activation is to blame"


def _of_the_rest(kind: str, off: set[str], pairs: Pairs, layer: Any, still: Any) -> tuple[int, str]:
    before = kind == "GRU" and not layer.reset_after
    if "dc" in off:
        return 5, "da is right, and c has no other way into the step"
    if kind == "GRU" and "dWh" in off and _only_candidate(pairs, "dWh"):
        return 4, "of dWh, the candidate's columns alone are off"
    if "dh" not in off:
        return 1, "da and the gradients of the states are right"
    if "dh" in still(Wh=0.0):
        return (
            6 if kind == "GRU" else 2
        ), "da is right, and with Wh = 0 dh is off as well: it is the cell's own use of h"
    if before and "dh" not in still(Wh=np.repeat([1.0, 1.0, 0.0], H)):
        return 4, "da is right, and so is dh once the candidate's columns of Wh are 0"
    return 1, "da is right, and so is dh with Wh = 0: it is the way through Wh"


def _only_candidate(pairs: Pairs, name: str) -> bool:
    found, right = (np.split(each, 3, axis=-1) for each in pairs[name])
    return [error(pair) > OFF for pair in zip(found, right, strict=True)] == [False, False, True]


# ---- what is off although each step alone is right


def _first_off(layer: Any, given: Given, pairs: Pairs) -> tuple[list[str], int | None]:
    """What is off first on the way back, and its step; the names alone where it is no single step's."""
    off, gates = off_in(pairs), GATES[type(layer).__name__]
    for t in reversed(given.steps):
        if names := [gate for gate in gates if f"{gate}[{t}]" in off]:
            return names, t
    return off, None


def _between_steps(layer: Any, given: Given, pairs: Pairs) -> Finding:
    names, t = _first_off(layer, given, pairs)
    if t is None:
        sums = [name for name in names if name.startswith("d") and "[" not in name]
        if sums:
            where = f"over steps {given.first} to {T - 1} da is right at every step, {_listed(sums)} {_is(sums)} off"
            return Finding(where, 1, "the gradient of a weight is the sum over all steps")
        return Finding(
            f"da is right at every step, {_listed(names)} {_is(names)} off", 1, "what follows from da is not"
        )
    where = _sentence("at the last step" if t == T - 1 else f"at step {t}", GATES[type(layer).__name__], names)
    where += ", though the step alone is right"
    if t == T - 1:
        nothing = replace(given, dstate=tuple(map(np.zeros_like, given.dstate)))
        lost = "dstate, the gradient of the last state" if not off_in(compared(layer, nothing)) else "dy"
        return Finding(where, 2, f"{lost}, does not arrive as it should: dh[{T}] is the sum of dy[{T - 1}] and dstate")
    only = replace(given, dy=given.dy * (np.arange(t, T) == t)[:, None], dstate=tuple(map(np.zeros_like, given.dstate)))
    if off_in(compared(layer, only)):
        return Finding(where, 2, f"dy[{t}] does not arrive as it should")
    through = (
        "the way through Wh" if not off_in(compared(varied(layer, Wh=0.0), given)) else "more than the way through Wh"
    )
    return Finding(where, 2, f"what step {t + 1} sends back does not arrive as it should: {through}")


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _masked(layer: Any, given: Given, pairs: Pairs) -> Finding:
    names, t = _first_off(layer, given, pairs)
    if t is None:
        return Finding(
            f"with masked steps {_listed(names)} {_is(names)} off",
            2,
            "a row whose step is masked passes its gradient on, unchanged and once; without masks all is right",
        )
    rows = ~MASK[:, t]
    sent = any(np.abs(pairs[f"{name}[{t}]"][0][rows]).max(initial=0) > OFF for name in names)
    why = "masked rows send a gradient to a" if sent else "the gradient that masked rows pass on is not what arrived"
    where = _sentence(f"with masked steps, at {_step(t).replace(', the last', '')}", GATES[type(layer).__name__], names)
    return Finding(where, 2, f"{why}; without masks all is right")


def _dropped(layer: Any, given: Given, pairs: Pairs) -> Finding:
    names, t = _first_off(layer, given, pairs)
    names = names if t is None else [f"{name}[{t}]" for name in names]
    where = f"with dropout {_listed(names[:4])} {_is(names[:4])} off"
    if type(layer).__name__ == "GRU" and not layer.reset_after and given.dropout_h is not None:
        kept = given.dropout_h.copy()
        kept[-1] = 1
        if not off_in(compared(layer, replace(given, dropout_h=kept))):
            return Finding(where, 4, "it is right without the mask of the candidate; without dropout all is right")
    return Finding(
        where, 1, "what was multiplied by a mask on the way in is not on the way back; without dropout all is right"
    )
