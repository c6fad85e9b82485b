"""GRU: one state and two gates; the update gate z decides how much of the old state stays.

One step, between (1) and (2) of recurrence.py; columns are packed in blocks z r g, and ah has a bias of its own, bh:

    (3)  z, r = rec(ax_z + ah_z), rec(ax_r + ah_r)
    (4)  q    = r ⊙ ah_g                                with `reset_after`: the reset gate acts after the product
         q    = (r ⊙ h) Wh_g                            without: before the product, and no bh
    (5)  g    = act(ax_g + q)                           candidate
    (6)  h'   = z ⊙ h + (1 - z) ⊙ g

Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014, arXiv 1406.1078: version 1
has the reset gate after the product, version 3 before it. Keras' default, and the faster of the two, is after.
"""

from dataclasses import dataclass, replace

import numpy as np

from scratchnn_kernels.contract import Array, Cell, ElementwiseActivation, Grads, Recurrence, RecurrentOutput, State
from scratchnn_kernels.reference import projection, recurrence


@dataclass(frozen=True)
class ResetAfterCell(Cell):
    act: ElementwiseActivation
    rec: ElementwiseActivation

    def forward(self, ax: Array, ah: Array, state: State, bh: Array) -> tuple[State, tuple]:
        (h,), (ax_z, ax_r, ax_g), (ah_z, ah_r, ah_g) = state, np.split(ax, 3, axis=-1), np.split(ah + bh, 3, axis=-1)
        z, r = self.rec.forward(ax_z + ah_z), self.rec.forward(ax_r + ah_r)  # (3)
        g = self.act.forward(ax_g + r * ah_g)  # (4), (5)
        return (z * h + (1 - z) * g,), (z, r, g, ah_g)  # (6)

    def backward(self, dafter: State, state: State, after: State, saved: tuple, bh: Array) -> tuple:
        (dh,), (h,), (z, r, g, ah_g) = dafter, state, saved
        dz, dg = dh * (h - g), dh * (1 - z)  # (6)
        da_g = self.act.backward(dg, g)  # (5)
        dr, dah_g = da_g * ah_g, da_g * r  # (4)
        da_z, da_r = self.rec.backward(dz, z), self.rec.backward(dr, r)  # (3)
        dax, dah = (np.concatenate([da_z, da_r, block], axis=-1) for block in (da_g, dah_g))
        return dax, dah, (dh * z,)  # (6): a share z of h is in h'

    def backward_own(self, dax: Array, dah: Array, dafter: list, states: list, saved: list, bh: Array) -> Grads:
        return {"bh": dah.sum(axis=(0, 1))}


@dataclass(frozen=True)
class ResetBeforeCell(Cell):
    """Wh_g multiplies r ⊙ h, which exists inside the step only; the walk multiplies h by the columns of z and r."""

    act: ElementwiseActivation
    rec: ElementwiseActivation
    dropout_g: Array | None  # (1, B, H), for r ⊙ h

    def forward(self, ax: Array, ah: Array, state: State, Wh_g: Array) -> tuple[State, tuple]:
        (h,), (ax_z, ax_r, ax_g), (ah_z, ah_r) = state, np.split(ax, 3, axis=-1), np.split(ah, 2, axis=-1)
        z, r = self.rec.forward(ax_z + ah_z), self.rec.forward(ax_r + ah_r)  # (3)
        q = projection.forward(r * h, Wh_g, self.dropout_g)  # (4)
        g = self.act.forward(ax_g + q)  # (5)
        return (z * h + (1 - z) * g,), (z, r, g)  # (6)

    def backward(self, dafter: State, state: State, after: State, saved: tuple, Wh_g: Array) -> tuple:
        (dh,), (h,), (z, r, g) = dafter, state, saved
        dz, dg = dh * (h - g), dh * (1 - z)  # (6)
        da_g = self.act.backward(dg, g)  # (5)
        d_rh = projection.backward_x(da_g, Wh_g, self.dropout_g)  # (4)
        dah = np.concatenate([self.rec.backward(dz, z), self.rec.backward(d_rh * h, r)], axis=-1)  # (3), (4)
        return np.concatenate([dah, da_g], axis=-1), dah, (dh * z + d_rh * r,)  # (6), (4)

    def backward_own(self, dax: Array, dah: Array, dafter: list, states: list, saved: list, Wh_g: Array) -> Grads:
        (h,), (_, r, g) = states, saved
        return {"Wh_g": projection.backward_W(dax[..., -g.shape[-1] :], r * h[:-1], self.dropout_g)}  # (4)


def forward(
    call: Recurrence, Wx: Array, Wh: Array, bx: Array, bh: Array,
    act: ElementwiseActivation, rec: ElementwiseActivation, reset_after: bool,
) -> RecurrentOutput:  # fmt: skip
    if reset_after:
        return recurrence.forward(ResetAfterCell(act, rec), call, Wx, Wh, bx, bh=bh)
    H, masks = len(Wh), call.dropout_h
    zr, g = (None, None) if masks is None else (masks[:2], masks[2:])
    cell, call = ResetBeforeCell(act, rec, g), replace(call, dropout_h=zr)
    return recurrence.forward(cell, call, Wx, Wh[:, : 2 * H], bx, Wh_g=Wh[:, 2 * H :])


def backward(dy: Array | None, dstate: tuple, cache: recurrence.RecurrenceCache, record: list | None = None) -> tuple:
    dx, grads, dstate_0 = recurrence.backward(dy, dstate, cache, record)
    if "Wh_g" in grads:
        grads["Wh"] = np.concatenate([grads["Wh"], grads.pop("Wh_g")], axis=-1)
    return dx, {"bx": grads.pop("b"), **grads}, dstate_0
