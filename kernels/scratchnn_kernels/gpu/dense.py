"""Dense on the GPU: the equations, and their numbers, are those of reference/dense.py.

The products are the device's (cuBLAS, through CuPy); bias and activation are one kernel of ours (pointwise.cu). An
activation that has no number there, such as softmax or one of the user's own, runs as array code: NumPy's
functions work on CuPy's arrays.
"""

from dataclasses import dataclass

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads
from scratchnn_kernels.gpu import pointwise
from scratchnn_kernels.gpu.activations import NAMES


@dataclass(frozen=True)
class DenseCache:
    x: Array  # (N, D)
    W: Array  # (D, H)
    y: Array  # (N, H)
    activation: ElementwiseActivation


def forward(x: Array, W: Array, b: Array, activation: ElementwiseActivation) -> tuple[Array, DenseCache]:
    y = x @ W  # (1)
    if activation.name in NAMES:
        pointwise.activate(y, b, activation)  # (1), (2)
    else:
        y += b  # (1)
        y = activation.forward(y)  # (2)
    return y, DenseCache(x, W, y, activation)


def backward(dy: Array, cache: DenseCache) -> tuple[Array, Grads]:
    if cache.activation.name in NAMES:
        da = pointwise.derivative(dy, cache.y, cache.activation)  # (2)
    else:
        da = cache.activation.backward(dy, cache.y)  # (2)
    grads = {"W": cache.x.T @ da, "b": da.sum(axis=0)}  # (1)
    return da @ cache.W.T, grads  # (1)
