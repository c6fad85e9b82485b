from typing import Any, ClassVar, NamedTuple, NoReturn

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn import initializers, regularizers
from scratchnn.core.arrays import require_finite
from scratchnn.core.checks import flag, whole_number
from scratchnn.core.names import described
from scratchnn.layers.base import Config, Layer, Shape, as_array, fitting, positive_int


class EmbeddingLayerCache(NamedTuple):
    kernel_cache: Any
    x_shape: tuple[int, ...]


class Embedding(Layer):
    """A table with one row of numbers per id.

    (1)  y[b, t] = E[x[b, t]]

    Shapes: x (B, T), or (B, ...), ids in 0 ... input_dim - 1 -> y (B, T, D), or (B, ..., D)
    Params: E (V, D), V = input_dim, D = output_dim: V D numbers. Its gradient is dense, repeated ids summed.
    Cache:  the ids.
    Keras:  the same. With `mask_zero`, id 0 means "no word": later layers skip those steps. `weights` are the initial
            values of E, a matrix, or a list of one.
    Raises: ValueError for ids outside the table, or that are not whole numbers; checked in every call.
    """

    regularized: ClassVar = {"E": "embeddings_regularizer"}
    keras_names: ClassVar[dict[str, str]] = {"E": "embeddings"}

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        *,
        mask_zero: bool = False,
        input_length: int | None = None,
        embeddings_regularizer: Any = None,
        weights: Any = None,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        shape = (input_length,) if input_shape is None and input_length else input_shape
        super().__init__(name=name, input_shape=shape, trainable=trainable)
        self.input_dim = positive_int("Embedding", "input_dim", input_dim)
        whole_number("Embedding: input_dim", input_dim, 1, 2**31)  # kernels read ids of 32 bits
        self.output_dim = positive_int("Embedding", "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.mask_zero = flag("Embedding", "mask_zero", mask_zero)
        self.input_length = None if input_length is None else positive_int("Embedding", "input_length", input_length)
        if weights is not None:
            self.set_weights(weights if isinstance(weights, list | tuple) and len(weights) == 1 else [weights])

    @property
    def is_recordable(self) -> bool:
        return not self.mask_zero

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise ValueError(f"{self.label} takes ids of shape (B, ...), got shape {input_shape}")
        return (*input_shape, self.output_dim)

    def parameter_shapes(self, input_shape: Shape) -> dict:
        return {"E": ((self.input_dim, self.output_dim), self.embeddings_initializer)}

    def check_input(self, x: Array) -> None:
        """Raise ValueError unless the ids x, as the kernels read them, are rows of the table; on a device: their shape.

        Those on a device were checked before they were copied there.
        """
        super().check_input(x)
        # Viewed as unsigned, a negative id is a huge one: one pass instead of two.
        if not self.backend.is_device_array(x) and not x.view(np.uint32).max() < self.input_dim:
            self._refuse(x)

    def as_input(self, x: Any) -> Array:
        """The ids as contiguous 32-bit numbers of this machine, checked as such."""
        self.require_built()
        if not (type(x) is np.ndarray and x.dtype == np.int32) and not self.backend.is_device_array(x):
            x = self._narrowed(as_array(x))
        self.check_input(x)
        return self.backend.array(x, np.int32)

    def _narrowed(self, x: Array) -> Array:
        """Ids of any kind as 32-bit numbers, with nothing lost."""
        with np.errstate(invalid="ignore"):
            ids = x.astype(np.int32)
        if (ids != x).any():
            super().check_input(x)  # a wrong shape says more
            self._refuse(x)
        return ids

    def _refuse(self, x: Array) -> NoReturn:
        if x.dtype.kind == "f" and not (x == np.floor(x)).all():
            wrong = x[x != np.floor(x)][0]
            raise ValueError(
                f"{self.label} takes ids, which are whole numbers; got {x.dtype} values that are not, such as {wrong}"
            )
        raise ValueError(
            f"{self.label} has rows for ids 0 to {self.input_dim - 1}, got ids from {x.min()} to {x.max()}; "
            "encode the text with the vocabulary size that the model was built for"
        )

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, EmbeddingLayerCache]:
        x = self.as_input(x)
        y, cache = self.backend.kernels.embedding.forward(x.reshape(len(x), -1), self.params["E"])  # (1)
        return y.reshape(*x.shape, self.output_dim), EmbeddingLayerCache(cache, x.shape)

    def backward(self, dy: Array, cache: EmbeddingLayerCache) -> tuple[None, Grads]:
        dy = self.as_gradient(dy, (*cache.x_shape, self.output_dim)).reshape(cache.x_shape[0], -1, self.output_dim)
        return None, self.backend.kernels.embedding.backward(dy, cache.kernel_cache)  # (1)

    def compute_mask(self, x: Array, mask: Array | None) -> Array | None:
        x = np.asarray(x) if isinstance(x, list | tuple) else x
        return x != 0 if self.mask_zero else None

    def set_weights(self, weights: Any) -> None:
        """Overwrite E. Before the layer is built, its initial values: `weights=` of the constructor is the same."""
        if self.built:
            return super().set_weights(weights)
        (matrix,) = fitting(self.label, weights, [np.broadcast_to(0.0, (self.input_dim, self.output_dim))])
        require_finite(f"weights of {self.label}", matrix)
        vars(self)["embeddings_initializer"] = initializers.Constant(matrix)  # a setting, fixed for everybody else

    def get_config(self) -> Config:
        return super().get_config() | {
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": described(self.embeddings_initializer),
            "mask_zero": self.mask_zero,
            "input_length": self.input_length,
            "weights": None,  # they are the initializer now
        }

    def describe(self) -> str:
        return f"{self.input_dim:,} ids x {self.output_dim}" + (", id 0 masked" if self.mask_zero else "")
