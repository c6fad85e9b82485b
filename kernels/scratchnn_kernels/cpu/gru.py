"""GRU in Numba: the equations, and their numbers, are those of reference/gru.py.

One parallel region per pass: each thread takes a shard of the batch through all time steps (see shards.py). Both
positions of the reset gate run here; they differ in the branches on `reset_after`.
"""

from dataclasses import dataclass

import numba
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
from scratchnn_kernels.cpu.vectors import add, add_product, copy, fill, multiply

GATES = 3
UPDATE, RESET, CANDIDATE = range(GATES)  # z r g; R is the number of rows of a shard


@dataclass(frozen=True)
class GRUCache:
    Wx: Array  # (D, 3H)
    Wh: Array  # (H, 3H)
    B: int  # rows of the batch
    x: Array  # (S, K, T, R, D), dropped out
    h: Array  # (S, T+1, R, H)
    h_in: Array  # (S, 3, T, R, H): what Wh multiplied in (1) and (4), or empty where that was h itself
    gates: Array  # (S, 3, T, R, H)
    ah_g: Array  # (S, T, R, H): the candidate's columns of ah, (1), or empty without reset_after
    mask: Array  # (B, T), or empty
    dropout_x: Array  # (K, B, D), or empty
    dropout_h: Array  # (3, B, H), or empty
    activation: int
    recurrent_activation: int
    reset_after: bool
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
    x, mask, dropout_x, dropout_h = call.x, call.mask, call.dropout_x, call.dropout_h
    B, T, D = x.shape
    H = len(Wh)
    S, R = shards.shape_of(B)
    kept = shards.steps_kept(T, call.keep_cache)
    K = 1 if dropout_x is None else len(dropout_x)
    plain = dropout_h is None and reset_after  # all of Wh multiplies h itself
    cache = GRUCache(
        Wx=Wx,
        Wh=Wh,
        B=B,
        x=pool.empty((S, K, kept, R, D), x.dtype),
        h=pool.empty((S, kept + 1, R, H), x.dtype),
        h_in=pool.empty((S, 0, 0, 0, 0) if plain else (S, GATES, kept, R, H), x.dtype),
        gates=pool.empty((S, GATES, kept, R, H), x.dtype),
        ah_g=pool.empty((S, kept, R, H) if reset_after else (S, 0, 0, 0), x.dtype),
        mask=shards.or_empty(mask, 2, np.bool_),
        dropout_x=shards.or_empty(dropout_x, 3, x.dtype),
        dropout_h=shards.or_empty(dropout_h, 3, x.dtype),
        activation=number_of(act),
        recurrent_activation=number_of(rec),
        reset_after=reset_after,
        sequences=call.sequences,
    )
    y = pool.empty((B, T, H) if call.sequences else (0, 0, 0), x.dtype)
    h_last = pool.empty((B, H), x.dtype)
    b = arrays.contiguous(bx)
    if reset_after:
        arrays.add(bh[: 2 * H], b[: 2 * H])  # the candidate's part of bh is multiplied by r first
    launch(
        _forward_shard, S, x, shards.planes_of(Wx, GATES), shards.planes_of(Wh, GATES), b, bh, *call.state, cache.mask,
        cache.dropout_x, cache.dropout_h, cache.activation, cache.recurrent_activation, reset_after, cache.x,
        cache.h, cache.h_in, cache.gates, cache.ah_g, y, h_last,
    )  # fmt: skip
    return y if call.sequences else h_last, (h_last,), cache if call.keep_cache else None


def backward(dy: Array | None, dstate: StateGrad, cache: GRUCache) -> tuple[Array, Grads, State]:
    S, _, T, R, D = cache.x.shape
    H = len(cache.Wh)
    B, dtype = cache.B, cache.x.dtype
    (dh_last,) = dstate
    dh0 = pool.zeros((B, H), dtype) if dh_last is None else arrays.contiguous(dh_last)
    if dy is not None and not cache.sequences:
        arrays.add(dy, dh0)
    dx = pool.empty((B, T, D), dtype)
    dWx = pool.zeros((S, GATES, D, H), dtype)
    dWh = pool.zeros((S, GATES, H, H), dtype)
    dbx = pool.zeros((S, GATES, H), dtype)
    dbh = pool.zeros((S, GATES, H), dtype)
    dax, dq = pool.empty((S, GATES, STEPS, R, H), dtype), pool.empty((S, STEPS, R, H), dtype)
    dx_k = pool.empty((S, STEPS, R, D), dtype)
    launch(
        _backward_shard, S, shards.or_empty(dy if cache.sequences else None, 3, dtype),
        shards.transposed_planes_of(cache.Wx, GATES), shards.transposed_planes_of(cache.Wh, GATES), cache.mask,
        cache.dropout_x, cache.dropout_h, cache.activation, cache.recurrent_activation, cache.reset_after, cache.x,
        cache.h, cache.h_in, cache.gates, cache.ah_g, dax, dq, dx_k, dx, dWx, dWh, dbx, dbh, dh0,
    )  # fmt: skip
    grads = {"Wx": shards.packed_sum(dWx), "Wh": shards.packed_sum(dWh), "bx": arrays.sum_of_shards(dbx).ravel()}
    if cache.reset_after:
        grads["bh"] = arrays.sum_of_shards(dbh).ravel()
    return dx, grads, (dh0,)


@compiled
def _forward_shard(
    s, x_batch, Wx, Wh, b, bh, h0, mask, dropout_x, dropout_h, act, rec, reset_after,
    xs, hs, hs_in, gates_s, ahs_g, y, h_last,
):  # fmt: skip
    x, h, h_in, gates, ah_g = xs[s], hs[s], hs_in[s], gates_s[s], ahs_g[s]
    K, kept, R, D = x.shape
    T, H = x_batch.shape[1], h.shape[2]
    first = s * R
    take_rows(h0, first, h[0])
    flat_gates, flat_h, flat_ah_g = (
        gates.reshape(GATES, kept, R * H),
        h.reshape(kept + 1, R * H),
        ah_g.reshape(-1, R * H),
    )
    flat_h_in = h_in.reshape(h_in.shape[0], h_in.shape[1], h_in.shape[2] * h_in.shape[3])  # may be empty
    slot = 0
    for t in range(T):
        slot = t % kept
        if t % STEPS == 0:
            end = slot + min(STEPS, T - t)
            for k in range(K):
                take_sequences(x_batch, first, t, dropout_x, k, x[k, slot:end])
            for gate in range(GATES):
                ax = gates[gate, slot:end].reshape((end - slot) * R, H)
                copy_to_rows(b[gate * H : (gate + 1) * H], ax)
                gemm(ax, x[gate % K, slot:end].reshape((end - slot) * R, D), Wx[gate])  # (1)
            if t > 0 and slot == 0:
                copy(flat_h[kept], flat_h[0])
        z, r, g = flat_gates[UPDATE, slot], flat_gates[RESET, slot], flat_gates[CANDIDATE, slot]
        if h_in.size == 0:
            gemm_of_gates(gates[:2], slot, h[slot], Wh[:2])  # (1)
        else:
            for gate in range(2):
                _drop_or_copy(h[slot], dropout_h, first, gate, h_in[gate, slot])
                gemm(gates[gate, slot], h_in[gate, slot], Wh[gate])
        activate(rec, z)  # (3)
        activate(rec, r)
        if reset_after:
            copy_to_rows(bh[CANDIDATE * H :], ah_g[slot])
            if h_in.size == 0:
                gemm(ah_g[slot], h[slot], Wh[CANDIDATE])  # (1)
            else:
                _drop_or_copy(h[slot], dropout_h, first, CANDIDATE, h_in[CANDIDATE, slot])
                gemm(ah_g[slot], h_in[CANDIDATE, slot], Wh[CANDIDATE])
            add_product(r, flat_ah_g[slot], g)  # (4)
        else:
            multiply(r, flat_h[slot], flat_h_in[CANDIDATE, slot])
            _drop_or_copy(h_in[CANDIDATE, slot], dropout_h, first, CANDIDATE, h_in[CANDIDATE, slot])
            gemm(gates[CANDIDATE, slot], h_in[CANDIDATE, slot], Wh[CANDIDATE])  # (4)
        activate(act, g)  # (5)
        _new_state(z, g, flat_h[slot], flat_h[slot + 1])  # (6)
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
    s, dy, WxT, WhT, mask, dropout_x, dropout_h, act, rec, reset_after, xs, hs, hs_in, gates_s, ahs_g,
    daxs, dqs, dxs_k, dx, dWx_s, dWh_s, dbx_s, dbh_s, dh0,
):  # fmt: skip
    """On entry dh0 holds the gradient with respect to the last state, on return to the initial one."""
    x, h, h_in, gates, ah_g = xs[s], hs[s], hs_in[s], gates_s[s], ahs_g[s]
    dWx, dWh, dbx, dbh, dx_k = dWx_s[s], dWh_s[s], dbx_s[s], dbh_s[s], dxs_k[s]
    K, T, R, D = x.shape
    H = h.shape[2]
    first = s * R
    dax = daxs[s]  # gradients with respect to ax of (1)
    dq = dqs[s]  # with respect to ah_g if reset_after; the other columns of ah have the gradients of ax
    dropped = np.empty((R, H), h.dtype)
    # dh: the gradient with respect to h[t+1]; dh_before with respect to h[t].
    dh, dh_before = np.empty((R, H), h.dtype), np.empty((R, H), h.dtype)
    flat_dh, flat_dh_before = dh.ravel(), dh_before.ravel()
    flat_gates, flat_h, flat_ah_g = gates.reshape(GATES, T, R * H), h.reshape(T + 1, R * H), ah_g.reshape(-1, R * H)
    flat_dax, flat_dq = dax.reshape(GATES, STEPS, R * H), dq.reshape(STEPS, R * H)
    take_rows(dh0, first, dh)

    for t in range(T - 1, -1, -1):
        if dy.size != 0:
            add_step(dy, first, t, dh)
        slot = t % STEPS
        z, r, g = flat_gates[UPDATE, t], flat_gates[RESET, t], flat_gates[CANDIDATE, t]
        da_z, da_r, da_g = flat_dax[UPDATE, slot], flat_dax[RESET, slot], flat_dax[CANDIDATE, slot]
        _state_gradients(flat_dh, z, g, flat_h[t], da_z, da_g, flat_dh_before)  # (6)
        times_derivative(rec, da_z, z)  # (3)
        times_derivative(act, da_g, g)  # (5)
        if mask.size != 0:
            for row in range(min(R, mask.shape[0] - first)):
                if not mask[first + row, t]:
                    fill(0, dax[UPDATE, slot, row])
                    fill(0, dax[CANDIDATE, slot, row])
                    copy(dh[row], dh_before[row])  # (2): the row's gradient passes straight through
        if reset_after:
            multiply(da_g, flat_ah_g[t], da_r)  # (4)
            times_derivative(rec, da_r, r)  # (3)
            multiply(da_g, r, flat_dq[slot])  # (4)
            _add_product_through(dq[slot], WhT[CANDIDATE], dropout_h, first, CANDIDATE, dropped, dh_before)  # (1)
        else:
            # d_rh, the gradient of r ⊙ h[t], is collected in dq[slot].
            fill(0, flat_dq[slot])
            _add_product_through(
                dax[CANDIDATE, slot], WhT[CANDIDATE], dropout_h, first, CANDIDATE, dropped, dq[slot]
            )  # (4)
            multiply(flat_dq[slot], flat_h[t], da_r)  # (4)
            times_derivative(rec, da_r, r)  # (3)
            add_product(flat_dq[slot], r, flat_dh_before)  # (4)
        _add_product_through(dax[UPDATE, slot], WhT[UPDATE], dropout_h, first, UPDATE, dropped, dh_before)  # (1)
        _add_product_through(dax[RESET, slot], WhT[RESET], dropout_h, first, RESET, dropped, dh_before)
        dh, dh_before, flat_dh, flat_dh_before = dh_before, dh, flat_dh_before, flat_dh
        if slot == 0:  # the weights are the same at every step: one product for the steps from t on
            steps = min(STEPS, T - t)
            N = steps * R
            for gate in range(GATES):
                dax_rows = dax[gate, :steps].reshape(N, H)
                dah_rows = dq[:steps].reshape(N, H) if reset_after and gate == CANDIDATE else dax_rows
                gemm(dWx[gate], x[gate % K, t : t + steps].reshape(N, D).T, dax_rows)  # (1)
                if h_in.size == 0:
                    gemm(dWh[gate], h[t : t + steps].reshape(N, H).T, dah_rows)  # (1)
                else:
                    gemm(dWh[gate], h_in[gate, t : t + steps].reshape(N, H).T, dah_rows)  # (1), (4)
                add_column_sums(dax_rows, dbx[gate])
                add_column_sums(dah_rows, dbh[gate])
            for k in range(K):
                fill(0, dx_k[:steps].ravel())
                for gate in range(k, GATES, K):  # mask k serves all gates (K = 1), or its own
                    gemm(dx_k[:steps].reshape(N, D), dax[gate, :steps].reshape(N, H), WxT[gate])  # (1)
                give_sequences(dx_k[:steps], dropout_x, first, t, k, dx)
    put_rows(dh, first, dh0)


# Inlined into the loops that use them: a call would cost half as much as the small products.
@numba.njit(inline="always")
def _drop_or_copy(source, dropout_h, first, gate, target):
    if dropout_h.size == 0:
        copy(source.ravel(), target.ravel())
    else:
        drop(source, dropout_h, first, gate, target)


@numba.njit(inline="always")
def _add_product_through(da, WT, dropout_h, first, gate, dropped, out):
    """out (R, H) += (da WT) times the gate's dropout mask"""
    if dropout_h.size == 0:
        gemm(out, da, WT)
    else:
        fill(0, dropped.ravel())
        gemm(dropped, da, WT)
        drop(dropped, dropout_h, first, gate, dropped)
        add(dropped.ravel(), out.ravel())


@compiled
def _new_state(z, g, h, h_next):
    for n in range(h.size):
        h_next[n] = g[n] + z[n] * (h[n] - g[n])  # one product only, see vectors.py


@compiled
def _state_gradients(dh, z, g, h, dz, dg, dh_before):
    one = h.dtype.type(1)
    for n in range(h.size):
        dz[n] = dh[n] * (h[n] - g[n])
        dg[n] = dh[n] * (one - z[n])
        dh_before[n] = dh[n] * z[n]
