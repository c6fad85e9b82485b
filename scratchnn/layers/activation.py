from typing import Any

from scratchnn_kernels.contract import Array, Grads

from scratchnn import activations
from scratchnn.layers.base import Config, Layer, Shape


class Activation(Layer):
    """An activation as a layer of its own.

    (1)  y = act(x)

    Shapes: any
    Cache:  y.
    Keras:  the same.
    Raises: ValueError for an unknown name.
    """

    supports_masking = True

    def __init__(self, activation: Any, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.activation = activations.get(activation)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, Array]:
        y = self.activation.forward(self.as_input(x))  # (1)
        return y, y

    def backward(self, dy: Array, cache: Array) -> tuple[Array, Grads]:
        return self.activation.backward(self.as_gradient(dy, cache.shape), cache), {}  # (1)

    def get_config(self) -> Config:
        return super().get_config() | {"activation": self.activation.get_config()}

    def describe(self) -> str:
        return self.activation.name
