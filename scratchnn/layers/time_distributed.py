from dataclasses import dataclass
from typing import Any

from scratchnn_kernels.contract import Array, Grads

from scratchnn.core.names import class_in_file
from scratchnn.layers.base import Config, Layer, Memory, Shape, as_array
from scratchnn.layers.inside import Wrapper, build_inside


@dataclass(frozen=True)
class TimeDistributedCache:
    inner: Any  # of the wrapped layer
    y_shape: tuple[int, ...]
    x_shape: tuple[int, ...]


class TimeDistributed(Wrapper):
    """One layer applied to every time step, as if each were an example of its own.

    (1)  y[b, t] = layer(x[b, t])

    All steps of all rows are one batch of B T examples, so a dropout inside is drawn anew for every step.

    Shapes: x (B, T, ...) -> y (B, T, *what the layer makes of the rest)
    Params: those of the layer, under its names.
    Cache:  that of the layer.
    Keras:  the same, and a mask goes on to the next layer as it is.
            - A mask with more axes than (B, T) also reaches the layer inside, as (B T, ...).
            - A mask (B, T) does not reach it; in Keras that fails if the layer inside takes masks.
    Raises: TypeError for what is no layer, ValueError for x without time steps or a layer with several outputs.
    """

    supports_masking = True
    takes_keep_cache = True

    def __init__(
        self, layer: Layer, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        if not isinstance(layer, Layer):
            raise TypeError(f"TimeDistributed takes a layer, such as Dense(3), got {layer!r}")
        if getattr(layer, "stateful", False):
            raise ValueError(f"TimeDistributed: {layer.label} is stateful, but each step here is an example of its own")
        self.layer, self.takes_copy = layer, layer.takes_copy

    @property
    def _inner(self) -> dict[str, Layer]:
        return {"": self.layer}

    @property
    def flat_at(self) -> tuple[float, ...]:
        return self.layer.flat_at

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 3:
            raise ValueError(f"{self.label} takes x of shape (B, T, ...) with time steps, got shape {input_shape}")
        shape: Any = self.layer.compute_output_shape((None, *input_shape[2:]))
        if isinstance(shape[0], tuple):
            raise ValueError(f"{self.label}: {self.layer.label} has several outputs; leave out return_state")
        return (*input_shape[:2], *shape[1:])

    def _build_inner(self, input_shape: Shape, **settings: Any) -> None:
        self.compute_output_shape(input_shape)  # an error about x names this layer
        build_inside(self, self.layer, (None, *input_shape[2:]), **settings)

    def check_shape(self, shape: Shape) -> None:
        super().check_shape(shape)
        self.layer.check_shape((None, *shape[2:]))

    def as_input(self, x: Any) -> Array:
        x = x if self.backend.is_device_array(x) else as_array(x)
        self.check_input(x)
        return self.layer.as_input(_folded(x)).reshape(x.shape)

    def forward(
        self,
        x: Array,
        *,
        mask: Array | None = None,
        training: bool = False,
        rng: Any = None,
        keep_cache: bool = True,
    ) -> tuple[Array, TimeDistributedCache]:
        """`keep_cache`: see `Recurrent`."""
        self.require_built()
        x = x if self.backend.is_device_array(x) else as_array(x)
        self.check_input(x)
        if mask is not None:
            mask = self.as_mask(mask, (*x.shape[:2], *mask.shape[2:]))
            mask = _folded(mask) if mask.ndim > 2 else None
        options: dict[str, Any] = {"keep_cache": keep_cache} if self.layer.takes_keep_cache else {}
        y, inner = self.layer.forward(_folded(x), mask=mask, training=training, rng=rng, **options)  # (1)
        y = y.reshape(*x.shape[:2], *y.shape[1:])
        return y, TimeDistributedCache(inner, y.shape, x.shape)

    def memory(self, shape: tuple[int, ...], *, training: bool) -> Memory:
        B, T, *rest = shape
        return self.layer.memory((B * T, *rest), training=training)

    def backward(self, dy: Array, cache: TimeDistributedCache) -> tuple[Any, Grads]:
        dx, grads = self.layer.backward(_folded(self.as_gradient(dy, cache.y_shape)), cache.inner)  # (1)
        return None if dx is None else dx.reshape(cache.x_shape), grads

    def get_config(self) -> Config:
        return super().get_config() | {"layer": class_in_file(self.layer)}

    def describe(self) -> str:
        inside = self.layer.describe()
        return type(self.layer).__name__ + (f", {inside}" if inside else "")


def _folded(array: Array) -> Array:
    """(B, T, ...) as (B T, ...)."""
    return array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])
