"""Layers that move numbers to other places, repeat them or leave some out, and compute nothing."""

import math
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn.core.checks import whole_number
from scratchnn.layers.base import Config, Layer, Shape, positive_int


class RepeatVector(Layer):
    """The same row at every time step: from the last state of an encoder to the input of a decoder.

    (1)  y[:, t] = x,   t = 0 ... n - 1

    Shapes: x (B, D) -> y (B, n, D)
    Cache:  the shape of y.
    Keras:  the same (a mask ends here, with a warning).
    Raises: ValueError for x that is not (B, D).
    """

    def __init__(self, n: int, *, name: str | None = None, input_shape: Any = None, trainable: bool = True) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.n = positive_int("RepeatVector", "n", n)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise ValueError(f"{self.label} takes rows of shape (B, D), got shape {input_shape}")
        return (input_shape[0], self.n, input_shape[1])

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, tuple[int, ...]]:
        y = np.repeat(self.as_input(x)[:, None], self.n, axis=1)  # (1)
        return y, y.shape

    def backward(self, dy: Array, cache: tuple[int, ...]) -> tuple[Array, Grads]:
        return self.as_gradient(dy, cache).sum(axis=1), {}  # (1)

    def get_config(self) -> Config:
        return super().get_config() | {"n": self.n}

    def describe(self) -> str:
        return f"{self.n} times"


class Reshape(Layer):
    """The numbers of an example in another shape, in the same order.

    Shapes: x (B, ...) -> y (B, *target_shape); one length may be -1: whatever is left
    Cache:  the shape of x.
    Keras:  the same (a mask ends here, with a warning).
    Raises: ValueError where the numbers do not fit.
    """

    def __init__(
        self, target_shape: Any, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        lengths = target_shape if isinstance(target_shape, tuple | list) else (target_shape,)
        self.target_shape = tuple(whole_number("Reshape: a length in target_shape", length, -1) for length in lengths)
        if self.target_shape.count(-1) > 1 or 0 in self.target_shape:
            raise ValueError(f"Reshape: target_shape takes lengths above 0, and one -1, got {target_shape}")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        known = math.prod(length for length in self.target_shape if length != -1)
        rest = [length for length in input_shape[1:] if length is not None]
        if len(rest) < len(input_shape) - 1:  # not known before data comes
            return (input_shape[0], *(None if length == -1 else length for length in self.target_shape))
        size = math.prod(rest)
        if size % known or (size != known and -1 not in self.target_shape):
            raise ValueError(f"{self.label}: {size} numbers, of shape {input_shape}, do not fit {self.target_shape}")
        return (input_shape[0], *(size // known if length == -1 else length for length in self.target_shape))

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, tuple[int, ...]]:
        x = self.as_input(x)
        shape: Any = self.compute_output_shape(x.shape)
        return x.reshape(shape), x.shape

    def backward(self, dy: Array, cache: tuple[int, ...]) -> tuple[Array, Grads]:
        shape: Any = self.compute_output_shape(cache)
        return self.as_gradient(dy, shape).reshape(cache), {}

    def get_config(self) -> Config:
        return super().get_config() | {"target_shape": list(self.target_shape)}

    def describe(self) -> str:
        return f"to {self.target_shape}"


class Permute(Layer):
    """The axes of an example in another order: axis i of y is axis dims[i - 1] of x; the batch stays axis 0.

    Shapes: x (B, T, D) -> y (B, D, T) for dims (2, 1)
    Cache:  the shape of y.
    Keras:  the same (a mask ends here, with a warning).
    Raises: ValueError unless dims has every axis once, counted from 1.
    """

    def __init__(self, dims: Any, *, name: str | None = None, input_shape: Any = None, trainable: bool = True) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        given = dims if isinstance(dims, tuple | list) else (dims,)
        self.dims = tuple(positive_int("Permute", "an axis in dims", dim) for dim in given)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute: dims must have every axis from 1 to {len(self.dims)} once, got {dims}")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != len(self.dims) + 1:
            raise ValueError(
                f"{self.label} with dims {self.dims} takes x with {len(self.dims)} axes besides the batch's, "
                f"got shape {input_shape}"
            )
        return (input_shape[0], *(input_shape[dim] for dim in self.dims))

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, tuple[int, ...]]:
        y = self.backend.array(self.as_input(x).transpose(0, *self.dims), self.dtype)
        return y, y.shape

    def backward(self, dy: Array, cache: tuple[int, ...]) -> tuple[Array, Grads]:
        places = [self.dims.index(axis) + 1 for axis in range(1, len(self.dims) + 1)]
        return self.backend.array(self.as_gradient(dy, cache).transpose(0, *places), self.dtype), {}

    def get_config(self) -> Config:
        return super().get_config() | {"dims": list(self.dims)}

    def describe(self) -> str:
        return f"axes {self.dims}"


class _Ends(Layer):
    """What adds time steps to both ends of a sequence, or takes them off there: `ends`, (first, last)."""

    def __init__(self, word: str, ends: Any, **common: Any) -> None:
        super().__init__(**common)
        given = tuple(ends) if isinstance(ends, tuple | list) else (ends, ends)
        if len(given) != 2:
            raise ValueError(f"{type(self).__name__}: {word} is a number of steps, or a pair of them, got {ends!r}")
        first, last = (whole_number(f"{type(self).__name__}: {word}", steps, 0) for steps in given)
        self.ends = (first, last)

    def describe(self) -> str:
        return f"{self.ends[0]} steps before, {self.ends[1]} after"


class ZeroPadding1D(_Ends):
    """Zeros before the first time step and after the last one.

    Shapes: x (B, T, D) -> y (B, before + T + after, D); `padding` is (before, after), or one number for both
    Cache:  the shape of y.
    Keras:  the same (a mask ends here, with a warning).
    Raises: ValueError for a negative number of steps.
    """

    def __init__(
        self, padding: Any = 1, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__("padding", padding, name=name, input_shape=input_shape, trainable=trainable)
        self.padding = self.ends

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        B, T, D = _sequences(self, input_shape)
        return (B, None if T is None else T + sum(self.ends), D)

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, tuple[int, ...]]:
        y = np.pad(self.as_input(x), ((0, 0), self.ends, (0, 0)))
        return y, y.shape

    def backward(self, dy: Array, cache: tuple[int, ...]) -> tuple[Array, Grads]:
        before, after = self.ends
        return self.as_gradient(dy, cache)[:, before : cache[1] - after], {}

    def get_config(self) -> Config:
        return super().get_config() | {"padding": list(self.ends)}


class Cropping1D(_Ends):
    """A sequence without its first and last time steps.

    Shapes: x (B, T, D) -> y (B, T - before - after, D); `cropping` is (before, after), or one number for both
    Cache:  the shape of x.
    Keras:  the same (a mask ends here, with a warning).
    Raises: ValueError where no step would be left.
    """

    def __init__(
        self, cropping: Any = (1, 1), *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__("cropping", cropping, name=name, input_shape=input_shape, trainable=trainable)
        self.cropping = self.ends

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        B, T, D = _sequences(self, input_shape)
        if T is not None and T <= sum(self.ends):
            raise ValueError(f"{self.label} needs a sequence of more than {sum(self.ends)} time steps, got {T}")
        return (B, None if T is None else T - sum(self.ends), D)

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, tuple[int, ...]]:
        x = self.as_input(x)
        self.compute_output_shape(x.shape)  # long enough?
        before, after = self.ends
        return self.backend.array(x[:, before : x.shape[1] - after], self.dtype), x.shape

    def backward(self, dy: Array, cache: tuple[int, ...]) -> tuple[Array, Grads]:
        shape: Any = self.compute_output_shape(cache)
        dy = self.as_gradient(dy, shape)
        return np.pad(dy, ((0, 0), self.ends, (0, 0))), {}

    def get_config(self) -> Config:
        return super().get_config() | {"cropping": list(self.ends)}


class UpSampling1D(Layer):
    """Every time step several times, one after the other.

    (1)  y[:, t size + j] = x[:, t],   j = 0 ... size - 1

    Shapes: x (B, T, D) -> y (B, T size, D)
    Cache:  the shape of x.
    Keras:  the same (a mask ends here, with a warning).
    Raises: ValueError for x that is not (B, T, D).
    """

    def __init__(
        self, size: int = 2, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.size = positive_int("UpSampling1D", "size", size)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        B, T, D = _sequences(self, input_shape)
        return (B, None if T is None else T * self.size, D)

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, tuple[int, ...]]:
        x = self.as_input(x)
        return np.repeat(x, self.size, axis=1), x.shape  # (1)

    def backward(self, dy: Array, cache: tuple[int, ...]) -> tuple[Array, Grads]:
        B, T, D = cache
        dy = self.as_gradient(dy, (B, T * self.size, D))
        return dy.reshape(B, T, self.size, D).sum(axis=2), {}  # (1)

    def get_config(self) -> Config:
        return super().get_config() | {"size": self.size}

    def describe(self) -> str:
        return f"{self.size} times"


def _sequences(layer: Layer, input_shape: Shape) -> Shape:
    """The shape, or a ValueError unless it is that of sequences."""
    if len(input_shape) != 3:
        raise ValueError(f"{layer.label} takes sequences of shape (B, T, D), got shape {input_shape}")
    return input_shape
