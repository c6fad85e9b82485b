"""LSTM in Numba: the equations, and their numbers, are those of reference/lstm.py.

One parallel region per pass: each thread takes a shard of the batch through all time steps (see shards.py). Inside, a
step is four register-tiled products (gemm.py) and a few passes over runs of R * H numbers that stay in the first-level
cache.
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads, Recurrence, State, StateGrad
from scratchnn_kernels.cpu import arrays, pool, shards
from scratchnn_kernels.cpu.activations import activate, number_of, times_derivative
from scratchnn_kernels.cpu.gemm import gemm, gemm_of_gates
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
from scratchnn_kernels.cpu.vectors import add, copy, fill, multiply

GATES = 4
I, F, G, O = range(GATES)


@dataclass(frozen=True)
class LSTMCache:
    Wx: Array  # (D, 4H)
    Wh: Array  # (H, 4H)
    B: int  # rows of the batch
    x: Array  # (S, K, T, R, D), dropped out
    h: Array  # (S, T+1, R, H)
    h_dropped: Array  # (S, 4, T, R, H), or empty without recurrent dropout
    c: Array  # (S, T+1, R, H)
    gates: Array  # (S, 4, T, R, H)
    mask: Array  # (B, T), or empty
    dropout_x: Array  # (K, B, D), or empty
    dropout_h: Array  # (4, B, H), or empty
    activation: int
    recurrent_activation: int
    sequences: bool


def forward(
    call: Recurrence, Wx: Array, Wh: Array, b: Array, act: ElementwiseActivation, rec: ElementwiseActivation
) -> tuple[Array, State, LSTMCache | None]:
    x, mask, dropout_x, dropout_h = call.x, call.mask, call.dropout_x, call.dropout_h
    B, T, D = x.shape
    H = len(Wh)
    S, R = shards.shape_of(B)
    kept = shards.steps_kept(T, call.keep_cache)
    K = 1 if dropout_x is None else len(dropout_x)
    cache = LSTMCache(
        Wx=Wx,
        Wh=Wh,
        B=B,
        x=pool.empty((S, K, kept, R, D), x.dtype),
        h=pool.empty((S, kept + 1, R, H), x.dtype),
        h_dropped=pool.empty((S, GATES, kept, R, H) if dropout_h is not None else (S, 0, 0, 0, 0), x.dtype),
        c=pool.empty((S, kept + 1, R, H), x.dtype),
        gates=pool.empty((S, GATES, kept, R, H), x.dtype),
        mask=shards.or_empty(mask, 2, np.bool_),
        dropout_x=shards.or_empty(dropout_x, 3, x.dtype),
        dropout_h=shards.or_empty(dropout_h, 3, x.dtype),
        activation=number_of(act),
        recurrent_activation=number_of(rec),
        sequences=call.sequences,
    )
    y = pool.empty((B, T, H) if call.sequences else (0, 0, 0), x.dtype)
    h_last, c_last = pool.empty((B, H), x.dtype), pool.empty((B, H), x.dtype)
    launch(
        _forward_shard, S, x, shards.planes_of(Wx, GATES), shards.planes_of(Wh, GATES), b, *call.state, cache.mask,
        cache.dropout_x, cache.dropout_h, cache.activation, cache.recurrent_activation, cache.x, cache.h,
        cache.h_dropped, cache.c, cache.gates, y, h_last, c_last,
    )  # fmt: skip
    return y if call.sequences else h_last, (h_last, c_last), cache if call.keep_cache else None


def backward(dy: Array | None, dstate: StateGrad, cache: LSTMCache) -> tuple[Array, Grads, State]:
    S, _, T, R, D = cache.x.shape
    H = len(cache.Wh)
    B, dtype = cache.B, cache.x.dtype
    dh0, dc0 = (pool.zeros((B, H), dtype) if d is None else arrays.contiguous(d) for d in dstate)
    if dy is not None and not cache.sequences:
        arrays.add(dy, dh0)
    dx = pool.empty((B, T, D), dtype)
    dWx = pool.zeros((S, GATES, D, H), dtype)
    dWh = pool.zeros((S, GATES, H, H), dtype)
    db = pool.zeros((S, GATES, H), dtype)
    da, dx_k = pool.empty((S, GATES, STEPS, R, H), dtype), pool.empty((S, STEPS, R, D), dtype)
    launch(
        _backward_shard, S, shards.or_empty(dy if cache.sequences else None, 3, dtype),
        shards.transposed_planes_of(cache.Wx, GATES), shards.transposed_planes_of(cache.Wh, GATES), cache.mask,
        cache.dropout_x, cache.dropout_h, cache.activation, cache.recurrent_activation, cache.x, cache.h,
        cache.h_dropped, cache.c, cache.gates, da, dx_k, dx, dWx, dWh, db, dh0, dc0,
    )  # fmt: skip
    grads = {"Wx": shards.packed_sum(dWx), "Wh": shards.packed_sum(dWh), "b": arrays.sum_of_shards(db).ravel()}
    return dx, grads, (dh0, dc0)


@compiled
def _forward_shard(
    s, x_batch, Wx, Wh, b, h0, c0, mask, dropout_x, dropout_h, act, rec, xs, hs, hs_dropped, cs, gates_s, y, h_last,
    c_last,
):  # fmt: skip
    x, h, h_dropped, c, gates = xs[s], hs[s], hs_dropped[s], cs[s], gates_s[s]
    K, kept, R, D = x.shape
    T, H = x_batch.shape[1], h.shape[2]
    first = s * R
    take_rows(h0, first, h[0])
    take_rows(c0, first, c[0])
    act_c = np.empty(R * H, h.dtype)
    flat_gates, flat_h, flat_c = (
        gates.reshape(GATES, kept, R * H),
        h.reshape(kept + 1, R * H),
        c.reshape(kept + 1, R * H),
    )
    slot = 0
    for t in range(T):
        slot = t % kept
        if t % STEPS == 0:
            end = slot + min(STEPS, T - t)
            for k in range(K):
                take_sequences(x_batch, first, t, dropout_x, k, x[k, slot:end])
            for gate in range(GATES):
                a = gates[gate, slot:end].reshape((end - slot) * R, H)
                copy_to_rows(b[gate * H : (gate + 1) * H], a)
                gemm(a, x[gate % K, slot:end].reshape((end - slot) * R, D), Wx[gate])  # (1): the part of x
            if t > 0 and slot == 0:
                copy(flat_h[kept], flat_h[0])
                copy(flat_c[kept], flat_c[0])
        if dropout_h.size == 0:
            gemm_of_gates(gates, slot, h[slot], Wh)  # (1)
        else:
            for gate in range(GATES):
                drop(h[slot], dropout_h, first, gate, h_dropped[gate, slot])
                gemm(gates[gate, slot], h_dropped[gate, slot], Wh[gate])
        i, f, g, o = flat_gates[I, slot], flat_gates[F, slot], flat_gates[G, slot], flat_gates[O, slot]
        activate(rec, i)  # (3)
        activate(rec, f)
        activate(rec, o)
        activate(act, g)  # (4)
        multiply(i, g, flat_c[slot + 1])  # (5)
        _add_what_is_kept(f, flat_c[slot], flat_c[slot + 1], act_c)  # (5)
        activate(act, act_c)
        multiply(o, act_c, flat_h[slot + 1])  # (6)
        if mask.size != 0:
            for row in range(min(R, mask.shape[0] - first)):
                if not mask[first + row, t]:
                    copy(h[slot, row], h[slot + 1, row])  # (2)
                    copy(c[slot, row], c[slot + 1, row])
        clear_rows_beyond(h0.shape[0], first, h[slot + 1])
        clear_rows_beyond(h0.shape[0], first, c[slot + 1])
        if y.size != 0:
            put_step(h[slot + 1], first, t, y)
    put_rows(h[slot + 1], first, h_last)
    put_rows(c[slot + 1], first, c_last)


@compiled
def _add_what_is_kept(f, c, c_next, act_c):
    for n in range(c.size):
        total = c_next[n] + f[n] * c[n]
        c_next[n] = total
        act_c[n] = total


@compiled
def _backward_shard(
    s, dy, WxT, WhT, mask, dropout_x, dropout_h, act, rec, xs, hs, hs_dropped, cs, gates_s, das, dxs_k, dx,
    dWx_s, dWh_s, db_s, dh0, dc0,
):  # fmt: skip
    """On entry dh0 and dc0 hold the gradient with respect to the last states, on return to the initial ones."""
    x, h, h_dropped, c, gates = xs[s], hs[s], hs_dropped[s], cs[s], gates_s[s]
    da, dx_k, dWx, dWh, db = das[s], dxs_k[s], dWx_s[s], dWh_s[s], db_s[s]
    K, T, R, D = x.shape
    H = h.shape[2]
    first = s * R
    act_c, d_act_c = np.empty(R * H, h.dtype), np.empty(R * H, h.dtype)
    dropped = np.empty((R, H), h.dtype)
    # dh, dc: gradients with respect to h[t+1], c[t+1]; dh_before, dc_before with respect to h[t], c[t].
    dh, dc = np.empty((R, H), h.dtype), np.empty((R, H), h.dtype)
    dh_before, dc_before = np.empty((R, H), h.dtype), np.empty((R, H), h.dtype)
    flat_dh, flat_dc, flat_dh_before, flat_dc_before = dh.ravel(), dc.ravel(), dh_before.ravel(), dc_before.ravel()
    flat_gates, flat_c, flat_da = (
        gates.reshape(GATES, T, R * H),
        c.reshape(T + 1, R * H),
        da.reshape(GATES, STEPS, R * H),
    )
    take_rows(dh0, first, dh)
    take_rows(dc0, first, dc)

    for t in range(T - 1, -1, -1):
        if dy.size != 0:
            add_step(dy, first, t, dh)
        slot = t % STEPS
        i, f, g, o = flat_gates[I, t], flat_gates[F, t], flat_gates[G, t], flat_gates[O, t]
        da_i, da_f, da_g, da_o = flat_da[I, slot], flat_da[F, slot], flat_da[G, slot], flat_da[O, slot]
        copy(flat_c[t + 1], act_c)
        activate(act, act_c)
        multiply(flat_dh, act_c, da_o)  # (6)
        multiply(flat_dh, o, d_act_c)  # (6)
        times_derivative(act, d_act_c, act_c)
        _cell_gradients(flat_dc, d_act_c, i, f, g, flat_c[t], da_i, da_f, da_g, flat_dc_before)  # (5)
        times_derivative(rec, da_i, i)  # (3)
        times_derivative(rec, da_f, f)
        times_derivative(rec, da_o, o)
        times_derivative(act, da_g, g)  # (4)
        fill(0, flat_dh_before)
        if mask.size != 0:
            for row in range(min(R, mask.shape[0] - first)):
                if not mask[first + row, t]:
                    for gate in range(GATES):
                        fill(0, da[gate, slot, row])
                    copy(dh[row], dh_before[row])  # (2): the row's gradients pass straight through
                    copy(dc[row], dc_before[row])
        for gate in range(GATES):
            if dropout_h.size == 0:
                gemm(dh_before, da[gate, slot], WhT[gate])  # (1)
            else:
                fill(0, dropped.ravel())
                gemm(dropped, da[gate, slot], WhT[gate])
                drop(dropped, dropout_h, first, gate, dropped)
                add(dropped.ravel(), flat_dh_before)
        dh, dh_before, flat_dh, flat_dh_before = dh_before, dh, flat_dh_before, flat_dh
        dc, dc_before, flat_dc, flat_dc_before = dc_before, dc, flat_dc_before, flat_dc
        if slot == 0:  # the weights are the same at every step: one product for the steps from t on
            steps = min(STEPS, T - t)
            N = steps * R
            for gate in range(GATES):
                da_rows = da[gate, :steps].reshape(N, H)
                gemm(dWx[gate], x[gate % K, t : t + steps].reshape(N, D).T, da_rows)  # (1)
                if dropout_h.size == 0:
                    gemm(dWh[gate], h[t : t + steps].reshape(N, H).T, da_rows)
                else:
                    gemm(dWh[gate], h_dropped[gate, t : t + steps].reshape(N, H).T, da_rows)
                add_column_sums(da_rows, db[gate])
            for k in range(K):
                fill(0, dx_k[:steps].ravel())
                for gate in range(k, GATES, K):  # mask k serves all gates (K = 1), or its own
                    gemm(dx_k[:steps].reshape(N, D), da[gate, :steps].reshape(N, H), WxT[gate])
                give_sequences(dx_k[:steps], dropout_x, first, t, k, dx)
    put_rows(dh, first, dh0)
    put_rows(dc, first, dc0)


@compiled
def _cell_gradients(dc, d_act_c, i, f, g, c, di, df, dg, dc_before):
    for n in range(dc.size):
        total = dc[n] + d_act_c[n]
        di[n] = total * g[n]
        df[n] = total * c[n]
        dg[n] = total * i[n]
        dc_before[n] = total * f[n]
