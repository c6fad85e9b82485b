"""Backpropagation through time, once for every recurrent layer: a walk along the time steps, and the same walk back.

A cell is one time step (`Cell` in contract.py); it knows nothing of time, of masks, or of Wx and Wh. What is the same
for every cell is here. A state is (h,) or (h, c); state[t] enters step t, state[t+1] leaves it:

    (1)  ax[t] = x[t] Wx + b,  ah[t] = h[t] Wh          the two parts of the pre-activation a[t] = ax[t] + ah[t]
    (2)  state[t+1] = cell(ax[t], ah[t], state[t])      but state[t] in rows where mask[t] is False
         y = h[T], or all of h[1] ... h[T] with `sequences`

Backward. A change of h[t] reaches the loss in two ways, through the output (y[t-1] is h[t]) and through the next step,
and the gradients of both ways add up. Into the next step it goes along Wh, by (1), and along the cell's own use of it:

    dh[t] = dy[t-1] + dah[t] Whᵀ + (what cell.backward returns for it)

A masked step did nothing: its rows pass their gradient on unchanged, and send none to ax and ah. The weights are the
same at every step, so their gradients are sums over the steps, which is one product for all of them:

    dWx = Σ x[t]ᵀ dax[t],  dWh = Σ h[t]ᵀ dah[t],  db = Σ dax[t]

Shapes: time first inside, (T, B, ·); G and Gh are the columns of ax and ah. docs/bptt.md derives this by hand.
Source: Werbos, "Backpropagation through time: what it does and how to do it", Proceedings of the IEEE 78(10), 1990.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scratchnn_kernels.contract import Array, Cell, Grads, Recurrence, RecurrentOutput, State, StateGrad
from scratchnn_kernels.reference import projection
from scratchnn_kernels.shapes import Bool, Float


@dataclass(frozen=True)
class RecurrenceCache:
    cell: Cell
    call: Recurrence
    Wx: Float[Array, "D G"]
    Wh: Float[Array, "H Gh"]
    own: Grads  # the cell's own parameters
    mask: Bool[Array, "T _ 1"]
    states: list[State]  # T+1 of them; number 0 is the initial state
    saved: list[Any]  # what the cell keeps of each step


class Step(NamedTuple):
    """What backward computed at step t: gradients of state[t+1], the part through y included, of ax[t] and of ah[t]."""

    t: int
    dafter: State
    dax: Float[Array, "B G"]
    dah: Float[Array, "B Gh"]


def forward(
    cell: Cell, call: Recurrence, Wx: Float[Array, "D G"], Wh: Float[Array, "H Gh"], b: Float[Array, " G"], **own: Array
) -> RecurrentOutput:
    """Return y, the last state and the cache. `own`: the cell's own parameters, by name."""
    x = call.x.swapaxes(0, 1)
    mask = np.ones((len(x), 1, 1), bool) if call.mask is None else call.mask.T[:, :, None]
    ax = projection.forward(x, Wx, call.dropout_x) + b  # (1): needs no state, so all time steps at once
    states, saved = [call.state], []
    for t in range(len(x)):
        ah = projection.forward(states[t][0], Wh, call.dropout_h)  # (1)
        after, kept = cell.forward(ax[t], ah, states[t], **own)  # (2)
        states.append(choose(mask[t], after, states[t]))  # (2)
        saved.append(kept if call.keep_cache else None)
    y = np.stack([state[0] for state in states[1:]], axis=1) if call.sequences else states[-1][0]
    return y, states[-1], RecurrenceCache(cell, call, Wx, Wh, own, mask, states, saved)


def backward(
    dy: Float[Array, "B *T H"] | None, dstate: StateGrad, cache: RecurrenceCache, record: list[Step] | None = None
) -> tuple[Float[Array, "B T D"], Grads, State]:
    """Given the gradients of y and the last state, return those of x, parameters, state[0]; `record` gets each Step."""
    cell, call, mask, states, x = cache.cell, cache.call, cache.mask, cache.states, cache.call.x.swapaxes(0, 1)
    zeros = tuple(np.zeros_like(array) for array in states[0])
    d = tuple(zero if given is None else given for zero, given in zip(zeros, dstate, strict=True))
    if dy is not None and not call.sequences:
        d = (d[0] + dy, *d[1:])
    dax, dah, dafter = [zeros[0]] * len(x), [zeros[0]] * len(x), []
    for t in reversed(range(len(x))):  # d: the gradient of state[t+1]
        if dy is not None and call.sequences:
            d = (d[0] + dy[:, t], *d[1:])
        *da, dbefore = cell.backward(d, states[t], states[t + 1], cache.saved[t], **cache.own)  # (2)
        dax[t], dah[t] = choose(mask[t], da, (0.0, 0.0))  # (2): a masked row sends nothing to ax and ah
        through = (dbefore[0] + projection.backward_x(dah[t], cache.Wh, call.dropout_h), *dbefore[1:])  # (1)
        if record is not None:
            record.append(Step(t, d, dax[t], dah[t]))
        dafter = [choose(mask[t], d, zeros), *dafter] if cache.own else []
        d = choose(mask[t], through, d)  # (2): a masked row passes its gradient on

    dax, dah, h = np.stack(dax), np.stack(dah), np.stack([state[0] for state in states[:-1]])
    grads = {
        "Wx": projection.backward_W(dax, x, call.dropout_x),  # (1)
        "Wh": projection.backward_W(dah, h, call.dropout_h),  # (1)
        "b": dax.sum(axis=(0, 1)),  # (1)
    }
    if cache.own:
        over_time = ([np.stack(a) for a in zip(*steps, strict=True)] for steps in (dafter, states, cache.saved))
        grads |= cell.backward_own(dax, dah, *over_time, **cache.own)
    return projection.backward_x(dax, cache.Wx, call.dropout_x).swapaxes(0, 1), grads, d  # (1)


def choose(real: Bool[Array, "_ 1"], then: Any, otherwise: Any) -> tuple[Array, ...]:
    """`then` in the rows that are `real`, `otherwise` in the others."""
    return tuple(np.where(real, a, b) for a, b in zip(then, otherwise, strict=True))
