"""Bias and activation after a matrix product, and the activation's backward pass: what Dense and Conv1D share.

See pointwise.cu.
"""

import numpy as np

from scratchnn_kernels.contract import Array, ElementwiseActivation
from scratchnn_kernels.gpu import device
from scratchnn_kernels.gpu.activations import number_of

BLOCK = 256


def activate(y: Array, b: Array, activation: ElementwiseActivation) -> None:
    """y = act(y + b) in place, for a product y (N, H) and a bias b (H,)."""
    _launch("activate_biased", y, activation, b, y, y.shape[1])


def derivative(dy: Array, y: Array, activation: ElementwiseActivation) -> Array:
    """Return da for y = act(a)."""
    if activation.name == "linear":
        return dy
    da = device.empty(y.shape, y.dtype)
    _launch("activation_derivative", y, activation, dy, y, da)
    return da


def _launch(kernel: str, y: Array, activation: ElementwiseActivation, *arguments: object) -> None:
    """A thread for each number of y."""
    number = number_of(activation)
    defines = {"REAL": device.real_of(y.dtype), "ACT": number, "REC": number}
    device.launch("pointwise.cu", kernel, defines, -(-y.size // BLOCK), BLOCK, *arguments, np.int64(y.size))
