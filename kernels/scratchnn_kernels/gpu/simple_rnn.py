"""SimpleRNN on the GPU: the equations, and their numbers, are those of reference/simple_rnn.py; they are computed in
simple_rnn.cu (all time steps in one launch) or, with more units than that allows, in simple_rnn_step.cu."""

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
    slots,
    time_first,
)


@dataclass(frozen=True)
class SimpleRNNCache:
    x: Array  # (T, B, D)
    Wx: Array  # (D, H)
    Wh: Array  # (H, H)
    h: Array  # (T+1, B, H)
    mask: Array | None  # (B, T)
    dropout_x: Array | None  # (1, B, D)
    dropout_h: Array | None  # (1, B, H)
    defines: device.Defines
    sequences: bool


def forward(
    call: Recurrence, Wx: Array, Wh: Array, b: Array, act: ElementwiseActivation
) -> tuple[Array, State, SimpleRNNCache | None]:
    x, mask, dropout_x, dropout_h = time_first(call.x), call.mask, call.dropout_x, call.dropout_h
    T, B, _ = x.shape
    H, dtype = len(Wh), x.dtype
    number = number_of(act)
    defines = {"REAL": device.real_of(dtype), "ACT": number, "REC": number}
    ax = projection.forward(x, Wx, dropout_x)  # (1): the part of x
    if is_persistent("simple_rnn", H, B, dtype):
        defines |= {"H": H}
        h = slots(T + 1, B, H, dtype) if call.keep_cache or call.sequences else None
        last = device.empty((B, H), dtype)
        device.launch(
            "simple_rnn.cu", "simple_rnn_forward", defines, B, dispatch.block("simple_rnn", H),
            ax, Wh, b, *call.state, mask, dropout_h, h, last, T, B,
        )  # fmt: skip
    else:
        h = slots(T + 1 if call.keep_cache or call.sequences else 2, B, H, dtype)
        (h[0],) = call.state
        for t in range(T):
            before, after = h[t % len(h)], h[(t + 1) % len(h)]
            ah = projection.forward(before, Wh, dropout_h)  # (1): the part of h
            launch_step(
                "simple_rnn_step.cu", "simple_rnn_step_forward", defines, B, H, ax[t], ah, b, mask, before, after, t, T
            )
        last = h[T % len(h)].copy()
    y = batch_first(h[1:]) if call.sequences and h is not None else last
    if not call.keep_cache or h is None:
        return y, (last,), None
    return y, (last,), SimpleRNNCache(x, Wx, Wh, h, mask, dropout_x, dropout_h, defines, call.sequences)


def backward(dy: Array | None, dstate: StateGrad, cache: SimpleRNNCache) -> tuple[Array, Grads, State]:
    x, Wx, Wh, h, mask, dropout_h = cache.x, cache.Wx, cache.Wh, cache.h, cache.mask, cache.dropout_h
    (T, B, _), H, dtype = x.shape, len(Wh), x.dtype
    (dh,) = last_gradients(dy, dstate, cache.sequences)
    dy = dy if cache.sequences else None
    da = slots(T, B, H, dtype)
    if is_persistent("simple_rnn", H, B, dtype):
        dh_0 = device.empty((B, H), dtype)
        device.launch(
            "simple_rnn.cu", "simple_rnn_backward", cache.defines, B, dispatch.block("simple_rnn", H),
            dy, dh, Wh, mask, dropout_h, h, da, dh_0, T, B,
        )  # fmt: skip
    else:
        dh = own(dh, (B, H), dtype)
        for t in reversed(range(T)):
            launch_step(
                "simple_rnn_step.cu", "simple_rnn_step_backward", cache.defines, B, H, dy, mask, h[t + 1], dh, da[t],
                t, T,
            )  # fmt: skip
            dh += projection.backward_x(da[t], Wh, dropout_h)  # (1)
        dh_0 = dh
    dx = projection.backward_x(da, Wx, cache.dropout_x)  # (1)
    grads = {
        "Wx": projection.backward_W(da, x, cache.dropout_x),
        "Wh": projection.backward_W(da, h[:T], dropout_h),
        "b": projection.backward_b(da),
    }
    return batch_first(dx), grads, (dh_0,)
