"""The gradients of a SimpleRNN without a backward pass: forward accumulation, or real-time recurrent learning (RTRL).

The walk through time carries along with h how h depends on every weight. With all weights in one matrix
W = [Wx; Wh; b] and u = [x[t], h[t], 1], equation (1) is a = u W, and the chain rule, applied forward, gives

    S[k, i, j] = ∂h[t][k] / ∂W[i, j]
    S' [k]     = (1 - h'[k]²) (u on column k  +  Σ_m Wh[m, k] S[m])         h' = tanh(a)
    dW         = Σ over t and k of dy[t][k] S'[k]

Source: Williams and Zipser, "A Learning Algorithm for Continually Running Fully Recurrent Neural Networks",
Neural Computation 1(2), 1989.
"""

import numpy as np


def gradients(x, dy, Wx, Wh, b):
    """x (B, T, D), dy (B, T, H), the gradient of the outputs of all steps -> dWx, dWh, db; the first state is 0."""
    (B, T, D), H = x.shape, len(Wh)
    W, units = np.vstack([Wx, Wh, b]), np.arange(H)
    h, one, dW = np.zeros((B, H)), np.ones((B, 1)), np.zeros_like(W)
    S = np.zeros((B, H, *W.shape))
    for t in range(T):
        u = np.hstack([x[:, t], h, one])
        h = np.tanh(u @ W)
        S = (Wh.T @ S.reshape(B, H, W.size)).reshape(S.shape)
        S[:, units, :, units] += u  # column k of W acts on unit k alone
        S *= (1 - h**2)[:, :, None, None]
        dW += np.tensordot(dy[:, t], S, axes=2)
    return dW[:D], dW[D:-1], dW[-1]
