"""SimpleRNN: one state, one nonlinearity.

Per time step, with the state h[t] entering and h[t+1] leaving:

    (1)  a      = x[t] Wx + h[t] Wh + b
    (2)  h[t+1] = act(a)
    (3)  h[t+1] = h[t]  in rows where mask[t] is False

Shapes: time first inside (T, B, ·), batch first at the door; see contract.py.
Source: Elman, "Finding Structure in Time", Cognitive Science 14, 1990.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads, State, StateGrad
from scratchnn_kernels.reference import projection


@dataclass(frozen=True)
class SimpleRNNCache:
    x: Float[Array, "T B D"]
    Wx: Float[Array, "D H"]
    Wh: Float[Array, "H H"]
    h: Float[Array, "T+1 B H"]  # row 0 is the initial state
    mask: Bool[Array, "T B"] | None
    dropout_x: Float[Array, "1 B D"] | None
    dropout_h: Float[Array, "1 B H"] | None
    activation: ElementwiseActivation
    sequences: bool


def forward(
    x: Float[Array, "B T D"],
    Wx: Float[Array, "D H"],
    Wh: Float[Array, "H H"],
    b: Float[Array, " H"],
    state: State,
    mask: Bool[Array, "B T"] | None,
    dropout_x: Float[Array, "1 B D"] | None,
    dropout_h: Float[Array, "1 B H"] | None,
    activation: ElementwiseActivation,
    sequences: bool,
    keep_cache: bool = True,
) -> tuple[Float[Array, "B *T H"], State, SimpleRNNCache]:
    x = x.swapaxes(0, 1)
    mask = None if mask is None else mask.T
    T, B, _ = x.shape
    h = np.empty((T + 1, B, Wh.shape[0]), dtype=x.dtype)
    (h[0],) = state

    # What x contributes to (1) needs no state: it is computed for all time steps at once, outside the loop.
    ax = projection.forward(x, Wx, dropout_x) + b
    for t in range(T):
        a = ax[t] + projection.forward(h[t], Wh, dropout_h)  # (1)
        h[t + 1] = activation.forward(a)  # (2)
        if mask is not None:
            h[t + 1] = np.where(mask[t, :, None], h[t + 1], h[t])  # (3)

    y = h[1:].swapaxes(0, 1) if sequences else h[T]
    return y, (h[T],), SimpleRNNCache(x, Wx, Wh, h, mask, dropout_x, dropout_h, activation, sequences)


def backward(
    dy: Float[Array, "B *T H"] | None, dstate: StateGrad, cache: SimpleRNNCache
) -> tuple[Float[Array, "B T D"], Grads, State]:
    x, Wx, Wh, h, mask = cache.x, cache.Wx, cache.Wh, cache.h, cache.mask
    T, B, _ = x.shape
    H = Wh.shape[0]
    da = np.empty((T, B, H), dtype=x.dtype)

    # dh: the gradient with respect to h[t+1] on the way back, what later steps send plus dy of this one.
    dh = np.zeros((B, H), dtype=x.dtype)
    (dh_last,) = dstate
    if dh_last is not None:
        dh = dh + dh_last
    if dy is not None and not cache.sequences:
        dh = dh + dy
    for t in reversed(range(T)):
        if dy is not None and cache.sequences:
            dh = dh + dy[:, t]
        kept = np.zeros_like(dh) if mask is None else np.where(mask[t, :, None], 0, dh)  # (3): passes straight through
        da[t] = cache.activation.backward(dh - kept, h[t + 1])  # (2)
        dh = projection.backward_x(da[t], Wh, cache.dropout_h) + kept  # (1)

    # The weights are the same at every step, so their gradients are one product over all steps.
    dx = projection.backward_x(da, Wx, cache.dropout_x)
    grads = {
        "Wx": projection.backward_W(da, x, cache.dropout_x),
        "Wh": projection.backward_W(da, h[:T], cache.dropout_h),
        "b": da.sum(axis=(0, 1)),
    }
    return dx.swapaxes(0, 1), grads, (dh,)
