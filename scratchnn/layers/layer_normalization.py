import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn import initializers, regularizers
from scratchnn.core.checks import flag, number, whole_number
from scratchnn.core.names import described
from scratchnn.layers.base import Config, Layer, Memory, Shape


@dataclass(frozen=True)
class LayerNormalizationCache:
    n: Array
    s: Array


class LayerNormalization(Layer):
    """The features of every example, and of every time step, with mean 0 and variance 1; then scaled and shifted.

    (1)  μ = mean of x over `axis`
    (2)  s = sqrt(mean of (x - μ)² over `axis` + epsilon)
    (3)  n = (x - μ) / s
    (4)  y = gamma ⊙ n + beta

    Shapes: x (B, ..., D) -> y, the same
    Params: gamma and beta (D,), or the lengths of all axes in `axis`; without gamma if not `scale`, without beta if not
            `center`.
    Cache:  n and s.
    Keras:  the same, but for `rms_scaling`, which Keras calls wrong and is refused.
    Raises: ValueError for an axis that x does not have or whose length is not known; the batch has none.
    Source: Ba, Kiros, Hinton, "Layer Normalization", 2016, https://arxiv.org/abs/1607.06450.
    """

    supports_masking = True
    regularized: ClassVar = {"beta": "beta_regularizer", "gamma": "gamma_regularizer"}

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float | int = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        *,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        axes = axis if isinstance(axis, tuple | list) else [axis]
        self.axis = [whole_number("LayerNormalization: axis", each, -64, 63) for each in axes]
        self.epsilon = number("LayerNormalization: epsilon", epsilon, 0)
        self.center = flag("LayerNormalization", "center", center)
        self.scale = flag("LayerNormalization", "scale", scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)

    def _axes(self, rank: int) -> tuple[int, ...]:
        """The axes that are normalised over, counted from 0, in order."""
        return tuple(sorted(axis % rank for axis in self.axis if -rank <= axis < rank))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        axes = self._axes(len(input_shape))
        if not axes or len(set(axes)) < len(self.axis) or any(input_shape[axis] is None for axis in axes) or 0 in axes:
            raise ValueError(
                f"{self.label}: axis {self.axis} must name axes of x whose length is known, without the batch's, "
                f"got shape {input_shape}"
            )
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict:
        shape = tuple(input_shape[axis] for axis in self._axes(len(input_shape)))
        shapes: dict = {"gamma": (shape, self.gamma_initializer)} if self.scale else {}
        return shapes | ({"beta": (shape, self.beta_initializer)} if self.center else {})

    def _spread(self, name: str, rank: int) -> Array:
        """The parameter, with an axis of length 1 wherever x has one that is not normalised over."""
        axes, param = self._axes(rank), self.params[name]
        lengths = iter(param.shape)
        return param.reshape([next(lengths) if axis in axes else 1 for axis in range(rank)])

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, LayerNormalizationCache]:
        x = self.as_input(x)
        n = x - self._mean(x)  # (1)
        s = np.sqrt(self._mean(n * n) + self.epsilon)  # (2)
        n /= s  # (3)
        y = n * self._spread("gamma", x.ndim) if self.scale else n.copy()  # (4)
        if self.center:
            y += self._spread("beta", x.ndim)  # (4)
        return y, LayerNormalizationCache(n, s)

    def memory(self, shape: tuple[int, ...], *, training: bool) -> Memory:
        x = math.prod(shape)
        return Memory(2 * x, 0, 4 * x, keeps_x=False)  # n and y

    def backward(self, dy: Array, cache: LayerNormalizationCache) -> tuple[Array, Grads]:
        n, s = cache.n, cache.s
        dy = self.as_gradient(dy, n.shape)
        others = tuple(axis for axis in range(n.ndim) if axis not in self._axes(n.ndim))
        grads, dn, dn_n = {}, dy, dy * n
        if self.scale:
            gamma = self._spread("gamma", n.ndim)
            grads["gamma"] = dn_n.sum(axis=others)  # (4)
            dn, dn_n = dy * gamma, dn_n * gamma  # (4)
        if self.center:
            grads["beta"] = dy.sum(axis=others)  # (4)
        dx = dn - self._mean(dn)  # (1)
        dx -= n * self._mean(dn_n)  # (2)
        dx /= s  # (3)
        return dx, grads

    def _mean(self, x: Array) -> Array:
        axes = self._axes(x.ndim)
        return x.sum(axis=axes, keepdims=True) / math.prod(x.shape[axis] for axis in axes)

    def get_config(self) -> Config:
        return super().get_config() | {
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": described(self.beta_initializer),
            "gamma_initializer": described(self.gamma_initializer),
        }

    def describe(self) -> str:
        left_out = [name for name, there in (("center", self.center), ("scale", self.scale)) if not there]
        return f"over axis {', '.join(map(str, self.axis))}" + "".join(f", no {name}" for name in left_out)
