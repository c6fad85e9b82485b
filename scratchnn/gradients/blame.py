"""Which equation is to blame for what a walk found off. The walk is asked again under other conditions:

- with a linear activation, whose derivative is 1, an error of that derivative is gone;
- with Wh = 0, one on the way through Wh;
- with fewer gradients from outside, one of those that are left out.

The equations have the numbers that they have in the sources.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn import activations
from scratchnn.gradients.walk import GATES, OFF, Given, H, Pairs, T, compared, error, off_in, varied

# Of each gate, in the order of the backward pass: its activation, the equation of that, and the equation behind it,
# which uses the gate.
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


@dataclass(frozen=True)
class Finding:
    """The first thing that is off: where, the number of the equation, and how we know."""

    where: str
    equation: int
    why: str

    def __str__(self) -> str:
        return f"{self.where}: equation ({self.equation})"


Explain = Callable[[Any, Given, Pairs], Finding]  # from the layer, what it was given, and what came


# ---- a step alone


def in_a_step(longer: Given | None, layer: Any, given: Given, pairs: Pairs) -> Finding:
    """`longer`: the step before as well, if there is one."""
    kind, t = type(layer).__name__, given.first
    off = _without_step(off_in(pairs), t)
    gates = [gate for gate in EQUATIONS[kind] if gate in off]
    if gates and not off & {"dbx" if kind == "GRU" else "db", "dx"}:  # we see da through dWx alone
        gates, off = [], {"dWx"}
    where = _sentence(at(t), layer, gates or sorted(off))
    if gates and (kind != "LSTM" or "a_o" in gates) and _is_right(layer, given, dy=given.dstate[0][:, None], dstate=()):
        return Finding(
            where, 2, "it is right where the same gradient comes as dy: dstate, that of the last state, is lost"
        )
    if off <= {"dh", "dc"} and longer is not None:
        before = off_in(compared(layer, longer))
        if not any(f"{gate}[{t - 1}]" in before for gate in GATES[kind]):
            return Finding(where, 2, "the step before receives it right: it is off only where backward returns it")
    if gates:
        return Finding(where, *_of_gates(layer, given, pairs, gates, off))
    return Finding(where, *_of_the_rest(layer, given, pairs, off))


def _without_step(names: Iterable[str], t: int) -> set[str]:
    return {name.removesuffix(f"[{t}]") for name in names}


def _off_with(layer: Any, given: Given, **settings: Any) -> set[str]:
    return _without_step(off_in(compared(varied(layer, **settings), given)), given.first)


def _is_right(layer: Any, given: Given, *, dy: Array | None = None, dstate: Any = None) -> bool:
    """Whether nothing is off with other gradients from outside; `()`: none for the last states."""
    dstate = given.dstate if dstate is None else dstate or tuple(map(np.zeros_like, given.dstate))
    return not off_in(compared(layer, replace(given, dy=given.dy if dy is None else dy, dstate=dstate)))


def _of_gates(layer: Any, given: Given, pairs: Pairs, gates: list[str], off: set[str]) -> tuple[int, str]:
    kind, t = type(layer).__name__, given.first
    found, right = ({gate: pairs[f"{gate}[{t}]"][i] for gate in GATES[kind]} for i in (0, 1))
    swapped = {a: b for a in gates for b in GATES[kind] if a != b and error((found[a], right[b])) <= OFF}
    if len(swapped) == len(gates):
        words = listed(f"{a} has the gradient of {b}" for a, b in swapped.items())
        return EQUATIONS[kind][gates[0]][1], f"the blocks of da are in another order: {words}"
    if kind == "LSTM" and {"a_i", "a_f", "a_g", "dc"} <= off:
        return 6, "they and dc all come from the gradient of c', in which (6) and the step after add up"
    if kind == "GRU" and {"a_z", "a_g"} <= off:
        return 6, "they come from dh' by the same equation"
    gate = gates[0]
    rule, own, behind = EQUATIONS[kind][gate]
    if own == behind:
        return own, "it comes from dh' by this equation alone"
    if gate not in _off_with(layer, given, **{rule: activations.linear}):
        return own, f"with {rule}='linear' {gate} is right, so the derivative of the activation is to blame"
    both = getattr(layer, rule)
    if gate not in _off_with(layer, given, activation=both, recurrent_activation=both):
        return own, f"with one activation for all {gate} is right, so the derivative is that of another one"
    return behind, f"with {rule}='linear' {gate} is off as well, so the derivative of the activation is not to blame"


def _of_the_rest(layer: Any, given: Given, pairs: Pairs, off: set[str]) -> tuple[int, str]:
    is_gru = type(layer).__name__ == "GRU"
    if "dc" in off:
        return 5, "da is right, and c has no other way into the step"
    if is_gru and "dWh" in off and _only_candidate(pairs["dWh"]):
        return 4, "of dWh, the candidate's columns alone are off"
    if "dh" not in off:
        return 1, "da and the gradients of the states are right"
    if "dh" in _off_with(layer, given, Wh=0.0):
        if is_gru and not pairs[f"dh[{given.first}]"][0].any():
            return 2, "da is right, and dh is 0: nothing is handed to the step before, neither through Wh nor through z"
        if is_gru:
            return 6, "da is right, and with Wh = 0 dh is off as well: it is the share of h that the step keeps"
        return 2, "da is right, and with Wh = 0, which leaves nothing of dh, it is off as well"
    if is_gru and not layer.reset_after and "dh" not in _off_with(layer, given, Wh=np.repeat([1.0, 1.0, 0.0], H)):
        return 4, "da is right, and dh too once the candidate's columns of Wh are 0"
    return 1, "da is right, and dh too with Wh = 0: it is the way through Wh"


def _only_candidate(pair: tuple[Array, Array]) -> bool:
    blocks = zip(*(np.split(each, 3, axis=-1) for each in pair), strict=True)
    return [error(block) > OFF for block in blocks] == [False, False, True]


# ---- what is off although each step alone is right


def between_steps(layer: Any, given: Given, pairs: Pairs) -> Finding:
    names, t = _first_off(layer, given, pairs)
    if t is None:
        where = f"over steps {given.first} to {T - 1} da is right at every step, {listed(names)} {_are(names)} off"
        return Finding(where, 1, "the gradient of a weight is the sum over all steps and rows")
    where = f"{_sentence(at(t), layer, names)}, though the step alone is right"
    if t == T - 1:
        lost = "dstate" if _is_right(layer, given, dstate=()) else "dy"
        return Finding(where, 2, f"{lost} does not arrive as it should: dh[{T}] is the sum of dy[{T - 1}] and dstate")
    if not _is_right(layer, given, dy=given.dy * (np.arange(given.first, T) == t)[:, None], dstate=()):
        return Finding(where, 2, f"dy[{t}] does not arrive as it should")
    through = "more than" if off_in(compared(varied(layer, Wh=0.0), given)) else "only"
    return Finding(
        where, 2, f"what step {t + 1} sends back does not arrive as it should, {through} what goes through Wh"
    )


def masked(layer: Any, given: Given, pairs: Pairs) -> Finding:
    names, t = _first_off(layer, given, pairs)
    right = "without masks all is right"
    if t is None:
        where = f"with masked steps {listed(names)} {_are(names)} off"
        if all(name.startswith(("dW", "db")) for name in names):
            return Finding(where, 1, f"the gradient of a weight is the sum over the steps that are not masked; {right}")
        return Finding(where, 2, f"a row whose step is masked passes its gradient on, unchanged and once; {right}")
    rows = np.zeros(0, int) if given.mask is None else np.flatnonzero(~given.mask[:, t - given.first])
    sent = any(np.abs(pairs[f"{name}[{t}]"][0][rows]).max(initial=0) > OFF for name in names)
    why = "masked rows send a gradient to a" if sent else "what masked rows pass on is not what arrived there"
    return Finding(_sentence(f"with masked steps, at {at(t)[3:]}", layer, names), 2, f"{why}; {right}")


def dropped(layer: Any, given: Given, pairs: Pairs) -> Finding:
    names, t = _first_off(layer, given, pairs)
    where = f"with dropout {listed(names)} {_are(names)} off" + ("" if t is None else f" at step {t}")
    if type(layer).__name__ == "GRU" and not layer.reset_after and given.dropout_h is not None:
        kept = given.dropout_h.copy()
        kept[-1] = 1
        if not off_in(compared(layer, replace(given, dropout_h=kept))):
            return Finding(where, 4, "without the mask of the candidate's r ⊙ h it is right")
    why = "what a mask multiplies on the way in, it multiplies on the way back; without dropout all is right"
    return Finding(where, 1, why)


def _first_off(layer: Any, given: Given, pairs: Pairs) -> tuple[list[str], int | None]:
    """The gates that are off first on the way back, and their step; without gates, all that is off and None."""
    off, gates = off_in(pairs), GATES[type(layer).__name__]
    others = [name for name in off if name.partition("[")[0] not in gates]
    if others != off and not any(name.startswith(("db", "dx")) for name in others):
        return ["dWx", *(name for name in others if name != "dWx")], None  # through which alone we see da
    for t in reversed(given.steps):
        if names := [gate for gate in gates if f"{gate}[{t}]" in off]:
            return names, t
    return [name for name in off if not name.startswith("dx")] + ["dx"] * any(n.startswith("dx") for n in off), None


# ---- words


def at(t: int) -> str:
    return "at the last step" if t == T - 1 else f"at step {t}"


def listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _sentence(where: str, layer: Any, off: list[str]) -> str:
    agree = [gate for gate in GATES[type(layer).__name__] if gate not in off]
    right = f"{listed(agree)} {'agree' if len(agree) > 1 else 'agrees'}, " if agree else ""
    return f"{where} {right}{listed(off)} {_are(off)} off"


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
