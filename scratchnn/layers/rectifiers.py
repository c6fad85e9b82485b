"""Activations with settings of their own, as layers: ReLU, LeakyReLU, ELU, and PReLU, which learns its slope."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn import initializers, regularizers
from scratchnn.core.checks import number
from scratchnn.core.names import described
from scratchnn.core.warning import warn
from scratchnn.layers.base import Config, Layer, Memory, Shape, positive_int


class _Elementwise(Layer):
    """y = f(x), number by number: `values` gives y and f'(x), which is the cache.

    Without np.where, which takes as long as ten of the other operations where the sign of x is random.
    """

    supports_masking = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def values(self, x: Array) -> tuple[Array, Array]:
        raise NotImplementedError

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, Array]:
        return self.values(self.as_input(x))  # (1)

    def memory(self, shape: tuple[int, ...], *, training: bool) -> Memory:
        x = math.prod(shape)
        return Memory(2 * x, 2 * x, x, keeps_x=False)  # y and f'(x)

    def backward(self, dy: Array, cache: Array) -> tuple[Array, Grads]:
        return self.as_gradient(dy, cache.shape) * cache, {}  # (1)


class ReLU(_Elementwise):
    """The rectifier, with a largest value, a slope below and a threshold.

    (1)  y = min(x, max_value) where x > threshold, else negative_slope (x - threshold)

    Shapes: any
    Cache:  the derivative.
    Keras:  the same.
    Raises: ValueError for a negative setting.
    """

    def __init__(
        self,
        max_value: float | int | None = None,
        negative_slope: float | int = 0.0,
        threshold: float | int = 0.0,
        *,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.max_value = None if max_value is None else number("ReLU: max_value", max_value, 0)
        self.negative_slope = number("ReLU: negative_slope", negative_slope, 0)
        self.threshold = number("ReLU: threshold", threshold, 0)

    @property
    def flat_at(self) -> tuple[float, ...]:
        return () if self.negative_slope else (0.0,)

    def values(self, x: Array) -> tuple[Array, Array]:
        least, most = self.threshold, np.inf if self.max_value is None else self.max_value
        above: Any = (x > least).astype(self.dtype)
        y = np.minimum(np.maximum(x, least), most)
        y = y * above if least else y
        derivative = above * (x < most)
        if self.negative_slope:
            y = y + self.negative_slope * np.minimum(x - least, 0)
            derivative = derivative + self.negative_slope * (1 - above)
        return y, derivative

    def get_config(self) -> Config:
        own = {"max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}
        return super().get_config() | own

    def describe(self) -> str:
        words = [] if self.max_value is None else [f"at most {self.max_value:g}"]
        words += [f"slope {self.negative_slope:g}"] if self.negative_slope else []
        return ", ".join(words + ([f"above {self.threshold:g}"] if self.threshold else []))


class LeakyReLU(_Elementwise):
    """A rectifier with a small slope below 0.

    (1)  y = x where x > 0, else negative_slope x

    Shapes: any
    Cache:  the derivative.
    Keras:  the same; Keras 2's name of the slope, `alpha`, is taken with a warning.
    Raises: ValueError for a negative slope.
    Source: Maas, Hannun, Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", ICML 2013.
    """

    not_kept: ClassVar = {**Layer.not_kept, "alpha": "its name is negative_slope"}

    def __init__(
        self,
        negative_slope: float | int = 0.3,
        *,
        alpha: float | int | None = None,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        if alpha is not None:
            warn("LeakyReLU: alpha is called negative_slope now")
            negative_slope = alpha
        self.negative_slope = number("LeakyReLU: negative_slope", negative_slope, 0)

    def values(self, x: Array) -> tuple[Array, Array]:
        slope = self.negative_slope
        above: Any = (x > 0).astype(self.dtype)
        return np.maximum(x, 0) + slope * np.minimum(x, 0), slope + (1 - slope) * above

    def get_config(self) -> Config:
        return super().get_config() | {"negative_slope": self.negative_slope}

    def describe(self) -> str:
        return f"slope {self.negative_slope:g}"


class ELU(_Elementwise):
    """The exponential linear unit.

    (1)  y = x where x > 0, else alpha (exp(x) - 1)

    Shapes: any
    Cache:  the derivative.
    Keras:  the same.
    Raises: ValueError for an alpha that is no number.
    Source: Clevert, Unterthiner, Hochreiter, "Fast and Accurate Deep Network Learning by ELUs", ICLR 2016.
    """

    def __init__(
        self, alpha: float | int = 1.0, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.alpha = number("ELU: alpha", alpha)

    def values(self, x: Array) -> tuple[Array, Array]:
        below = self.alpha * np.expm1(np.minimum(x, 0))
        above: Any = (x > 0).astype(self.dtype)
        return np.maximum(x, 0) + below, below + self.alpha + (1 - self.alpha) * above

    def get_config(self) -> Config:
        return super().get_config() | {"alpha": self.alpha}

    def describe(self) -> str:
        return f"alpha {self.alpha:g}"


@dataclass(frozen=True)
class PReLUCache:
    x: Array
    derivative: Array


class PReLU(Layer):
    """A rectifier that learns its slope below 0, one for each number of an example.

    (1)  y = max(x, 0) + alpha ⊙ min(x, 0)

    Shapes: x (B, ...) -> y, the same
    Params: alpha, of the shape of an example, with length 1 along the `shared_axes` (counted from 1).
    Cache:  x and the derivative.
    Keras:  the same.
    Raises: ValueError for an axis whose length is not known, unless it is shared.
    Source: He et al., "Delving Deep into Rectifiers", ICCV 2015.
    """

    supports_masking = True
    regularized: ClassVar = {"alpha": "alpha_regularizer"}

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        *,
        shared_axes: Any = None,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        axes = shared_axes if isinstance(shared_axes, tuple | list) else [shared_axes]
        self.shared_axes = (
            None if shared_axes is None else [positive_int("PReLU", "an axis in shared_axes", axis) for axis in axes]
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if max(self.shared_axes or [0]) >= len(input_shape):
            raise ValueError(f"{self.label} has shared_axes {self.shared_axes}, but x has the shape {input_shape}")
        if None in self._alpha_shape(input_shape):
            raise ValueError(
                f"{self.label} needs to know every axis except the batch's, got shape {input_shape}; "
                "one slope for all time steps: shared_axes=[1]"
            )
        return input_shape

    def _alpha_shape(self, input_shape: Shape) -> Shape:
        shared = self.shared_axes or []
        return tuple(1 if axis in shared else length for axis, length in enumerate(input_shape) if axis)

    def parameter_shapes(self, input_shape: Shape) -> dict:
        return {"alpha": (self._alpha_shape(input_shape), self.alpha_initializer)}

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, PReLUCache]:
        x, alpha = self.as_input(x), self.params["alpha"]
        y = np.maximum(x, 0) + alpha * np.minimum(x, 0)  # (1)
        return y, PReLUCache(x, np.where(x > 0, 1, (x < 0) * alpha))

    def memory(self, shape: tuple[int, ...], *, training: bool) -> Memory:
        x = math.prod(shape)
        return Memory(2 * x, 2 * x, 2 * x)

    def backward(self, dy: Array, cache: PReLUCache) -> tuple[Array, Grads]:
        dy = self.as_gradient(dy, cache.x.shape)
        dalpha = (dy * np.minimum(cache.x, 0)).sum(axis=(0, *(self.shared_axes or [])))  # (1)
        return dy * cache.derivative, {"alpha": dalpha.reshape(self.params["alpha"].shape)}  # (1)

    def get_config(self) -> Config:
        own = {"alpha_initializer": described(self.alpha_initializer), "shared_axes": self.shared_axes}
        return super().get_config() | own

    def describe(self) -> str:
        return f"shared over axes {self.shared_axes}" if self.shared_axes else ""
