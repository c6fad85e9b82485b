"""minGRU: a GRU whose gate and candidate do not see the state, so that all time steps can be computed at once.

One time step, with ax packed in two blocks of columns, z g; there are no recurrent weights:

    (3)  z  = sigmoid(ax_z)
    (4)  h' = (1 - z) ⊙ h + z ⊙ ax_g

(4) is h' = k ⊙ h + v, and two such steps make one: k2 (k1 h + v1) + v2 = (k2 k1) h + (k2 v1 + v2). `scan` combines
neighbours, then pairs, and so on: log2(T) passes over all steps instead of T steps one after another, which is why
such cells came back on hardware with thousands of cores. Backward is a scan too, from the last step to the first.

Source: Feng et al., "Were RNNs All We Needed?", 2024, arXiv 2410.01201.
"""

import numpy as np

from scratchnn.activations import sigmoid
from scratchnn.layers import Cell


class MinGRU(Cell):
    gates, recurrent_gates = 2, 0

    def __init__(self, units):
        self.state_size = units

    def get_config(self):
        return {"units": self.state_size}

    def forward(self, ax, ah, state):
        (h,), (ax_z, ax_g) = state, np.split(ax, 2, axis=-1)
        z = sigmoid(ax_z)  # (3)
        return ((1 - z) * h + z * ax_g,), (z, ax_g)  # (4)

    def backward(self, dafter, state, after, saved):
        (dh,), (h,), (z, ax_g) = dafter, state, saved
        dz = dh * (ax_g - h)  # (4)
        dax = np.concatenate([sigmoid.backward(dz, z), dh * z], axis=-1)  # (3), (4)
        return dax, np.zeros((len(dh), 0), dh.dtype), (dh * (1 - z),)  # (4)


def scan(k, v):
    """h[t] = k[t] ⊙ h[t-1] + v[t] for all t at once, from h[-1] = 0; k and v are (T, B, H). Hillis and Steele, 1986."""
    for n in (2**i for i in range(len(v).bit_length())):
        v, k = np.concatenate([v[:n], v[n:] + k[n:] * v[:-n]]), np.concatenate([k[:n], k[n:] * k[:-n]])
    return v


def forward(ax_z, ax_g):
    """All states (T, B, H) from h = 0, and z; ax_z and ax_g are (T, B, H)."""
    z = sigmoid(ax_z)
    return scan(1 - z, z * ax_g), z  # (3), (4)


def backward(dy, h, z, ax_g):
    """dax_z and dax_g, given the gradient of every state: dh[t] = dy[t] + (1 - z[t+1]) ⊙ dh[t+1] is a scan as well."""
    before, kept = np.concatenate([0 * h[:1], h[:-1]]), np.concatenate([1 - z[1:], 0 * z[:1]])
    dh = scan(kept[::-1], dy[::-1])[::-1]
    return sigmoid.backward(dh * (ax_g - before), z), dh * z  # (4), (3)
