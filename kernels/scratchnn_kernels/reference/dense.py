"""Dense: every output sees every input.

    (1)  a = x W + b

Source: Rosenblatt, "The Perceptron", Psychological Review 65(6), 1958; Rumelhart, Hinton and Williams, "Learning
representations by back-propagating errors", Nature 323, 1986.
"""

from dataclasses import dataclass

from jaxtyping import Float

from scratchnn_kernels.contract import Array, Grads


@dataclass(frozen=True)
class DenseCache:
    x: Float[Array, "N D"]
    W: Float[Array, "D H"]


def forward(
    x: Float[Array, "N D"], W: Float[Array, "D H"], b: Float[Array, " H"]
) -> tuple[Float[Array, "N H"], DenseCache]:
    return x @ W + b, DenseCache(x, W)  # (1)


def backward(da: Float[Array, "N H"], cache: DenseCache) -> tuple[Float[Array, "N D"], Grads]:
    grads = {"W": cache.x.T @ da, "b": da.sum(axis=0)}  # (1)
    return da @ cache.W.T, grads  # (1)
