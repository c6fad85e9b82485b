from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn import initializers
from scratchnn.core.names import described
from scratchnn.layers.base import Config, Layer, Shape, as_array, positive_int


class Embedding(Layer):
    """A table with one row of numbers per id.

    (1)  y[b, t] = E[x[b, t]]

    Shapes: x (B, T) ids in 0 ... input_dim - 1 -> y (B, T, D)
    Params: E (V, D), V = input_dim, D = output_dim: V D numbers. Its gradient is dense, repeated ids summed.
    Cache:  the ids.
    Keras:  the same. With `mask_zero`, id 0 means "no word": later layers skip those steps.
    Raises: ValueError for ids outside the table, or that are not whole numbers; checked in every call.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        *,
        mask_zero: bool = False,
        input_length: int | None = None,
        name: str | None = None,
        input_shape: Any = None,
    ) -> None:
        super().__init__(
            name=name, input_shape=(input_length,) if input_shape is None and input_length else input_shape
        )
        self.input_dim = positive_int("Embedding", "input_dim", input_dim)
        self.output_dim = positive_int("Embedding", "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.mask_zero = bool(mask_zero)
        self.input_length = None if input_length is None else positive_int("Embedding", "input_length", input_length)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise ValueError(f"{self.label} takes ids of shape (B, T), got shape {input_shape}")
        return (*input_shape, self.output_dim)

    def parameter_shapes(self, input_shape: Shape) -> dict:
        return {"E": ((self.input_dim, self.output_dim), self.embeddings_initializer)}

    def check_input(self, x: Array) -> None:
        super().check_input(x)
        if x.dtype.kind not in "iub":
            if x.dtype.kind != "f" or not np.array_equal(x, np.floor(x)):
                raise ValueError(f"{self.label} takes ids, which are whole numbers; got {x.dtype} values that are not")
        # Viewed as unsigned, a negative id is a huge one: one pass instead of two.
        in_table = x.view(f"u{x.itemsize}") if x.dtype.kind == "i" else x
        if x.size and not in_table.max() < self.input_dim:
            raise ValueError(
                f"{self.label} has rows for ids 0 to {self.input_dim - 1}, got ids from {x.min()} to {x.max()}; "
                "encode the text with the vocabulary size that the model was built for"
            )

    def as_input(self, x: Any) -> Array:
        """The ids, checked. Those on a device were checked before they were copied there: here, only their shape is."""
        self.require_built()
        if self.backend.is_device_array(x):
            super().check_input(x)
        else:
            x = as_array(x)
            self.check_input(x)
        return self.backend.array(x, np.int32)

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, Any]:
        return self.backend.kernels.embedding.forward(self.as_input(x), self.params["E"])

    def backward(self, dy: Array, cache: Any) -> tuple[None, Grads]:
        dy = self.as_gradient(dy, (*cache.x.shape, self.output_dim))
        return None, self.backend.kernels.embedding.backward(dy, cache)

    def compute_mask(self, x: Array, mask: Array | None) -> Array | None:
        x = np.asarray(x) if isinstance(x, list | tuple) else x
        return x != 0 if self.mask_zero else None

    def get_config(self) -> Config:
        return super().get_config() | {
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": described(self.embeddings_initializer),
            "mask_zero": self.mask_zero,
            "input_length": self.input_length,
        }

    def describe(self) -> str:
        return f"{self.input_dim:,} ids x {self.output_dim}" + (", id 0 masked" if self.mask_zero else "")
