"""What the regularizers of a model's layers add to its loss and to its gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scratchnn_kernels.contract import Array

from scratchnn.core.backend import Backend
from scratchnn.layers import Layer
from scratchnn.regularizers import Regularizer


@dataclass(frozen=True)
class Penalty:
    """The penalty of one parameter; both arrays are views of the model's flat vectors."""

    regularizer: Regularizer
    param: Array
    grad: Array

    def value(self) -> Any:
        return self.regularizer(self.param)

    def add_gradient(self) -> None:
        self.grad[...] += self.regularizer.gradient(self.param)


class Penalties:
    """The part of a model that knows its penalties. Without regularizers there are none, and nothing is computed."""

    backend: Backend
    layers: list[Layer]
    segments: list[slice]
    flat_grads: Array
    penalties: Sequence[Penalty] = ()

    def find_penalties(self) -> None:
        """To be called whenever parameters or gradients become views of other vectors."""
        owners = [(layer, name) for layer in self.layers for name in layer.params]
        found = []
        for (layer, name), segment in zip(owners, self.segments, strict=True):
            if (rule := layer.regularizers().get(name)) is not None:
                param = layer.params[name]
                found.append(Penalty(rule, param, self.flat_grads[segment].reshape(param.shape)))
        self.penalties = found

    def gather(self, grads: list[Array]) -> None:
        """Write the gradients of a backward pass, in the order of the parameters, and those of the penalties."""
        if grads:
            self.backend.kernels.optimizer.join(grads, self.flat_grads)
        for penalty in self.penalties:
            penalty.add_gradient()

    @property
    def losses(self) -> list[Any]:
        """The penalty of each parameter that has a regularizer."""
        return [penalty.value() for penalty in self.penalties]
