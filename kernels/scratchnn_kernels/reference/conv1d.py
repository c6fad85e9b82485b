"""Conv1D: one dense layer slid along time.

    (1)  a[:, p] = b + sum over taps j of  x[:, p stride + j dilation] W[j]        p = 0 ... T'-1,  j = 0 ... k-1
    (2)  y       = act(a)

Shapes: x (B, T, D) already padded, W (k, D, F), b (F,), y (B, T', F), T' = (T - (k-1) dilation - 1) // stride + 1.
(As everywhere in this field, W is not flipped: a mathematician would call it a cross-correlation.)
Source: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86(11), 1998.
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads
from scratchnn_kernels.shapes import Float


@dataclass(frozen=True)
class Conv1DCache:
    x: Float[Array, "B T D"]
    W: Float[Array, "k D F"]
    y: Float[Array, "B T_out F"]
    stride: int
    dilation: int
    activation: ElementwiseActivation


def forward(
    x: Float[Array, "B T D"],
    W: Float[Array, "k D F"],
    b: Float[Array, " F"],
    stride: int,
    dilation: int,
    activation: ElementwiseActivation,
) -> tuple[Float[Array, "B T_out F"], Conv1DCache]:
    B, T, _ = x.shape
    k, _, F = W.shape
    T_out = (T - (k - 1) * dilation - 1) // stride + 1
    a = np.zeros((B, T_out, F), dtype=x.dtype) + b
    for j in range(k):
        a += x[:, seen_by_tap(j, T_out, stride, dilation)] @ W[j]  # (1)
    y = activation.forward(a)  # (2)
    return y, Conv1DCache(x, W, y, stride, dilation, activation)


def backward(dy: Float[Array, "B T_out F"], cache: Conv1DCache) -> tuple[Float[Array, "B T D"], Grads]:
    x, W = cache.x, cache.W
    da = cache.activation.backward(dy, cache.y)  # (2)
    dx = np.zeros_like(x)
    dW = np.empty_like(W)
    for j in range(len(W)):
        seen = seen_by_tap(j, da.shape[1], cache.stride, cache.dilation)
        dx[:, seen] += da @ W[j].T  # (1)
        dW[j] = np.einsum("btd,btf->df", x[:, seen], da)  # (1)
    return dx, {"W": dW, "b": da.sum(axis=(0, 1))}


def seen_by_tap(j: int, T_out: int, stride: int, dilation: int) -> slice:
    """The time steps of x under tap j of the windows p = 0 ... T_out - 1."""
    first = j * dilation
    return slice(first, first + (T_out - 1) * stride + 1, stride)
