import math
from typing import Any, ClassVar, NamedTuple

from scratchnn_kernels.contract import Array, Grads

from scratchnn import activations, initializers, regularizers
from scratchnn.core.checks import flag
from scratchnn.core.names import described
from scratchnn.layers.base import Config, Layer, Memory, Shape, positive_int

GRADIENTS = 8  # of W, each of a part of the batch, which are added at the end


class DenseLayerCache(NamedTuple):
    kernel_cache: Any
    x_shape: tuple[int, ...]


class Dense(Layer):
    """Every output sees every input.

    (1)  a = x W + b
    (2)  y = act(a)

    Shapes: x (..., D) -> y (..., H), H = units; a sequence (B, T, D) is treated step by step
    Params: W (D, H), b (H,): D H + H numbers.
    Cache:  x, W and y.
    Keras:  the same.
    Raises: ValueError for shapes that do not fit.
    """

    supports_masking = True
    regularized: ClassVar = {"W": "kernel_regularizer", "b": "bias_regularizer"}
    keras_names: ClassVar[dict[str, str]] = {"W": "kernel", "b": "bias"}
    checks: ClassVar = {"activation": activations.get}

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        *,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.units = positive_int("Dense", "units", units)
        self.activation = activations.get(activation)
        self.use_bias = flag("Dense", "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    @property
    def runs_in_kernels(self) -> bool:
        return self.activation.name in ("linear", "relu")  # the others run as array code

    @property
    def pre_activation_runs_in_kernels(self) -> bool:
        return True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(f"{self.label} takes x of shape (B, ..., D) with D known, got shape {input_shape}")
        return (*input_shape[:-1], self.units)

    def parameter_shapes(self, input_shape: Shape) -> dict:
        shapes: dict = {"W": ((input_shape[-1], self.units), self.kernel_initializer)}
        return shapes | ({"b": ((self.units,), self.bias_initializer)} if self.use_bias else {})

    @property
    def final_activation(self) -> activations.Activation:
        return self.activation

    def forward(
        self,
        x: Array,
        *,
        mask: Array | None = None,
        training: bool = False,
        rng: Any = None,
        pre_activation: bool = False,
    ) -> tuple[Array, DenseLayerCache]:
        x = self.as_input(x)
        activation = activations.linear if pre_activation else self.activation
        b = self.params["b"] if self.use_bias else self.backend.xp.zeros(self.units, self.dtype)
        rows = x.reshape(-1, x.shape[-1])
        y, cache = self.backend.kernels.dense.forward(rows, self.params["W"], b, activation)  # (1), (2)
        return y.reshape(*x.shape[:-1], self.units), DenseLayerCache(cache, x.shape)

    def memory(self, shape: tuple[int, ...], *, training: bool) -> Memory:
        x, W = math.prod(shape), shape[-1] * self.units
        y = x // shape[-1] * self.units
        work = activations.WORK.get(self.activation.name, activations.MOST_WORK) * y
        return Memory(y, work, x + min(work, 2 * y) + (GRADIENTS + 2) * W, keeps_y=True)

    def backward(self, dy: Array, cache: DenseLayerCache) -> tuple[Array, Grads]:
        dy = self.as_gradient(dy, (*cache.x_shape[:-1], self.units))
        dx, grads = self.backend.kernels.dense.backward(dy.reshape(-1, self.units), cache.kernel_cache)  # (1), (2)
        return dx.reshape(cache.x_shape), {name: grads[name] for name in self.params}

    def get_config(self) -> Config:
        return super().get_config() | {
            "units": self.units,
            "activation": self.activation.get_config(),
            "use_bias": self.use_bias,
            "kernel_initializer": described(self.kernel_initializer),
            "bias_initializer": described(self.bias_initializer),
        }

    def describe(self) -> str:
        return f"{self.units} unit{'s' * (self.units > 1)}, {self.activation.name}"
