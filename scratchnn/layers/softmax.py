import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn import activations
from scratchnn.core.arrays import real_part
from scratchnn.core.checks import whole_number
from scratchnn.layers.base import Config, Layer, Shape

LEAST = -1e9  # Keras' number in place of masked ones


@dataclass(frozen=True)
class SoftmaxCache:
    y: Array
    pre_activation: bool  # y is x


class Softmax(Layer):
    """Positive numbers with the sum 1 along `axis`.

    (1)  e = exp(x - max of x)
    (2)  y = e / sum of e

    Shapes: any
    Cache:  y.
    Keras:  the same. It takes a mask of the shape of x: masked numbers do not count, and give 0.
    Raises: ValueError for an axis that x does not have, and, as Keras, for a mask of time steps, which
            Activation("softmax") lets through.
    """

    supports_masking = True

    def __init__(
        self, axis: Any = -1, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        axes = tuple(axis) if isinstance(axis, tuple | list) else (axis,)
        self.axis = tuple(whole_number("Softmax: axis", each, -64, 63) for each in axes)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        rank = len(input_shape)
        if any(not -rank <= axis < rank or axis % rank == 0 for axis in self.axis):
            raise ValueError(f"{self.label} has no axis {self.axis} in shape {input_shape}, whose axis 0 is the batch")
        return input_shape

    @property
    def final_activation(self) -> activations.Activation | None:
        rank = len(self.input_shape)
        return activations.softmax if [axis % rank for axis in self.axis] == [rank - 1] else None

    def _softmax_length(self) -> int | None:
        lengths = [self.input_shape[axis] for axis in self.axis]
        return None if None in lengths else math.prod(lengths)  # type: ignore[arg-type]

    def forward(
        self,
        x: Array,
        *,
        mask: Array | None = None,
        training: bool = False,
        rng: Any = None,
        pre_activation: bool = False,
    ) -> tuple[Array, SoftmaxCache]:
        x = self.as_input(x)
        if mask is not None:
            if mask.shape != x.shape:
                raise ValueError(
                    f"{self.label} takes a mask of the shape of x, {x.shape}, got {mask.shape}; "
                    'for a mask of time steps use Activation("softmax")'
                )
            mask = self.as_mask(mask, x.shape)
            x = np.where(mask, x, LEAST)
        if pre_activation:
            return x, SoftmaxCache(x, True)
        e = np.exp(x - real_part(x).max(axis=self.axis, keepdims=True))  # (1)
        y = e / e.sum(axis=self.axis, keepdims=True)  # (2)
        y = y if mask is None else np.where(mask, y, 0)
        return y, SoftmaxCache(y, False)

    def backward(self, dy: Array, cache: SoftmaxCache) -> tuple[Array, Grads]:
        y, dy = cache.y, self.as_gradient(dy, cache.y.shape)
        return dy if cache.pre_activation else y * (dy - (dy * y).sum(axis=self.axis, keepdims=True)), {}  # (1), (2)

    def get_config(self) -> Config:
        return super().get_config() | {"axis": list(self.axis)}

    def describe(self) -> str:
        return f"over axis {', '.join(map(str, self.axis))}"
