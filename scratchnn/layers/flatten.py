import math
from typing import Any

from scratchnn_kernels.contract import Array, Grads

from scratchnn.layers.base import Layer, Shape


class Flatten(Layer):
    """All numbers of an example in one row.

    Shapes: x (B, ...) -> y (B, product of the rest)
    Cache:  the shape of x.
    Keras:  the same (a mask ends here, with a warning).
    Raises: ValueError where the length of an axis is not known before data comes: a Dense after it could not be built.
    """

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        rest = [length for length in input_shape[1:] if length is not None]
        if len(rest) != len(input_shape) - 1:
            raise ValueError(
                f"{self.label} needs to know every axis except the batch's, got shape {input_shape}; "
                "give the sequence length: Input(shape=(100,)), or model.build((None, 100))"
            )
        return (input_shape[0], math.prod(rest))

    @property
    def is_recordable(self) -> bool:
        return True

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, tuple[int, ...]]:
        x = self.as_input(x)
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy: Array, cache: tuple[int, ...]) -> tuple[Array, Grads]:
        return self.as_gradient(dy, (cache[0], math.prod(cache[1:]))).reshape(cache), {}
