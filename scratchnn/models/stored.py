"""How a model is saved, described and copied: a base class of `Model`, whose own file need not deal with it."""

import copy
import dataclasses
import os
import weakref
from typing import Any, ClassVar

from scratchnn_kernels.contract import Array

from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.checks import flag
from scratchnn.core.names import described
from scratchnn.layers import Layer
from scratchnn.layers.base import Shape
from scratchnn.layers.trainable import Weight
from scratchnn.models import place, saving
from scratchnn.training.ahead import Snapshot
from scratchnn.training.progress import Progress
from scratchnn.training.trainer import Trainer


class Stored(Trainer):
    """save, save_weights, load_weights, get_config, and what `copy` and `pickle` ask for."""

    kind: ClassVar[str] = "Model"  # in a file

    # ---- what a model defines

    name: str
    _layers: list[Layer]
    input_shape: Shape
    metadata: dict[str, Any]
    trained: list[list[str]]
    _outputs: tuple[int, ...] | None

    @property
    def weights(self) -> list[Weight]:
        raise NotImplementedError

    @property
    def flat_params(self) -> Array:
        raise NotImplementedError

    def trainable_state(self) -> list[Any]:
        raise NotImplementedError

    def require_built(self) -> None:
        raise NotImplementedError

    def set_flat_params(self, params: Array) -> None:
        raise NotImplementedError

    # ---- files

    def get_config(self) -> dict[str, Any]:
        """All of the model but its numbers, as plain values for a file."""
        compiled = self.get_compile_config()
        if compiled is not None:
            compiled |= {"optimizer": described(self.optimizer), "loss": described(self.loss)}
        return {
            "class": self.kind,
            "layers": [layer.in_file() for layer in self._layers],
            "trainable": self.trainable_state(),
            "input_shape": list(self.input_shape),
            "weights": [list(weight.shape) for weight in self.weights],
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
        overwrite = flag("save", "overwrite", overwrite)
        include_optimizer = flag("save", "include_optimizer", include_optimizer)
        self.require_built()
        saving.save_model(filepath, self, overwrite=overwrite, include_optimizer=include_optimizer)

    @heeds_keras_in("Model.save_weights")
    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the parameters alone into one file, for `load_weights` of a model that you make again yourself.

        As in Keras, an existing file is replaced unless told otherwise.

        Raises:
            FileExistsError: if the file is there and `overwrite` is False.
            ValueError: for a name that promises another format, such as .h5 or .keras.
        """
        overwrite = flag("save_weights", "overwrite", overwrite)
        self.require_built()
        params = self.backend.to_host(self.flat_params)
        shapes = [list(weight.shape) for weight in self.weights]
        saving.save_weights(filepath, params, shapes, overwrite=overwrite)

    @heeds_keras_in("Model.load_weights")
    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Take the parameters from a file of `save_weights`, or of a saved model, of the same shapes.

        What is frozen here or there makes no difference.

        Raises:
            StorageError: if the file is damaged, or its parameters do not fit.
        """
        self.require_built()
        self.set_flat_params(saving.read_params(filepath, [weight.shape for weight in self.weights]))

    def _find_place(self, filepath: str) -> place.Found | None:
        return place.find(filepath)

    def _identity(self) -> dict[str, Any]:
        return place.identity(self.get_config())

    def _write_place(
        self, progress: Progress, filepath: str, begun: dict[str, Any] | None, *, keep_previous: bool
    ) -> None:
        place.write(self, progress, filepath, keep_previous=keep_previous, begun=begun)

    # ---- copies

    def __getstate__(self) -> dict[str, Any]:
        """For copies: another model, which predicts and trains on to the same bits, and shares nothing with this one.

        The layers hold the parameters, in the host's memory.
        """
        vectors = ("trainable_params", "trainable_grads", "segments", "variable_segments", "penalties")
        remade = (*vectors, "before_step", "_in_fit", "_in_epoch", "_trained_by", "_recorded_pass")
        state = {name: value for name, value in vars(self).items() if name not in remade}
        return state | {"owns_optimizer": self.owns_optimizer}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        owns_optimizer = vars(self).pop("owns_optimizer")
        for layer in self._layers:
            layer.model = weakref.ref(self) if layer.built else None
        if self.built:
            self._share_vectors(self.trained)
        if self.loss is not None:
            self.loss = self.loss.on(self.backend.kernels)
        if self.optimizer is not None and owns_optimizer:
            self.optimizer.owner, self.before_step = weakref.ref(self), Snapshot()

    def __copy__(self) -> Any:
        return copy.deepcopy(self)  # a shallow copy would train the parameters of this one
