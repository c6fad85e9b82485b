"""The first steps of the story: an LSTM's two passes as plain compiled loops, which take one trick after another.

`passes(product, activations)` compiles one text; the tricks are its arguments. The equations, and their numbers, are
those of reference/lstm.py. Gates are packed, (T, B, 4H), as in the reference; all time steps go through the products
that need no recurrence at once; the batch is in one piece.
"""

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from scratchnn_kernels.cpu.activations import SIGMOID, TANH, activate
from scratchnn_kernels.cpu.gemm import gemm

Passes = Callable[..., tuple[np.ndarray, ...]]


@numba.njit
def loops(C, A, B):
    """C (M, N) += A (M, K) B (K, N), as one would write it: the compiler makes vector code of the inner loop."""
    for m in range(C.shape[0]):
        for k in range(A.shape[1]):
            for n in range(C.shape[1]):
                C[m, n] += A[m, k] * B[k, n]


@numba.njit
def gates_of(row):
    """The four blocks of H columns: i f g o."""
    H = row.size // 4
    return row[:H], row[H : 2 * H], row[2 * H : 3 * H], row[3 * H :]


@numba.njit
def scalar_activations(a, H):
    """a (B, 4H), packed i f g o, becomes the gates; the C library's functions, a number at a time."""
    one = a.dtype.type(1)
    for row in range(a.shape[0]):
        for n in range(a.shape[1]):
            if 2 * H <= n < 3 * H:
                a[row, n] = math.tanh(a[row, n])
            else:
                a[row, n] = one / (one + math.exp(-a[row, n]))


@numba.njit
def scalar_tanh(c):
    for n in range(c.size):
        c[n] = math.tanh(c[n])


@numba.njit
def vector_activations(a, H):
    """The same by polynomials, a register of numbers at a time, along runs of one gate of one row."""
    for row in range(a.shape[0]):
        activate(SIGMOID, a[row, : 2 * H])
        activate(TANH, a[row, 2 * H : 3 * H])
        activate(SIGMOID, a[row, 3 * H :])


@numba.njit
def vector_tanh(c):
    activate(TANH, c)


SCALAR = scalar_activations, scalar_tanh
VECTOR = vector_activations, vector_tanh


def passes(product: Any, activations: tuple[Any, Any]) -> Passes:
    """Compile (x, Wx, Wh, b, dh_last) -> h_last, dx, dWx, dWh, db; x (T, B, D), time first, and the weights packed."""
    activate_gates, activate_cells = activations

    @numba.njit
    def forward(x, Wx, Wh, b, gates, h, c, act_c):
        T, B, D = x.shape
        H = Wh.shape[0]
        gates[:] = b
        product(gates.reshape(T * B, 4 * H), x.reshape(T * B, D), Wx)  # (1): the part of x, all steps at once
        for t in range(T):
            product(gates[t], h[t], Wh)  # (1)
            activate_gates(gates[t], H)  # (3), (4)
            for row in range(B):
                i, f, g, _ = gates_of(gates[t, row])
                for n in range(H):
                    c[t + 1, row, n] = f[n] * c[t, row, n] + i[n] * g[n]  # (5)
                    act_c[t, row, n] = c[t + 1, row, n]
            activate_cells(act_c[t].reshape(B * H))
            for row in range(B):
                o = gates_of(gates[t, row])[3]
                for n in range(H):
                    h[t + 1, row, n] = o[n] * act_c[t, row, n]  # (6)

    @numba.njit
    def backward(x, WxT, WhT, gates, h, c, act_c, dh, dx, dWx, dWh, db):
        T, B, D = x.shape
        H = WhT.shape[1]
        one = x.dtype.type(1)
        da, dc = np.empty_like(gates), np.zeros_like(dh)
        for t in range(T - 1, -1, -1):
            for row in range(B):
                i, f, g, o = gates_of(gates[t, row])
                da_i, da_f, da_g, da_o = gates_of(da[t, row])
                for n in range(H):
                    tanh_c = act_c[t, row, n]
                    d = dc[row, n] + dh[row, n] * o[n] * (one - tanh_c * tanh_c)  # (6)
                    da_o[n] = dh[row, n] * tanh_c * o[n] * (one - o[n])  # (6), (3)
                    da_i[n] = d * g[n] * i[n] * (one - i[n])  # (5), (3)
                    da_f[n] = d * c[t, row, n] * f[n] * (one - f[n])
                    da_g[n] = d * i[n] * (one - g[n] * g[n])  # (5), (4)
                    dc[row, n] = d * f[n]  # (5)
            dh[:] = 0
            product(dh, da[t], WhT)  # (1)
        rows = da.reshape(T * B, 4 * H)
        product(dx.reshape(T * B, D), rows, WxT)  # (1): what needs no recurrence, all steps at once
        product(dWx, x.reshape(T * B, D).T, rows)
        product(dWh, h[:T].reshape(T * B, H).T, rows)
        for row in range(T * B):
            for n in range(4 * H):
                db[n] += rows[row, n]

    def both(x: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray, dh_last: np.ndarray) -> Any:
        (T, B, _), H, dtype = x.shape, len(Wh), x.dtype
        gates, act_c = np.empty((T, B, 4 * H), dtype), np.empty((T, B, H), dtype)
        h, c = np.zeros((T + 1, B, H), dtype), np.zeros((T + 1, B, H), dtype)
        forward(x, Wx, Wh, b, gates, h, c, act_c)
        dx, dWx, dWh, db = (np.zeros_like(array) for array in (x, Wx, Wh, b))
        WxT, WhT = np.ascontiguousarray(Wx.T), np.ascontiguousarray(Wh.T)
        backward(x, WxT, WhT, gates, h, c, act_c, dh_last.copy(), dx, dWx, dWh, db)
        return h[T], dx, dWx, dWh, db

    return both


def plain_loops() -> Passes:
    return passes(loops, SCALAR)


def with_tiles() -> Passes:
    return passes(gemm, SCALAR)


def with_vector_activations() -> Passes:
    return passes(gemm, VECTOR)
