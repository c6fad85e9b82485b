"""Models and checkpoints out of files that `saving.py` wrote."""

import os
from collections.abc import Mapping
from typing import Any

from scratchnn import storage
from scratchnn.layers import LAYERS, Layer
from scratchnn.lookup import look_up
from scratchnn.model import Model
from scratchnn.saving import read, set_params
from scratchnn.sequential import Sequential
from scratchnn.training.progress import Progress


def load_model(filepath: str | os.PathLike[str], *, backend: str | None = None) -> Model:
    """Read a model back: ready to predict, and to train on if it was compiled. `backend` None: the one it had.

    Raises:
        StorageError: if the file is damaged, or holds no model of scratchnn's.
    """
    arrays, meta = read(filepath, "model")
    try:
        model = rebuild(meta["model"], backend)
        set_params(model, arrays["params"])
    except (KeyError, TypeError, ValueError) as error:
        raise storage.StorageError(f"{filepath}: the model in it cannot be rebuilt ({error})") from error
    return model


def load_checkpoint(filepath: str | os.PathLike[str], *, backend: str | None = None) -> tuple[Model, Progress]:
    """Read a checkpoint back: the compiled model and where its training stands.

    Raises:
        StorageError: if the file is damaged, or holds no checkpoint of scratchnn's.
    """
    arrays, meta = read(filepath, "checkpoint")
    try:
        model = rebuild(meta["model"], backend)
        progress = Progress(**meta["progress"])
        if model.optimizer is None:
            raise ValueError("its model was not compiled")
        set_params(model, arrays.pop("params"))
        model.ready_optimizer()
        model.optimizer.load_state({name.removeprefix("optimizer."): array for name, array in arrays.items()})
    except (KeyError, TypeError, ValueError) as error:
        raise storage.StorageError(f"{filepath}: the checkpoint in it cannot be used ({error})") from error
    return model, progress


def rebuild(description: Mapping[str, Any], backend: str | None) -> Model:
    """The model that `describe` described, with fresh parameters."""
    model = Sequential(
        [layer_from(layer) for layer in description["layers"]],
        backend=backend or description["backend"],
        dtype=description["dtype"],
        seed=description["seed"],
        name=description["name"],
    )
    model.build(tuple(description["input_shape"]))
    model.metadata = dict(description["metadata"])
    if description["compiled"] is not None:
        model.compile(**description["compiled"])
    return model


def layer_from(description: Mapping[str, Any]) -> Layer:
    """A layer from its class and config; only classes of scratchnn's own are looked up, by name."""
    config = dict(description["config"])
    if isinstance(config.get("layer"), Mapping):  # Bidirectional's
        config["layer"] = layer_from(config["layer"])
    return look_up("layer", description["class"], LAYERS)(**config)
