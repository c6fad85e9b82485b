"""How a model is saved, described and copied: `Model` derives from this, and knows nothing of it."""

import copy
import dataclasses
import os
import weakref
from typing import Any, ClassVar

from scratchnn_kernels.contract import Array

from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.names import class_in_file, described
from scratchnn.layers import Layer
from scratchnn.layers.base import Shape
from scratchnn.models import saving
from scratchnn.training.ahead import Snapshot
from scratchnn.training.trainer import Trainer


class Stored(Trainer):
    """save, load_weights, get_config, and what `copy` and `pickle` ask for."""

    kind: ClassVar[str] = "Model"  # in a file

    # ---- what a model defines

    name: str
    layers: list[Layer]
    input_shape: Shape
    metadata: dict[str, Any]
    _outputs: tuple[int, ...] | None

    def require_built(self) -> None:
        raise NotImplementedError

    def get_weights(self) -> list[Array]:
        raise NotImplementedError

    def set_flat_params(self, params: Array) -> None:
        raise NotImplementedError

    def _share_one_vector(self) -> None:
        raise NotImplementedError

    # ---- files

    def get_config(self) -> dict[str, Any]:
        """All of the model but its numbers, as plain values for a file."""
        compiled = self.get_compile_config()
        if compiled is not None:
            compiled |= {"optimizer": described(self.optimizer), "loss": described(self.loss)}
        return {
            "class": self.kind,
            "layers": [class_in_file(layer) for layer in self.layers],
            "input_shape": list(self.input_shape),
            "weights": [list(weight.shape) for weight in self.get_weights()],
            "outputs": None if self._outputs is None else list(self._outputs),
            "backend": self.backend.name,
            "dtype": self.dtype.name,
            "seed": list(self.seed) if isinstance(self.seed, tuple) else self.seed,
            "clock": dataclasses.asdict(self.clock),
            "name": self.name,
            "compiled": compiled,
            "metadata": self.metadata,
        }

    @heeds_keras_in("Model.save")
    def save(
        self, filepath: str | os.PathLike[str], *, overwrite: bool = False, include_optimizer: bool = True
    ) -> None:
        """Write the model into one file, from which `scratchnn.load_model` makes one that trains on to the same bits.

        That is its layers, settings, parameters, `metadata` and count of epochs; and the state of the optimizer, unless
        told not to: the loaded model then begins with that of a new one. It warns of what is not in the file: classes
        and functions of your own, most of which loading will ask for.
        """
        self.require_built()
        saving.save_model(filepath, self, overwrite=overwrite, include_optimizer=include_optimizer)

    @heeds_keras_in("Model.load_weights")
    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Take the parameters from a saved model of the same shapes; for layers or activations of your own.

        Raises:
            StorageError: if the file is damaged, or its parameters do not fit.
        """
        self.set_flat_params(saving.read_params(filepath, [weight.shape for weight in self.get_weights()]))

    # ---- copies

    def __getstate__(self) -> dict[str, Any]:
        """For copies: another model, which predicts and trains on to the same bits, and shares nothing with this one.

        The layers hold the parameters, in the host's memory.
        """
        remade = ("flat_params", "flat_grads", "segments", "before_step")
        state = {name: value for name, value in vars(self).items() if name not in remade}
        return state | {"has_ready_optimizer": self.has_ready_optimizer}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        is_ready = vars(self).pop("has_ready_optimizer")
        for layer in self.layers:
            layer.model = weakref.ref(self) if layer.built else None
        if self.built:
            self._share_one_vector()
        if self.loss is not None:
            self.loss = self.loss.on(self.backend.kernels)
        if self.optimizer is not None and is_ready:
            self.optimizer.owner, self.before_step = weakref.ref(self), Snapshot()

    def __copy__(self) -> Any:
        return copy.deepcopy(self)  # a shallow copy would train the parameters of this one
