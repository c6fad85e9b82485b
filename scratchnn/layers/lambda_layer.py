import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn.core.names import OwnName
from scratchnn.layers.base import Config, Layer, Shape

PROBES = (3, 5)  # lengths in place of one that is not known: where the output has both, its length is not known either


@dataclass(frozen=True)
class LambdaCache:
    x: Array
    y_shape: tuple[int, ...]
    options: dict[str, Any]  # what the function was called with besides x


class Lambda(Layer):
    """A function of your own as a layer, with its derivative.

    (1)  y  = function(x)
    (2)  dx = backward(dy, x): dy times the derivative of y with respect to x

    Both are array code, and get `arguments` by name. A function that names `training` or `mask` gets those as well, and
    so does its backward. `scratchnn.gradients.check(Lambda(...), x)` says whether backward is right.

    Shapes: x (B, ...) -> y (B, ...); without `output_shape`, found by calling the function on ones
    Cache:  x.
    Keras:  has no `backward`, because it has autograd. `output_shape` leaves out the batch, or is a function of x's
            shape. `mask` is what a mask becomes: an array, or a function of x and the mask; without it the mask ends.
    Raises: TypeError for a function without backward; ValueError for outputs and gradients of other shapes.
    """

    backward_function: Callable[..., Any]
    given_output_shape: Any
    takes_copy = True

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        *,
        backward: Callable[..., Any] | None = None,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        if not callable(function) or not callable(backward):
            raise TypeError(
                "Lambda needs the derivative of its function as well: there is no autograd here. Give both, "
                "Lambda(lambda x: x**2, backward=lambda dy, x: 2 * x * dy), "
                f"got function {function!r} and backward {backward!r}"
            )
        self.function, self.backward_function = function, backward
        self.given_output_shape, self.mask, self.arguments = output_shape, mask, dict(arguments or {})
        self.supports_masking = mask is not None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if callable(self.given_output_shape):
            whole: Any = self.given_output_shape(input_shape)
            return tuple(whole)
        if self.given_output_shape is not None:
            given = self.given_output_shape
            return (input_shape[0], *(given if isinstance(given, tuple | list) else (given,)))
        first, second = (self._try(input_shape, length) for length in PROBES)
        rest = (length if length == other else None for length, other in zip(first[1:], second[1:], strict=True))
        return (input_shape[0], *rest)

    def _try(self, input_shape: Shape, length: int) -> tuple[int, ...]:
        """The shape of y for an x of ones with this length wherever none is known."""
        x = np.ones([length if known is None else known for known in input_shape])
        try:
            with np.errstate(all="ignore"):
                shape = np.shape(self.function(x, **self._options(None, False)))
        except Exception as error:
            raise ValueError(
                f"{self.label}: the function failed on ones of shape {x.shape} ({error}); give output_shape if it "
                "cannot take them"
            ) from error
        if len(shape) == 0 or shape[0] != len(x):
            raise ValueError(
                f"{self.label}: the function must keep the batch axis, of {len(x)} rows, but returned shape {shape}"
            )
        return shape

    def _options(self, mask: Any, training: bool) -> dict[str, Any]:
        wanted = inspect.signature(self.function).parameters
        given = {"mask": mask, "training": training}
        return self.arguments | {word: value for word, value in given.items() if word in wanted}

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, LambdaCache]:
        x = self.as_input(x)
        options = self._options(mask, training)
        y = self.backend.array(self.function(x, **options), self.dtype)  # (1)
        shape = self.output_shape if x.shape[1:] == self.input_shape[1:] else self.compute_output_shape(x.shape)
        expected = shape[1:]
        if len(y.shape) != len(expected) + 1 or any(
            length not in (None, got) for length, got in zip((len(x), *expected), y.shape, strict=True)
        ):
            raise ValueError(
                f"{self.label}: the function returned shape {y.shape}, expected {(len(x), *expected)}; see output_shape"
            )
        return y, LambdaCache(x, y.shape, options)

    def backward(self, dy: Array, cache: LambdaCache) -> tuple[Array, Grads]:
        dy = self.as_gradient(dy, cache.y_shape)
        dx = self.backend.array(self.backward_function(dy, cache.x, **cache.options), self.dtype)  # (2)
        if dx.shape != cache.x.shape:
            raise ValueError(f"{self.label}: backward must return the shape of x, {cache.x.shape}, got {dx.shape}")
        return dx, {}

    def compute_mask(self, x: Array, mask: Array | None) -> Array | None:
        made: Any = self.mask(x, mask) if callable(self.mask) else self.mask
        return made

    def get_config(self) -> Config:
        return super().get_config() | {
            "function": _named(self.function),
            "output_shape": _named(self.given_output_shape),
            "mask": _named(self.mask),
            "arguments": self.arguments,
            "backward": _named(self.backward_function),
        }

    def describe(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)


def _named(thing: Any) -> Any:
    """How a description names a function: a file holds none, only that it is needed."""
    if not callable(thing):
        return thing
    name = getattr(thing, "__name__", type(thing).__name__)
    return {"name": OwnName(name, thing), "custom": True}
