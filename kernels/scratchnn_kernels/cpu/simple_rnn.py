"""SimpleRNN in Numba: the equations, and their numbers, are those of reference/simple_rnn.py.

One parallel region per pass: each thread takes a shard of the batch through all time steps (see shards.py).
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads, Recurrence, State, StateGrad
from scratchnn_kernels.cpu import arrays, pool, shards
from scratchnn_kernels.cpu.activations import activate, number_of, times_derivative
from scratchnn_kernels.cpu.gemm import gemm
from scratchnn_kernels.cpu.jit import compiled
from scratchnn_kernels.cpu.launching import launch
from scratchnn_kernels.cpu.shards import (
    STEPS,
    add_column_sums,
    add_step,
    clear_rows_beyond,
    copy_to_rows,
    drop,
    give_sequences,
    put_rows,
    put_step,
    take_rows,
    take_sequences,
)
from scratchnn_kernels.cpu.vectors import add, copy, fill


@dataclass(frozen=True)
class SimpleRNNCache:
    Wx: Array  # (D, H)
    Wh: Array  # (H, H)
    B: int  # rows of the batch
    x: Array  # (S, 1, T, R, D), dropped out
    h: Array  # (S, T+1, R, H)
    h_dropped: Array  # (S, T, R, H), or empty without recurrent dropout
    mask: Array  # (B, T), or empty
    dropout_x: Array  # (1, B, D), or empty
    dropout_h: Array  # (1, B, H), or empty
    activation: int
    sequences: bool


def forward(
    call: Recurrence, Wx: Array, Wh: Array, b: Array, act: ElementwiseActivation
) -> tuple[Array, State, SimpleRNNCache | None]:
    x, mask, dropout_x, dropout_h = call.x, call.mask, call.dropout_x, call.dropout_h
    B, T, D = x.shape
    H = len(Wh)
    S, R = shards.shape_of(B)
    kept = shards.steps_kept(T, call.keep_cache)
    cache = SimpleRNNCache(
        Wx=Wx,
        Wh=Wh,
        B=B,
        x=pool.empty((S, 1, kept, R, D), x.dtype),
        h=pool.empty((S, kept + 1, R, H), x.dtype),
        h_dropped=pool.empty((S, kept, R, H) if dropout_h is not None else (S, 0, 0, 0), x.dtype),
        mask=shards.or_empty(mask, 2, np.bool_),
        dropout_x=shards.or_empty(dropout_x, 3, x.dtype),
        dropout_h=shards.or_empty(dropout_h, 3, x.dtype),
        activation=number_of(act),
        sequences=call.sequences,
    )
    y = pool.empty((B, T, H) if call.sequences else (0, 0, 0), x.dtype)
    h_last = pool.empty((B, H), x.dtype)
    launch(
        _forward_shard, S, x, Wx, Wh, b, *call.state, cache.mask, cache.dropout_x, cache.dropout_h, cache.activation,
        cache.x, cache.h, cache.h_dropped, y, h_last,
    )  # fmt: skip
    return y if call.sequences else h_last, (h_last,), cache if call.keep_cache else None


def backward(dy: Array | None, dstate: StateGrad, cache: SimpleRNNCache) -> tuple[Array, Grads, State]:
    S, _, T, R, D = cache.x.shape
    H = len(cache.Wh)
    B, dtype = cache.B, cache.x.dtype
    (dh_last,) = dstate
    dh0 = pool.zeros((B, H), dtype) if dh_last is None else arrays.contiguous(dh_last)
    if dy is not None and not cache.sequences:
        arrays.add(dy, dh0)
    dx = pool.empty((B, T, D), dtype)
    dWx = pool.zeros((S, D, H), dtype)
    dWh = pool.zeros((S, H, H), dtype)
    db = pool.zeros((S, H), dtype)
    da, dx_steps = pool.empty((S, STEPS, R, H), dtype), pool.empty((S, STEPS, R, D), dtype)
    launch(
        _backward_shard, S, shards.or_empty(dy if cache.sequences else None, 3, dtype),
        arrays.contiguous(cache.Wx.T), arrays.contiguous(cache.Wh.T), cache.mask, cache.dropout_x,
        cache.dropout_h, cache.activation, cache.x, cache.h, cache.h_dropped, da, dx_steps, dx,
        dWx, dWh, db, dh0,
    )  # fmt: skip
    # The shards' gradients are added in the order of the shards.
    return dx, {"Wx": arrays.sum_of_shards(dWx), "Wh": arrays.sum_of_shards(dWh), "b": arrays.sum_of_shards(db)}, (dh0,)


@compiled
def _forward_shard(s, x_batch, Wx, Wh, b, h0, mask, dropout_x, dropout_h, act, xs, hs, hs_dropped, y, h_last):
    x, h, h_dropped = xs[s, 0], hs[s], hs_dropped[s]
    kept, R, D = x.shape
    T, H = x_batch.shape[1], h.shape[2]
    first = s * R
    take_rows(h0, first, h[0])
    flat_h = h.reshape(kept + 1, R * H)
    slot = 0
    for t in range(T):
        slot = t % kept
        if t % STEPS == 0:
            end = slot + min(STEPS, T - t)
            if t > 0 and slot == 0:
                copy(flat_h[kept], flat_h[0])
            take_sequences(x_batch, first, t, dropout_x, 0, x[slot:end])
            # a becomes h in place: slot + 1 of h first holds the pre-activation, then the state.
            a = h[slot + 1 : end + 1].reshape((end - slot) * R, H)
            copy_to_rows(b, a)
            gemm(a, x[slot:end].reshape((end - slot) * R, D), Wx)  # (1): the part of x
        if dropout_h.size == 0:
            gemm(h[slot + 1], h[slot], Wh)  # (1)
        else:
            drop(h[slot], dropout_h, first, 0, h_dropped[slot])
            gemm(h[slot + 1], h_dropped[slot], Wh)
        activate(act, flat_h[slot + 1])  # (3)
        if mask.size != 0:
            for row in range(min(R, mask.shape[0] - first)):
                if not mask[first + row, t]:
                    copy(h[slot, row], h[slot + 1, row])  # (2)
        clear_rows_beyond(h0.shape[0], first, h[slot + 1])
        if y.size != 0:
            put_step(h[slot + 1], first, t, y)
    put_rows(h[slot + 1], first, h_last)


@compiled
def _backward_shard(
    s, dy, WxT, WhT, mask, dropout_x, dropout_h, act, xs, hs, hs_dropped, das, dxs_steps, dx, dWx_s, dWh_s, db_s, dh0
):
    """On entry dh0 holds the gradient with respect to the last state, on return to the initial one."""
    x, h, h_dropped, da, dx_steps = xs[s], hs[s], hs_dropped[s], das[s], dxs_steps[s]
    dWx, dWh, db = dWx_s[s], dWh_s[s], db_s[s]
    _, T, R, D = x.shape
    H = h.shape[2]
    first = s * R
    # dh: the gradient with respect to h[t+1]; dh_before with respect to h[t].
    dh, dh_before = np.empty((R, H), h.dtype), np.empty((R, H), h.dtype)
    flat_dh, flat_dh_before = dh.ravel(), dh_before.ravel()
    flat_h, flat_da = h.reshape(T + 1, R * H), da.reshape(STEPS, R * H)
    take_rows(dh0, first, dh)

    for t in range(T - 1, -1, -1):
        if dy.size != 0:
            add_step(dy, first, t, dh)
        slot = t % STEPS
        copy(flat_dh, flat_da[slot])
        times_derivative(act, flat_da[slot], flat_h[t + 1])  # (3)
        if mask.size != 0:
            for row in range(min(R, mask.shape[0] - first)):
                if not mask[first + row, t]:
                    fill(0, da[slot, row])  # (2): the row's gradient passes straight through
        fill(0, flat_dh_before)
        gemm(dh_before, da[slot], WhT)  # (1)
        if dropout_h.size != 0:
            drop(dh_before, dropout_h, first, 0, dh_before)
        if mask.size != 0:
            for row in range(min(R, mask.shape[0] - first)):
                if not mask[first + row, t]:
                    add(dh[row], dh_before[row])  # (2)
        dh, dh_before, flat_dh, flat_dh_before = dh_before, dh, flat_dh_before, flat_dh
        if slot == 0:  # the weights are the same at every step: one product for the steps from t on
            steps = min(STEPS, T - t)
            N = steps * R
            da_rows = da[:steps].reshape(N, H)
            gemm(dWx, x[0, t : t + steps].reshape(N, D).T, da_rows)  # (1)
            if dropout_h.size == 0:
                gemm(dWh, h[t : t + steps].reshape(N, H).T, da_rows)
            else:
                gemm(dWh, h_dropped[t : t + steps].reshape(N, H).T, da_rows)
            add_column_sums(da_rows, db)
            fill(0, dx_steps[:steps].ravel())
            gemm(dx_steps[:steps].reshape(N, D), da_rows, WxT)
            give_sequences(dx_steps[:steps], dropout_x, first, t, 0, dx)
    put_rows(dh, first, dh0)
