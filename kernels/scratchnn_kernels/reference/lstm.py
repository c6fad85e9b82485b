"""LSTM: a cell state c that is added to, not multiplied through, and three gates that guard it.

Per time step, with the states h[t], c[t] entering and h[t+1], c[t+1] leaving:

    (1)  a       = x[t] Wx + h[t] Wh + b         packed in four blocks of H columns: i f g o
    (2)  i, f, o = rec(a_i), rec(a_f), rec(a_o)  input, forget and output gate
    (3)  g       = act(a_g)                      candidate
    (4)  c[t+1]  = f ⊙ c[t] + i ⊙ g
    (5)  h[t+1]  = o ⊙ act(c[t+1])
    (6)  h[t+1], c[t+1] = h[t], c[t]             in rows where mask[t] is False

Shapes: time first inside (T, B, ·), batch first at the door; see contract.py.
Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; the forget gate is from
Gers, Schmidhuber and Cummins, "Learning to Forget", Neural Computation 12(10), 2000.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads, State, StateGrad
from scratchnn_kernels.reference import projection


@dataclass(frozen=True)
class LSTMCache:
    x: Float[Array, "T B D"]
    Wx: Float[Array, "D G"]
    Wh: Float[Array, "H G"]
    h: Float[Array, "T+1 B H"]  # row 0 is the initial state
    c: Float[Array, "T+1 B H"]
    gates: Float[Array, "T B G"]  # i f g o after their nonlinearities
    act_c: Float[Array, "T B H"]  # act(c[t+1]) of (5)
    mask: Bool[Array, "T B"] | None
    dropout_x: Float[Array, "K B D"] | None
    dropout_h: Float[Array, "4 B H"] | None
    activation: ElementwiseActivation
    recurrent_activation: ElementwiseActivation
    sequences: bool


def forward(
    x: Float[Array, "B T D"],
    Wx: Float[Array, "D G"],
    Wh: Float[Array, "H G"],
    b: Float[Array, " G"],
    state: State,
    mask: Bool[Array, "B T"] | None,
    dropout_x: Float[Array, "K B D"] | None,
    dropout_h: Float[Array, "4 B H"] | None,
    activation: ElementwiseActivation,
    recurrent_activation: ElementwiseActivation,
    sequences: bool,
    keep_cache: bool = True,
) -> tuple[Float[Array, "B *T H"], State, LSTMCache]:
    x = x.swapaxes(0, 1)
    mask = None if mask is None else mask.T
    act, rec = activation.forward, recurrent_activation.forward
    T, B, _ = x.shape
    H, G = Wh.shape
    h = np.empty((T + 1, B, H), dtype=x.dtype)
    c = np.empty((T + 1, B, H), dtype=x.dtype)
    gates = np.empty((T, B, G), dtype=x.dtype)
    act_c = np.empty((T, B, H), dtype=x.dtype)
    h[0], c[0] = state

    # What x contributes to (1) needs no state: it is computed for all time steps at once, outside the loop.
    ax = projection.forward(x, Wx, dropout_x) + b
    for t in range(T):
        a = ax[t] + projection.forward(h[t], Wh, dropout_h)  # (1)
        a_i, a_f, a_g, a_o = np.split(a, 4, axis=-1)
        i, f, o = rec(a_i), rec(a_f), rec(a_o)  # (2)
        g = act(a_g)  # (3)
        c[t + 1] = f * c[t] + i * g  # (4)
        act_c[t] = act(c[t + 1])
        h[t + 1] = o * act_c[t]  # (5)
        if mask is not None:
            real = mask[t, :, None]
            h[t + 1] = np.where(real, h[t + 1], h[t])  # (6)
            c[t + 1] = np.where(real, c[t + 1], c[t])
        gates[t] = np.concatenate([i, f, g, o], axis=-1)

    y = h[1:].swapaxes(0, 1) if sequences else h[T]
    cache = LSTMCache(
        x, Wx, Wh, h, c, gates, act_c, mask, dropout_x, dropout_h, activation, recurrent_activation, sequences
    )
    return y, (h[T], c[T]), cache


def backward(
    dy: Float[Array, "B *T H"] | None, dstate: StateGrad, cache: LSTMCache
) -> tuple[Float[Array, "B T D"], Grads, State]:
    x, Wx, Wh, h, c, mask = cache.x, cache.Wx, cache.Wh, cache.h, cache.c, cache.mask
    act, rec = cache.activation.backward, cache.recurrent_activation.backward
    T, B, _ = x.shape
    H, G = Wh.shape
    da = np.empty((T, B, G), dtype=x.dtype)

    # dh, dc: gradients with respect to h[t+1], c[t+1] on the way back, what later steps send plus dy of this one.
    dh, dc = (np.zeros((B, H), dtype=x.dtype) if d is None else d for d in dstate)
    if dy is not None and not cache.sequences:
        dh = dh + dy
    for t in reversed(range(T)):
        if dy is not None and cache.sequences:
            dh = dh + dy[:, t]
        kept_h = kept_c = np.zeros_like(dh)
        if mask is not None:
            real = mask[t, :, None]
            kept_h, kept_c = np.where(real, 0, dh), np.where(real, 0, dc)  # (6): these rows pass straight through
            dh, dc = np.where(real, dh, 0), np.where(real, dc, 0)

        i, f, g, o = np.split(cache.gates[t], 4, axis=-1)
        dc = dc + act(dh * o, cache.act_c[t])  # (5)
        da_o = rec(dh * cache.act_c[t], o)  # (5), (2)
        da_i = rec(dc * g, i)  # (4), (2)
        da_f = rec(dc * c[t], f)  # (4), (2)
        da_g = act(dc * i, g)  # (4), (3)
        da[t] = np.concatenate([da_i, da_f, da_g, da_o], axis=-1)
        dc = dc * f + kept_c  # (4)
        dh = projection.backward_x(da[t], Wh, cache.dropout_h) + kept_h  # (1)

    # The weights are the same at every step, so their gradients are one product over all steps.
    dx = projection.backward_x(da, Wx, cache.dropout_x)
    grads = {
        "Wx": projection.backward_W(da, x, cache.dropout_x),
        "Wh": projection.backward_W(da, h[:T], cache.dropout_h),
        "b": da.sum(axis=(0, 1)),
    }
    return dx.swapaxes(0, 1), grads, (dh, dc)
