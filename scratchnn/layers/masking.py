from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn.core.checks import number
from scratchnn.layers.base import Config, Layer, Shape


@dataclass(frozen=True)
class MaskingCache:
    m: Array
    x_shape: tuple[int, ...]


class Masking(Layer):
    """Padding in sequences of numbers: a time step whose features are all `mask_value` is masked.

    (1)  m[b, t] = whether some x[b, t, d] is not mask_value
    (2)  y       = x ⊙ m

    Shapes: x (B, T, D) -> y (B, T, D); m (B, T) goes to the layers after it, in place of a mask that comes in
    Cache:  m.
    Keras:  the same.
    Raises: ValueError for x without time steps.
    """

    supports_masking = True

    def __init__(
        self, mask_value: float | int = 0.0, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.mask_value = number("Masking: mask_value", mask_value)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 3:
            raise ValueError(
                f"{self.label} masks time steps of x (B, T, D), got shape {input_shape}; "
                "rows that should not count get sample_weight 0, or are left out"
            )
        return input_shape

    def compute_mask(self, x: Array, mask: Array | None) -> Array:
        return (self.as_input(x) != self.mask_value).any(axis=-1)  # (1)

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, MaskingCache]:
        x = self.as_input(x)
        m = self.compute_mask(x, None)[..., None]  # (1)
        return np.where(m, x, 0), MaskingCache(m, x.shape)  # (2)

    def backward(self, dy: Array, cache: MaskingCache) -> tuple[Array, Grads]:
        return np.where(cache.m, self.as_gradient(dy, cache.x_shape), 0), {}  # (2)

    def get_config(self) -> Config:
        return super().get_config() | {"mask_value": self.mask_value}

    def describe(self) -> str:
        return f"steps of {self.mask_value:g} only"
