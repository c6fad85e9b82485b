"""Pooling over time: the strongest or the mean of neighbouring steps, or of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn.core.checks import single
from scratchnn.core.names import look_up
from scratchnn.layers.base import Config, Layer, Shape, positive_int


@dataclass(frozen=True)
class MaxPooling1DLayerCache:
    kernel_cache: Any
    before: int  # steps of minus infinity padded before the first
    T: int
    y_shape: tuple[int, ...]


class _Pooling1D(Layer):
    """Windows of neighbouring steps: their settings, and where they lie."""

    def __init__(
        self, pool_size: int | Sequence[int], strides: int | Sequence[int] | None, padding: str, **common: Any
    ) -> None:
        super().__init__(**common)
        kind = type(self).__name__
        self.pool_size = positive_int(kind, "pool_size", single(pool_size))
        self.strides = self.pool_size if strides is None else positive_int(kind, "strides", single(strides))
        self.padding = look_up("padding", padding, {known: known for known in ("valid", "same")})

    def _padding(self, T: int) -> tuple[int, int]:
        if self.padding == "valid":
            return 0, 0
        total = max((-(-T // self.strides) - 1) * self.strides + self.pool_size - T, 0)
        return total // 2, total - total // 2

    def _steps(self, T: int) -> int:
        steps = (T + sum(self._padding(T)) - self.pool_size) // self.strides + 1
        if steps < 1:
            raise ValueError(f"{self.label} needs a sequence of at least {self.pool_size} time steps, got {T}")
        return steps

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(f"{self.label} takes sequences of shape (B, T, D), got shape {input_shape}")
        B, T, D = input_shape
        return (B, None if T is None else self._steps(T), D)

    def get_config(self) -> Config:
        return super().get_config() | {"pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}

    def describe(self) -> str:
        strides = f", strides {self.strides}" if self.strides != self.pool_size else ""
        return f"{self.pool_size} steps{strides}" + (", same" if self.padding == "same" else "")


class MaxPooling1D(_Pooling1D):
    """The largest of `pool_size` neighbouring steps, for each feature.

    (1)  y[:, p] = max over j of x[:, p strides + j],   j = 0 ... pool_size - 1

    Shapes: x (B, T, D) -> y (B, T', D), T' = (T - pool_size) // strides + 1 for "valid", ceil(T / strides) for "same"
    Cache:  which j was the largest (the first one in a tie): all of the gradient goes there.
    Keras:  the same; strides is pool_size unless given (a mask ends here, with a warning).
    Raises: ValueError where the window is longer than the sequence.
    """

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        *,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(pool_size, strides, padding, name=name, input_shape=input_shape, trainable=trainable)

    @property
    def is_recordable(self) -> bool:
        return self.padding == "valid"

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, MaxPooling1DLayerCache]:
        x = self.as_input(x)
        T = x.shape[1]
        self._steps(T)
        before, after = self._padding(T)
        if before or after:
            x = np.pad(x, ((0, 0), (before, after), (0, 0)), constant_values=-np.inf)
        y, cache = self.backend.kernels.max_pooling1d.forward(x, self.pool_size, self.strides)
        return y, MaxPooling1DLayerCache(cache, before, T, y.shape)

    def backward(self, dy: Array, cache: MaxPooling1DLayerCache) -> tuple[Array, Grads]:
        dx = self.backend.kernels.max_pooling1d.backward(self.as_gradient(dy, cache.y_shape), cache.kernel_cache)
        return dx[:, cache.before : cache.before + cache.T], {}


@dataclass(frozen=True)
class AveragePooling1DCache:
    share: Array  # (T', 1): 1 / (number of steps in the window)
    before: int  # zeros padded before the first step
    T: int
    y_shape: tuple[int, ...]


class AveragePooling1D(_Pooling1D):
    """The mean of `pool_size` neighbouring steps, for each feature.

    (1)  y[:, p] = share[p] sum over j of x[:, p strides + j],   j = 0 ... pool_size - 1

    share[p] is 1 / pool_size, or, where a window of "same" reaches beyond the sequence, 1 / (the steps inside).

    Shapes: x (B, T, D) -> y (B, T', D), T' as for MaxPooling1D
    Cache:  the shares.
    Keras:  the same; strides is pool_size unless given (a mask ends here, with a warning: padding counts in the mean).
    Raises: ValueError where the window is longer than the sequence.
    """

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        *,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(pool_size, strides, padding, name=name, input_shape=input_shape, trainable=trainable)

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, AveragePooling1DCache]:
        x = self.as_input(x)
        T = x.shape[1]
        first = self.strides * np.arange(self._steps(T)) - self._padding(T)[0]  # of each window, where x begins at 0
        inside = np.minimum(first + self.pool_size, T) - np.maximum(first, 0)
        share = self.backend.array(1 / inside[:, None], self.dtype)
        x = np.pad(x, ((0, 0), self._padding(T), (0, 0)))
        total = x[:, self._seen(0, T)].copy()
        for j in range(1, self.pool_size):
            total += x[:, self._seen(j, T)]
        y = share * total  # (1)
        return y, AveragePooling1DCache(share, self._padding(T)[0], T, y.shape)

    def backward(self, dy: Array, cache: AveragePooling1DCache) -> tuple[Array, Grads]:
        B, _, D = cache.y_shape
        d = cache.share * self.as_gradient(dy, cache.y_shape)  # (1)
        dx = self.backend.xp.zeros((B, cache.T + sum(self._padding(cache.T)), D), self.dtype)
        for j in range(self.pool_size):
            dx[:, self._seen(j, cache.T)] += d  # (1)
        return dx[:, cache.before :][:, : cache.T], {}

    def _seen(self, j: int, T: int) -> slice:
        """The steps at place j of all windows."""
        return slice(j, j + (self._steps(T) - 1) * self.strides + 1, self.strides)


@dataclass(frozen=True)
class GlobalMaxPooling1DLayerCache:
    kernel_cache: Any
    y_shape: tuple[int, ...]


class GlobalMaxPooling1D(Layer):
    """The largest value of each feature over all time steps.

    (1)  y = max over t of x[:, t]

    Shapes: x (B, T, D) -> y (B, D)
    Cache:  x and y; in a tie the gradient is shared evenly.
    Keras:  the same (a mask ends here, with a warning).
    """

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return _without_time(self, input_shape)

    @property
    def is_recordable(self) -> bool:
        return True

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, GlobalMaxPooling1DLayerCache]:
        y, cache = self.backend.kernels.global_max_pooling1d.forward(self.as_input(x))
        return y, GlobalMaxPooling1DLayerCache(cache, y.shape)

    def backward(self, dy: Array, cache: GlobalMaxPooling1DLayerCache) -> tuple[Array, Grads]:
        dy = self.as_gradient(dy, cache.y_shape)
        return self.backend.kernels.global_max_pooling1d.backward(dy, cache.kernel_cache), {}


@dataclass(frozen=True)
class GlobalAveragePooling1DCache:
    weight: Array  # (B, T, 1): 1 / (number of real steps) at real steps, 0 at masked ones
    y_shape: tuple[int, ...]


class GlobalAveragePooling1D(Layer):
    """The mean of each feature over all time steps, or over the real ones where there is a mask.

    (1)  y = sum over t of weight[:, t] x[:, t],   weight = mask / number of real steps

    Shapes: x (B, T, D) -> y (B, D)
    Cache:  the weights.
    Keras:  the same, except that a row without a real step gives zeros here and NaN there.
    """

    supports_masking = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return _without_time(self, input_shape)

    def compute_mask(self, x: Array, mask: Array | None) -> None:
        return None

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, GlobalAveragePooling1DCache]:
        x = self.as_input(x)
        B, T, _ = x.shape
        real = self.backend.xp.ones((B, T), bool) if mask is None else self.as_mask(mask, (B, T))
        count = np.maximum(real.sum(axis=1, keepdims=True), 1)
        weight = (real / count).astype(x.dtype)[:, :, None]
        y = (weight * x).sum(axis=1)  # (1)
        return y, GlobalAveragePooling1DCache(weight, y.shape)

    def backward(self, dy: Array, cache: GlobalAveragePooling1DCache) -> tuple[Array, Grads]:
        dy = self.as_gradient(dy, cache.y_shape)
        return cache.weight * dy[:, None], {}  # (1)


def _without_time(layer: Layer, input_shape: Shape) -> Shape:
    if len(input_shape) != 3:
        raise ValueError(f"{layer.label} takes sequences of shape (B, T, D), got shape {input_shape}")
    return (input_shape[0], input_shape[2])
