"""LSTM on the GPU: the equations, and their numbers, are those of reference/lstm.py; they are computed in lstm.cu (all
time steps in one launch) or, with more units than that allows, in lstm_step.cu (one launch per step)."""

from dataclasses import dataclass

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads, Recurrence, State, StateGrad
from scratchnn_kernels.gpu import device, dispatch, projection
from scratchnn_kernels.gpu.activations import number_of
from scratchnn_kernels.gpu.recurrent import (
    batch_first,
    is_persistent,
    last_gradients,
    launch_step,
    own,
    quad_defines,
    rest_of_columns,
    rest_of_rows,
    slots,
    time_first,
)


@dataclass(frozen=True)
class LSTMCache:
    x: Array  # (T, B, D)
    Wx: Array  # (D, 4H)
    Wh: Array  # (H, 4H)
    h: Array  # (T+1, B, H)
    c: Array  # (T+1, B, H)
    gates: Array  # (T, B, 4H)
    mask: Array | None  # (B, T)
    dropout_x: Array | None  # (K, B, D)
    dropout_h: Array | None  # (4, B, H)
    defines: device.Defines
    sequences: bool


def forward(
    call: Recurrence, Wx: Array, Wh: Array, b: Array, act: ElementwiseActivation, rec: ElementwiseActivation
) -> tuple[Array, State, LSTMCache | None]:
    x, mask, dropout_x, dropout_h = time_first(call.x), call.mask, call.dropout_x, call.dropout_h
    T, B, _ = x.shape
    H, dtype = len(Wh), x.dtype
    defines = {
        "REAL": device.real_of(dtype),
        "ACT": number_of(act),
        "REC": number_of(rec),
    }
    ax = projection.forward(x, Wx, dropout_x)  # (1): the part of x
    if is_persistent("lstm", H, B, dtype):
        defines |= quad_defines("lstm", H, B, dropout_h, dtype)
        h = slots(T + 1, B, H, dtype) if call.keep_cache or call.sequences else None
        c, gates = (slots(T + 1, B, H, dtype), slots(T, B, 4 * H, dtype)) if call.keep_cache else (None, None)
        last = device.empty((B, H), dtype), device.empty((B, H), dtype)
        device.launch(
            "lstm.cu", "lstm_forward", defines, B, dispatch.block("lstm", H),
            ax, Wh, rest_of_columns(Wh, defines), b, *call.state, mask, dropout_h, h, c, gates, *last, T, B,
        )  # fmt: skip
    else:
        h = slots(T + 1 if call.keep_cache or call.sequences else 2, B, H, dtype)
        c = slots(T + 1 if call.keep_cache else 2, B, H, dtype)
        gates = slots(T if call.keep_cache else 1, B, 4 * H, dtype)
        h[0], c[0] = call.state
        for t in range(T):
            before, after = t % len(h), (t + 1) % len(h)
            c_before, c_after = t % len(c), (t + 1) % len(c)
            ah = projection.forward(h[before], Wh, dropout_h)  # (1): the part of h
            launch_step(
                "lstm_step.cu", "lstm_step_forward", defines, B, H,
                ax[t], ah, b, mask, h[before], c[c_before], h[after], c[c_after], gates[t % len(gates)], t, T,
            )  # fmt: skip
        last = h[T % len(h)].copy(), c[T % len(c)].copy()
    y = batch_first(h[1:]) if call.sequences and h is not None else last[0]
    if not call.keep_cache or h is None or c is None or gates is None:
        return y, last, None
    return y, last, LSTMCache(x, Wx, Wh, h, c, gates, mask, dropout_x, dropout_h, defines, call.sequences)


def backward(dy: Array | None, dstate: StateGrad, cache: LSTMCache) -> tuple[Array, Grads, State]:
    x, Wx, Wh, h, c, gates = cache.x, cache.Wx, cache.Wh, cache.h, cache.c, cache.gates
    mask, dropout_h, dtype = cache.mask, cache.dropout_h, x.dtype
    (T, B, _), H = x.shape, len(Wh)
    dh, dc = last_gradients(dy, dstate, cache.sequences)
    dy = dy if cache.sequences else None
    da = slots(T, B, 4 * H, dtype)
    if is_persistent("lstm", H, B, dtype):
        dh_0, dc_0 = device.empty((B, H), dtype), device.empty((B, H), dtype)
        device.launch(
            "lstm.cu", "lstm_backward", cache.defines, B, dispatch.block("lstm", H),
            dy, dh, dc, Wh, rest_of_rows(Wh, cache.defines), mask, dropout_h, c, gates, da, dh_0, dc_0, T, B,
        )  # fmt: skip
    else:
        dh, dc = own(dh, (B, H), dtype), own(dc, (B, H), dtype)
        for t in reversed(range(T)):
            launch_step(
                "lstm_step.cu", "lstm_step_backward", cache.defines, B, H,
                dy, mask, c[t], c[t + 1], gates[t], dh, dc, da[t], t, T,
            )  # fmt: skip
            dh += projection.backward_x(da[t], Wh, dropout_h)  # (1)
        dh_0, dc_0 = dh, dc
    dx = projection.backward_x(da, Wx, cache.dropout_x)  # (1)
    grads = {
        "Wx": projection.backward_W(da, x, cache.dropout_x),
        "Wh": projection.backward_W(da, h[:T], dropout_h),
        "b": projection.backward_b(da),
    }
    return batch_first(dx), grads, (dh_0, dc_0)
