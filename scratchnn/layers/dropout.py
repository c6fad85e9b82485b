from functools import partial
from typing import Any, ClassVar

from scratchnn_kernels.contract import Array, Grads

from scratchnn.layers.base import Config, Layer, Shape, draw_key, dropout_rate


class Dropout(Layer):
    """In training, sets numbers to zero at random and scales the others up; in inference, does nothing.

    (1)  y = x ⊙ m,   m = 0 with probability `rate`, else 1 / (1 - rate)

    Shapes: any
    Cache:  m, or the shape of x when nothing was dropped.
    Keras:  the same.
    Raises: ValueError unless 0 <= rate < 1.
    Source: Srivastava et al., "Dropout", JMLR 15, 2014.
    """

    supports_masking = True
    checks: ClassVar = {"rate": partial(dropout_rate, "Dropout", "rate")}

    def __init__(
        self, rate: float, *, name: str | None = None, input_shape: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        self.rate = dropout_rate("Dropout", "rate", rate)

    @property
    def uses_rng(self) -> bool:
        return self.rate > 0

    @property
    def is_identity(self) -> bool:
        return self.rate == 0

    @property
    def is_recordable(self) -> bool:
        return True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, Array | tuple[int, ...]]:
        x = self.as_input(x)
        if not training or self.rate == 0:
            return x, x.shape
        return self.backend.kernels.dropout.forward(x, draw_key(rng), self.rate)  # (1)

    def backward(self, dy: Array, cache: Array | tuple[int, ...]) -> tuple[Array, Grads]:
        if isinstance(cache, tuple):
            return self.as_gradient(dy, cache), {}
        return self.backend.kernels.dropout.backward(self.as_gradient(dy, cache.shape), cache), {}  # (1)

    def get_config(self) -> Config:
        return super().get_config() | {"rate": self.rate}

    def describe(self) -> str:
        return f"rate {self.rate:g}"
