"""Noise in training, none in inference: added, multiplied, or in place of numbers that are dropped."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn.activations import SELU_ALPHA, SELU_SCALE
from scratchnn.core.checks import number
from scratchnn.layers.base import Config, Layer, Shape, draw_key, dropout_rate


@dataclass(frozen=True)
class NoiseCache:
    factor: Array | None  # None: 1
    shape: tuple[int, ...]


class _Noise(Layer):
    """(1)  y = factor ⊙ x + what does not depend on x."""

    supports_masking = True

    @property
    def is_identity(self) -> bool:
        return not self.uses_rng

    @property
    def is_recordable(self) -> bool:
        return True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def draw(self, x: Array, rng: Any) -> tuple[Array, Array | None]:
        """y and the factor, in training."""
        raise NotImplementedError

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, NoiseCache]:
        x = self.as_input(x)
        y, factor = self.draw(x, rng) if training and self.uses_rng else (x, None)  # (1)
        return y, NoiseCache(factor, x.shape)

    def backward(self, dy: Array, cache: NoiseCache) -> tuple[Array, Grads]:
        dy = self.as_gradient(dy, cache.shape)
        return dy if cache.factor is None else dy * cache.factor, {}  # (1)

    def _normal(self, rng: Any, shape: tuple[int, ...]) -> Array:
        """Normal numbers, drawn on the host: every backend gets the same."""
        generator = np.random.Generator(np.random.Philox(key=draw_key(rng)))
        return self.backend.array(generator.standard_normal(shape, dtype=np.float32), self.dtype)


class GaussianNoise(_Noise):
    """Normal noise, added in training.

    (1)  y = x + stddev ε,   ε normal with mean 0 and variance 1

    Shapes: any
    Cache:  nothing.
    Keras:  the same.
    Raises: ValueError unless 0 <= stddev <= 1.
    """

    def __init__(
        self, stddev: float | int, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.stddev = number("GaussianNoise: stddev", stddev, 0, 1)

    @property
    def uses_rng(self) -> bool:
        return self.stddev > 0

    def draw(self, x: Array, rng: Any) -> tuple[Array, None]:
        return x + self._normal(rng, x.shape) * self.stddev, None  # (1)

    def get_config(self) -> Config:
        return super().get_config() | {"stddev": self.stddev}

    def describe(self) -> str:
        return f"stddev {self.stddev:g}"


class _RateNoise(_Noise):
    """Noise as strong as dropout of that rate."""

    def __init__(
        self, rate: float | int, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.rate = dropout_rate(type(self).__name__, "rate", rate)

    @property
    def uses_rng(self) -> bool:
        return self.rate > 0

    def get_config(self) -> Config:
        return super().get_config() | {"rate": self.rate}

    def describe(self) -> str:
        return f"rate {self.rate:g}"


class SpatialDropout1D(_RateNoise):
    """Dropout of whole features: what is set to zero is zero at every time step of the sequence.

    (1)  y[b, t] = x[b, t] ⊙ m[b],   m = 0 with probability `rate`, else 1 / (1 - rate)

    Shapes: x (B, T, D) -> y (B, T, D)
    Cache:  m (B, 1, D), or None when nothing was dropped.
    Keras:  the same.
    Raises: ValueError unless 0 <= rate < 1, and for x that is not (B, T, D).
    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR 2015.
    """

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(f"{self.label} takes sequences of shape (B, T, D), got shape {input_shape}")
        return input_shape

    def draw(self, x: Array, rng: Any) -> tuple[Array, Array]:
        m = self.backend.kernels.dropout.mask(draw_key(rng), self.rate, (len(x), 1, x.shape[2]), self.dtype)
        return x * m, m  # (1)


class GaussianDropout(_RateNoise):
    """Normal noise, multiplied in training: as much variance as Dropout of the same rate.

    (1)  y = x ⊙ m,   m normal with mean 1 and variance rate / (1 - rate)

    Shapes: any
    Cache:  m, or None without noise.
    Keras:  the same.
    Raises: ValueError unless 0 <= rate < 1.
    Source: Srivastava et al., "Dropout", JMLR 15, 2014.
    """

    def draw(self, x: Array, rng: Any) -> tuple[Array, Array]:
        m = 1 + self._normal(rng, x.shape) * math.sqrt(self.rate / (1 - self.rate))
        return x * m, m  # (1)


class AlphaDropout(_RateNoise):
    """Dropout that keeps mean 0 and variance 1, for networks of selu: what is dropped takes selu's lowest value.

    (1)  y = a (x ⊙ k + low (1 - k)) + b,   k = 0 with probability `rate`, else 1

    low is the limit of selu at minus infinity; a = ((1 - rate) (1 + rate low²))^(-1/2) and b = -a low rate.

    Shapes: any
    Cache:  a k, or None when nothing was dropped.
    Keras:  the same.
    Raises: ValueError unless 0 <= rate < 1.
    Source: Klambauer et al., "Self-Normalizing Neural Networks", NeurIPS 2017.
    """

    def draw(self, x: Array, rng: Any) -> tuple[Array, Array]:
        rate, low = self.rate, -SELU_ALPHA * SELU_SCALE
        a = ((1 - rate) * (1 + rate * low**2)) ** -0.5
        kept: Any = self.backend.kernels.dropout.mask(draw_key(rng), rate, x.shape, self.dtype)  # k / (1 - rate)
        factor = kept * (a * (1 - rate))
        return factor * (x - low) + a * low * (1 - rate), factor  # (1), with the terms in low and b put together
