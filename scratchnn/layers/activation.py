import math
from dataclasses import dataclass
from typing import Any, ClassVar

from scratchnn_kernels.contract import Array, Grads

from scratchnn import activations
from scratchnn.layers.base import Config, Layer, Memory, Shape


@dataclass(frozen=True)
class ActivationCache:
    y: Array
    activation: activations.Activation  # linear, where forward returned the pre-activation


class Activation(Layer):
    """An activation as a layer of its own.

    (1)  y = act(x)

    Shapes: any
    Cache:  y and the activation.
    Keras:  the same.
    Raises: ValueError for an unknown name.
    """

    supports_masking = True
    checks: ClassVar = {"activation": activations.get}

    def __init__(
        self, activation: Any, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.activation = activations.get(activation)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    @property
    def final_activation(self) -> activations.Activation:
        return self.activation

    @property
    def is_identity(self) -> bool:
        return self.activation.name == "linear"

    def forward(
        self,
        x: Array,
        *,
        mask: Array | None = None,
        training: bool = False,
        rng: Any = None,
        pre_activation: bool = False,
    ) -> tuple[Array, ActivationCache]:
        activation = activations.linear if pre_activation else self.activation
        y = activation.forward(self.as_input(x))  # (1)
        return y, ActivationCache(y, activation)

    def memory(self, shape: tuple[int, ...], *, training: bool) -> Memory:
        x = math.prod(shape)
        work = (activations.WORK.get(self.activation.name, activations.MOST_WORK) - 1) * x
        return Memory(x, max(0, work), 2 * x, keeps_x=False, keeps_y=True)

    def backward(self, dy: Array, cache: ActivationCache) -> tuple[Array, Grads]:
        return cache.activation.backward(self.as_gradient(dy, cache.y.shape), cache.y), {}  # (1)

    def get_config(self) -> Config:
        return super().get_config() | {"activation": self.activation.get_config()}

    def describe(self) -> str:
        return self.activation.name
