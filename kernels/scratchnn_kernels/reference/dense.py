"""Dense: every output sees every input.

    (1)  a = x W + b
    (2)  y = act(a)

Shapes: x (N, D), W (D, H), b (H,), y (N, H).
Source: Rosenblatt, "The Perceptron", Psychological Review 65(6), 1958; Rumelhart, Hinton and Williams, "Learning
representations by back-propagating errors", Nature 323, 1986.
"""

from dataclasses import dataclass

from scratchnn_kernels.contract import Array, ElementwiseActivation, Grads
from scratchnn_kernels.shapes import Float


@dataclass(frozen=True)
class DenseCache:
    x: Float[Array, "N D"]
    W: Float[Array, "D H"]
    y: Float[Array, "N H"]
    activation: ElementwiseActivation


def forward(
    x: Float[Array, "N D"], W: Float[Array, "D H"], b: Float[Array, " H"], activation: ElementwiseActivation
) -> tuple[Float[Array, "N H"], DenseCache]:
    a = x @ W + b  # (1)
    y = activation.forward(a)  # (2)
    return y, DenseCache(x, W, y, activation)


def backward(dy: Float[Array, "N H"], cache: DenseCache) -> tuple[Float[Array, "N D"], Grads]:
    da = cache.activation.backward(dy, cache.y)  # (2)
    grads = {"W": cache.x.T @ da, "b": da.sum(axis=0)}  # (1)
    return da @ cache.W.T, grads  # (1)
