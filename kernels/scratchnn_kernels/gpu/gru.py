"""GRU on the GPU: the equations, and their numbers, are those of reference/gru.py; they are computed in gru.cu or, with
the reset gate before the product, gru_reset_before.cu (all time steps in one launch), and, with more units than
that allows, in gru_step.cu."""

from dataclasses import dataclass

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads, Recurrence, State, StateGrad
from scratchnn_kernels.gpu import device, dispatch, gru_stepwise, projection
from scratchnn_kernels.gpu.activations import number_of
from scratchnn_kernels.gpu.recurrent import (
    batch_first,
    is_persistent,
    last_gradients,
    own,
    quad_defines,
    rest_of_columns,
    rest_of_rows,
    slots,
    time_first,
)


@dataclass(frozen=True)
class GRUCache:
    x: Array  # (T, B, D)
    Wx: Array  # (D, 3H)
    Wh: Array  # (H, 3H)
    h: Array  # (T+1, B, H)
    gates: Array  # (T, B, 3H)
    ah_g: Array | None  # (T, B, H), with reset_after
    mask: Array | None  # (B, T)
    dropout_x: Array | None  # (K, B, D)
    dropout_h: Array | None  # (3, B, H)
    defines: device.Defines
    sequences: bool


def forward(
    call: Recurrence,
    Wx: Array,
    Wh: Array,
    bx: Array,
    bh: Array,
    act: ElementwiseActivation,
    rec: ElementwiseActivation,
    reset_after: bool,
) -> tuple[Array, State, GRUCache | None]:
    x, mask, dropout_x, dropout_h = time_first(call.x), call.mask, call.dropout_x, call.dropout_h
    T, B, _ = x.shape
    H, dtype = len(Wh), x.dtype
    defines = {"REAL": device.real_of(dtype), "ACT": number_of(act), "REC": number_of(rec)}
    ax = projection.forward(x, Wx, dropout_x)  # (1), without bx
    cell = _cell(reset_after)
    if is_persistent(cell, H, B, dtype):
        h = slots(T + 1, B, H, dtype) if call.keep_cache or call.sequences else None
        gates = slots(T, B, 3 * H, dtype) if call.keep_cache else None
        ah_g = slots(T, B, H, dtype) if call.keep_cache and reset_after else None
        last = device.empty((B, H), dtype)
        defines |= quad_defines(cell, H, B, dropout_h, dtype)
        rest = rest_of_columns(Wh, defines)
        if reset_after:
            device.launch(
                "gru.cu", "gru_forward", defines, B, dispatch.block(cell, H),
                ax, Wh, rest, bx, bh, *call.state, mask, dropout_h, h, gates, ah_g, last, T, B,
            )  # fmt: skip
        else:
            device.launch(
                "gru_reset_before.cu", "gru_reset_before_forward", defines, B, dispatch.block(cell, H),
                ax, Wh, rest, bx, *call.state, mask, dropout_h, h, gates, last, T, B,
            )  # fmt: skip
    else:
        h = slots(T + 1 if call.keep_cache or call.sequences else 2, B, H, dtype)
        gates = slots(T if call.keep_cache else 1, B, 3 * H, dtype)
        ah_g = slots(T if call.keep_cache else 1, B, H, dtype) if reset_after else None
        (h[0],) = call.state
        gru_stepwise.forward(ax, Wh, bx, bh, mask, dropout_h, h, gates, ah_g, defines)
        last = h[T % len(h)].copy()
    y = batch_first(h[1:]) if call.sequences and h is not None else last
    if not call.keep_cache or h is None or gates is None:
        return y, (last,), None
    return y, (last,), GRUCache(x, Wx, Wh, h, gates, ah_g, mask, dropout_x, dropout_h, defines, call.sequences)


def backward(dy: Array | None, dstate: StateGrad, cache: GRUCache) -> tuple[Array, Grads, State]:
    x, Wx, Wh, h, gates, ah_g = cache.x, cache.Wx, cache.Wh, cache.h, cache.gates, cache.ah_g
    mask, dropout_h, defines, dtype = cache.mask, cache.dropout_h, cache.defines, x.dtype
    (T, B, _), H = x.shape, len(Wh)
    (dh,) = last_gradients(dy, dstate, cache.sequences)
    dy = dy if cache.sequences else None
    # Gradients with respect to ax and to ah of (1), which differ in the candidate's columns only with reset_after.
    dax = slots(T, B, 3 * H, dtype)
    dah = dax if ah_g is None else slots(T, B, 3 * H, dtype)
    cell = _cell(ah_g is not None)
    if not is_persistent(cell, H, B, dtype):
        dh_0 = own(dh, (B, H), dtype)
        gru_stepwise.backward(dy, Wh, mask, dropout_h, h, gates, ah_g, dh_0, dax, dah, defines)
    else:
        dh_0, rest = device.empty((B, H), dtype), rest_of_rows(Wh, defines)
        if ah_g is not None:
            device.launch(
                "gru.cu", "gru_backward", defines, B, dispatch.block(cell, H),
                dy, dh, Wh, rest, mask, dropout_h, h, gates, ah_g, dax, dah, dh_0, T, B,
            )  # fmt: skip
        else:
            device.launch(
                "gru_reset_before.cu", "gru_reset_before_backward", defines, B, dispatch.block(cell, H),
                dy, dh, Wh, rest, mask, dropout_h, h, gates, dax, dh_0, T, B,
            )  # fmt: skip
    dx = projection.backward_x(dax, Wx, cache.dropout_x)  # (1)
    grads = {"Wx": projection.backward_W(dax, x, cache.dropout_x), "bx": projection.backward_b(dax)}
    if ah_g is not None:
        grads["Wh"] = projection.backward_W(dah, h[:T], dropout_h)  # (1)
        grads["bh"] = projection.backward_b(dah)
    else:
        grads["Wh"] = device.empty(Wh.shape, dtype)
        zr, g = slice(0, 2 * H), slice(2 * H, 3 * H)
        dropout_zr, dropout_g = gru_stepwise.split_dropout(dropout_h)
        r = gates[:, :, H : 2 * H]
        grads["Wh"][:, zr] = projection.backward_W(dah[:, :, zr], h[:T], dropout_zr)  # (1)
        grads["Wh"][:, g] = projection.backward_W(dah[:, :, g], r * h[:T], dropout_g)  # (4)
    return batch_first(dx), grads, (dh_0,)


def _cell(reset_after: bool) -> str:
    """The name of the cell in dispatch.py and of its source."""
    return "gru" if reset_after else "gru_reset_before"
