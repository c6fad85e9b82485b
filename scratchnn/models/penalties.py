"""What the regularizers of a model's layers add to its loss and to its gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scratchnn_kernels.contract import Array

from scratchnn.models.parameters import Parameters
from scratchnn.regularizers import Regularizer


@dataclass(frozen=True)
class Penalty:
    """The penalty of one trained parameter; both arrays are views of the model's flat vectors."""

    regularizer: Regularizer
    param: Array
    grad: Array

    def value(self) -> Any:
        return self.regularizer(self.param)

    def add_gradient(self) -> None:
        self.grad[...] += self.regularizer.gradient(self.param)


class Penalties(Parameters):
    """The parameters of a model and their penalties. Without regularizers there are none, and nothing is computed.

    As in Keras, what is frozen is not penalised.
    """

    penalties: Sequence[Penalty] = ()

    def _share_vectors(self, trained: list[list[str]] | None = None) -> None:
        super()._share_vectors(trained)
        owners = [(layer, name) for layer, names in zip(self._layers, self.trained, strict=True) for name in names]
        found = []
        for (layer, name), segment in zip(owners, self.segments, strict=True):
            if (rule := layer.regularizers().get(name)) is not None:
                param = layer.params[name]
                found.append(Penalty(rule, param, self.trainable_grads[segment].reshape(param.shape)))
        self.penalties = found

    def gather(self, grads: list[Array]) -> None:
        """Write the gradients of a backward pass, in the order of `segments`, and those of the penalties."""
        if grads:
            self.backend.kernels.optimizer.join(grads, self.trainable_grads)
        for penalty in self.penalties:
            penalty.add_gradient()

    @property
    def losses(self) -> list[Any]:
        """The penalty of each trainable parameter that has a regularizer."""
        return [loss for layer in self._layers for loss in layer.losses] if self.trainable else []
