from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn import activations, initializers, regularizers
from scratchnn.core.checks import flag, single
from scratchnn.core.names import described, look_up
from scratchnn.layers.base import Config, Layer, Shape, positive_int

PADDINGS = ("valid", "same", "causal")


@dataclass(frozen=True)
class Conv1DLayerCache:
    kernel_cache: Any
    before: int  # zeros padded before the first step
    T: int
    y_shape: tuple[int, ...]


class Conv1D(Layer):
    """One dense layer slid along time: each output sees `kernel_size` neighbouring steps.

    (1)  a[:, p] = b + sum over taps j of  x[:, p stride + j dilation] W[j]
    (2)  y       = act(a)

    Shapes: x (B, T, D) -> y (B, T', F), F = filters; T' = (T - (k-1) dilation - 1) // strides + 1 for padding "valid",
            ceil(T / strides) for "same", with zeros on both sides, and for "causal", with zeros before the first step.
    Params: W (k, D, F), b (F,): k D F + F numbers, k = kernel_size.
    Cache:  x with its padding, and y.
    Keras:  the same (a mask ends here, with a warning).
    Raises: ValueError where the window is longer than the sequence, or strides and dilation are both above 1.
    Source: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86(11), 1998.
    """

    regularized: ClassVar = {"W": "kernel_regularizer", "b": "bias_regularizer"}
    keras_names: ClassVar[dict[str, str]] = {"W": "kernel", "b": "bias"}
    checks: ClassVar = {"activation": activations.get}

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        *,
        dilation_rate: int | Sequence[int] = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.filters = positive_int("Conv1D", "filters", filters)
        self.kernel_size = positive_int("Conv1D", "kernel_size", single(kernel_size))
        self.strides = positive_int("Conv1D", "strides", single(strides))
        self.dilation_rate = positive_int("Conv1D", "dilation_rate", single(dilation_rate))
        self.padding = look_up("padding", padding, {known: known for known in PADDINGS})
        self.activation = activations.get(activation)
        self.use_bias = flag("Conv1D", "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        if self.strides > 1 and self.dilation_rate > 1:
            raise ValueError(
                f"Conv1D: strides and dilation_rate cannot both be above 1, got {self.strides} and {self.dilation_rate}"
            )

    @property
    def window(self) -> int:
        """The number of time steps from the first tap to the last."""
        return (self.kernel_size - 1) * self.dilation_rate + 1

    def _padding(self, T: int) -> tuple[int, int]:
        """How many zeros to pad before and after the sequence."""
        if self.padding == "valid":
            return 0, 0
        if self.padding == "causal":
            return self.window - 1, 0
        total = max((-(-T // self.strides) - 1) * self.strides + self.window - T, 0)
        return total // 2, total - total // 2

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 3 or input_shape[2] is None:
            raise ValueError(f"{self.label} takes sequences of shape (B, T, D) with D known, got shape {input_shape}")
        B, T, _ = input_shape
        return (B, None if T is None else self._steps(T), self.filters)

    def _steps(self, T: int) -> int:
        """T', or a ValueError where the window does not fit."""
        steps = (T + sum(self._padding(T)) - self.window) // self.strides + 1
        if steps < 1:
            raise ValueError(f"{self.label} needs a sequence of at least {self.window} time steps, got {T}")
        return steps

    def parameter_shapes(self, input_shape: Shape) -> dict:
        shapes: dict = {"W": ((self.kernel_size, input_shape[2], self.filters), self.kernel_initializer)}
        return shapes | ({"b": ((self.filters,), self.bias_initializer)} if self.use_bias else {})

    @property
    def is_recordable(self) -> bool:
        return self.padding == "valid"

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
    ) -> tuple[Array, Conv1DLayerCache]:
        x = self.as_input(x)
        activation = activations.linear if pre_activation else self.activation
        T = x.shape[1]
        self._steps(T)
        before, after = self._padding(T)
        if before or after:
            x = np.pad(x, ((0, 0), (before, after), (0, 0)))
        b = self.params["b"] if self.use_bias else self.backend.xp.zeros(self.filters, self.dtype)
        y, cache = self.backend.kernels.conv1d.forward(
            x, self.params["W"], b, self.strides, self.dilation_rate, activation
        )
        return y, Conv1DLayerCache(cache, before, T, y.shape)

    def backward(self, dy: Array, cache: Conv1DLayerCache) -> tuple[Array, Grads]:
        dy = self.as_gradient(dy, cache.y_shape)
        dx, grads = self.backend.kernels.conv1d.backward(dy, cache.kernel_cache)
        return dx[:, cache.before : cache.before + cache.T], {name: grads[name] for name in self.params}

    def get_config(self) -> Config:
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "activation": self.activation.get_config(),
            "use_bias": self.use_bias,
            "kernel_initializer": described(self.kernel_initializer),
            "bias_initializer": described(self.bias_initializer),
        }

    def describe(self) -> str:
        words = [f"{self.filters} filters of {self.kernel_size}", self.activation.name]
        words += [f"strides {self.strides}"] if self.strides > 1 else []
        words += [f"dilation {self.dilation_rate}"] if self.dilation_rate > 1 else []
        words += [self.padding] if self.padding != "valid" else []
        return ", ".join(words)
