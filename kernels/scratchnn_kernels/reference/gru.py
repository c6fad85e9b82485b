"""GRU: one state and two gates; the update gate z decides how much of the old state stays.

Per time step, with the state h[t] entering and h[t+1] leaving; the columns are packed z r g:

    (1)  ax      = x[t] Wx + bx
    (2)  ah      = h[t] Wh + bh                  without `reset_after`: the z and r columns only, and no bh
    (3)  z, r    = rec(ax_z + ah_z), rec(ax_r + ah_r)
    (4)  q       = r ⊙ ah_g                      with `reset_after`: the gate acts after the product
         q       = (r ⊙ h[t]) Wh_g               without: before the product
    (5)  g       = act(ax_g + q)                 candidate
    (6)  h[t+1]  = z ⊙ h[t] + (1 - z) ⊙ g
    (7)  h[t+1]  = h[t]                          in rows where mask[t] is False

Shapes: time first inside (T, B, ·), batch first at the door; see contract.py.
Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014, arXiv 1406.1078: version 1
has the reset gate after the product, version 3 before it. Keras' default, and the faster of the two, is after.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads, State, StateGrad
from scratchnn_kernels.reference import projection


@dataclass(frozen=True)
class GRUCache:
    x: Float[Array, "T B D"]
    Wx: Float[Array, "D G"]
    Wh: Float[Array, "H G"]
    h: Float[Array, "T+1 B H"]  # row 0 is the initial state
    gates: Float[Array, "T B G"]  # z r g after their nonlinearities
    ah_g: Float[Array, "T B H"] | None  # the candidate's columns of (2), kept only when reset_after
    mask: Bool[Array, "T B"] | None
    dropout_x: Float[Array, "K B D"] | None
    dropout_h: Float[Array, "3 B H"] | None
    activation: ElementwiseActivation
    recurrent_activation: ElementwiseActivation
    reset_after: bool
    sequences: bool


def forward(
    x: Float[Array, "B T D"],
    Wx: Float[Array, "D G"],
    Wh: Float[Array, "H G"],
    bx: Float[Array, " G"],
    bh: Float[Array, " G"],
    state: State,
    mask: Bool[Array, "B T"] | None,
    dropout_x: Float[Array, "K B D"] | None,
    dropout_h: Float[Array, "3 B H"] | None,
    activation: ElementwiseActivation,
    recurrent_activation: ElementwiseActivation,
    reset_after: bool,
    sequences: bool,
    keep_cache: bool = True,
) -> tuple[Float[Array, "B *T H"], State, GRUCache]:
    x = x.swapaxes(0, 1)
    mask = None if mask is None else mask.T
    act, rec = activation.forward, recurrent_activation.forward
    T, B, _ = x.shape
    H, G = Wh.shape
    h = np.empty((T + 1, B, H), dtype=x.dtype)
    gates = np.empty((T, B, G), dtype=x.dtype)
    ah_g = np.empty((T, B, H), dtype=x.dtype) if reset_after else None
    (h[0],) = state

    # What x contributes needs no state: it is computed for all time steps at once, outside the loop.
    ax = projection.forward(x, Wx, dropout_x) + bx  # (1)
    for t in range(T):
        ax_z, ax_r, ax_g = np.split(ax[t], 3, axis=-1)
        if ah_g is not None:
            ah = projection.forward(h[t], Wh, dropout_h) + bh  # (2)
            ah_z, ah_r, ah_g[t] = np.split(ah, 3, axis=-1)
            z, r = rec(ax_z + ah_z), rec(ax_r + ah_r)  # (3)
            q = r * ah_g[t]  # (4)
        else:
            dropout_zr, dropout_g = split_dropout(dropout_h)
            ah = projection.forward(h[t], Wh[:, : 2 * H], dropout_zr)  # (2)
            ah_z, ah_r = np.split(ah, 2, axis=-1)
            z, r = rec(ax_z + ah_z), rec(ax_r + ah_r)  # (3)
            q = projection.forward(r * h[t], Wh[:, 2 * H :], dropout_g)  # (4)
        g = act(ax_g + q)  # (5)
        h[t + 1] = z * h[t] + (1 - z) * g  # (6)
        if mask is not None:
            h[t + 1] = np.where(mask[t, :, None], h[t + 1], h[t])  # (7)
        gates[t] = np.concatenate([z, r, g], axis=-1)

    y = h[1:].swapaxes(0, 1) if sequences else h[T]
    cache = GRUCache(
        x, Wx, Wh, h, gates, ah_g, mask, dropout_x, dropout_h, activation, recurrent_activation, reset_after, sequences
    )
    return y, (h[T],), cache


def backward(
    dy: Float[Array, "B *T H"] | None, dstate: StateGrad, cache: GRUCache
) -> tuple[Float[Array, "B T D"], Grads, State]:
    x, Wx, Wh, h, mask, dropout_h = cache.x, cache.Wx, cache.Wh, cache.h, cache.mask, cache.dropout_h
    act, rec = cache.activation.backward, cache.recurrent_activation.backward
    T, B, _ = x.shape
    H, G = Wh.shape
    dax = np.empty((T, B, G), dtype=x.dtype)  # gradients with respect to (1) and to (2)
    dah = np.empty((T, B, G), dtype=x.dtype)  # without reset_after the last block is with respect to q of (4)
    dropout_zr, dropout_g = split_dropout(dropout_h)

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
        kept = np.zeros_like(dh)
        if mask is not None:
            kept, dh = np.where(mask[t, :, None], 0, dh), np.where(mask[t, :, None], dh, 0)  # (7)

        z, r, g = np.split(cache.gates[t], 3, axis=-1)
        da_z = rec(dh * (h[t] - g), z)  # (6), (3)
        da_g = act(dh * (1 - z), g)  # (6), (5)
        dh = dh * z + kept  # (6)
        if cache.ah_g is not None:
            da_r = rec(da_g * cache.ah_g[t], r)  # (4), (3)
            dah[t] = np.concatenate([da_z, da_r, da_g * r], axis=-1)  # (3), (4)
            dh = dh + projection.backward_x(dah[t], Wh, dropout_h)  # (2)
        else:
            d_rh = projection.backward_x(da_g, Wh[:, 2 * H :], dropout_g)  # (4): gradient of r ⊙ h[t]
            da_r = rec(d_rh * h[t], r)  # (4), (3)
            dah[t] = np.concatenate([da_z, da_r, da_g], axis=-1)
            dh = dh + d_rh * r  # (4)
            dh = dh + projection.backward_x(dah[t, :, : 2 * H], Wh[:, : 2 * H], dropout_zr)  # (2)
        dax[t] = np.concatenate([da_z, da_r, da_g], axis=-1)  # (3), (5)

    # The weights are the same at every step, so their gradients are one product over all steps.
    dx = projection.backward_x(dax, Wx, cache.dropout_x)  # (1)
    grads = {"Wx": projection.backward_W(dax, x, cache.dropout_x), "bx": dax.sum(axis=(0, 1))}
    if cache.reset_after:
        grads["Wh"] = projection.backward_W(dah, h[:T], dropout_h)  # (2)
        grads["bh"] = dah.sum(axis=(0, 1))
    else:
        r = cache.gates[:, :, H : 2 * H]
        dWh_zr = projection.backward_W(dah[:, :, : 2 * H], h[:T], dropout_zr)  # (2)
        dWh_g = projection.backward_W(dah[:, :, 2 * H :], r * h[:T], dropout_g)  # (4)
        grads["Wh"] = np.concatenate([dWh_zr, dWh_g], axis=-1)
    return dx.swapaxes(0, 1), grads, (dh,)


def split_dropout(
    dropout_h: Float[Array, "3 B H"] | None,
) -> tuple[Float[Array, "2 B H"] | None, Float[Array, "1 B H"] | None]:
    """The masks of (2) and of (4), which are separate products when the reset gate acts before its product."""
    return (None, None) if dropout_h is None else (dropout_h[:2], dropout_h[2:])
