"""An LSTM as a loop over time steps of CuPy calls, both ways by hand: what one would write first, to compare with.

The letters are those of kernels/scratchnn_kernels/reference/lstm.py; `xp` is CuPy, or NumPy to check it.
"""

from typing import Any, NamedTuple

import numpy as np


class Weights(NamedTuple):
    Wx: Any  # (D, 4H)
    Wh: Any  # (H, 4H)
    b: Any  # (4H,)


def forward(xp: Any, x: Any, weights: Weights) -> tuple[Any, tuple[list[Any], list[Any], list[Any]]]:
    """The last h of x (T, B, D), and h, c and the gates of all steps, the initial h and c first."""
    H = len(weights.Wh)
    h, c, gates = [xp.zeros((x.shape[1], H), np.float32)], [xp.zeros((x.shape[1], H), np.float32)], []
    for x_t in x:
        a = x_t @ weights.Wx + h[-1] @ weights.Wh + weights.b
        i, f, o = (1 / (1 + xp.exp(-a[:, k * H : (k + 1) * H])) for k in (0, 1, 3))
        g = xp.tanh(a[:, 2 * H : 3 * H])
        c.append(f * c[-1] + i * g)
        h.append(o * xp.tanh(c[-1]))
        gates.append((i, f, g, o))
    return h[-1], (h, c, gates)


def backward(
    xp: Any, dy: Any, x: Any, weights: Weights, kept: tuple[list[Any], list[Any], list[Any]]
) -> tuple[list[Any], Weights]:
    """dx, a row for each step, and the gradients of the weights."""
    h, c, gates = kept
    H = len(weights.Wh)
    grads = Weights(*(xp.zeros(each.shape, np.float32) for each in weights))
    da = xp.zeros((x.shape[1], 4 * H), np.float32)
    dh, dc, dx = dy, xp.zeros(dy.shape, np.float32), []
    for t in reversed(range(len(x))):
        i, f, g, o = gates[t]
        tanh_c = xp.tanh(c[t + 1])
        dc = dc + dh * o * (1 - tanh_c * tanh_c)
        da[:, :H] = dc * g * i * (1 - i)
        da[:, H : 2 * H] = dc * c[t] * f * (1 - f)
        da[:, 2 * H : 3 * H] = dc * i * (1 - g * g)
        da[:, 3 * H :] = dh * tanh_c * o * (1 - o)
        dc = dc * f
        dh = da @ weights.Wh.T
        dx.append(da @ weights.Wx.T)
        grads.Wx[...] += x[t].T @ da
        grads.Wh[...] += h[t].T @ da
        grads.b[...] += da.sum(axis=0)
    return dx[::-1], grads
