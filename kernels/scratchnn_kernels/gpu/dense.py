"""Dense on the GPU: two products of the device (cuBLAS, through CuPy) each way, and no kernel of our own.

The equation, and its number, are those of reference/dense.py.
"""

from dataclasses import dataclass

from scratchnn_kernels.contract import Array, Grads


@dataclass(frozen=True)
class DenseCache:
    x: Array  # (N, D)
    W: Array  # (D, H)


def forward(x: Array, W: Array, b: Array) -> tuple[Array, DenseCache]:
    a = x @ W  # (1)
    a += b
    return a, DenseCache(x, W)


def backward(da: Array, cache: DenseCache) -> tuple[Array, Grads]:
    grads = {"W": cache.x.T @ da, "b": da.sum(axis=0)}  # (1)
    return da @ cache.W.T, grads  # (1)
