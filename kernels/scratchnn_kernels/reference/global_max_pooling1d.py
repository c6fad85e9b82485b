"""Global max pooling: the largest of all time steps, for each feature.

    (1)  y = max over t of x[:, t]

Steps that are equally large share the gradient evenly, as in Keras. A NaN counts as the largest.
Shapes: x (B, T, D), y (B, D).
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float


@dataclass(frozen=True)
class GlobalMaxPooling1DCache:
    x: Float[Array, "B T D"]
    y: Float[Array, "B D"]


def forward(x: Float[Array, "B T D"]) -> tuple[Float[Array, "B D"], GlobalMaxPooling1DCache]:
    y = x.max(axis=1)  # (1)
    return y, GlobalMaxPooling1DCache(x, y)


def backward(dy: Float[Array, "B D"], cache: GlobalMaxPooling1DCache) -> Float[Array, "B T D"]:
    x = cache.x
    is_max = (x == cache.y[:, None]) | np.isnan(x)
    share = dy / is_max.sum(axis=1, dtype=dy.dtype)
    return is_max * share[:, None]  # (1)
