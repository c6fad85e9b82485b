"""Models and checkpoints from files that `saving.py` wrote."""

import os
from collections.abc import Mapping
from typing import Any

from scratchnn import storage
from scratchnn.custom_objects import CustomObjects, filled
from scratchnn.model import Model
from scratchnn.saving import read, set_params
from scratchnn.sequential import Sequential
from scratchnn.training.progress import Progress


def load_model(
    filepath: str | os.PathLike[str], *, backend: str | None = None, custom_objects: CustomObjects = None
) -> Model:
    """Read a model back: ready to predict, and to train on if it was compiled. `backend` None: the one it had.

    `custom_objects`: the classes of your own that it holds, by name; `save` warned of them.

    Raises:
        StorageError: if the file is damaged, holds no scratchnn model, or a class that was not given.
    """
    arrays, meta = read(filepath, "model")
    try:
        model = rebuild(meta["model"], backend, custom_objects)
        set_params(model, arrays["params"])
    except (KeyError, TypeError, ValueError) as error:
        raise storage.StorageError(f"{filepath}: the model in it cannot be rebuilt ({error})") from error
    return model


def load_checkpoint(
    filepath: str | os.PathLike[str], *, backend: str | None = None, custom_objects: CustomObjects = None
) -> tuple[Model, Progress]:
    """Read a checkpoint back: the compiled model and where its training stands.

    Raises:
        StorageError: if the file is damaged, holds no scratchnn checkpoint, or a class that was not given.
    """
    arrays, meta = read(filepath, "checkpoint")
    try:
        model = rebuild(meta["model"], backend, custom_objects)
        progress = Progress(**meta["progress"])
        if model.optimizer is None:
            raise ValueError("its model was not compiled")
        set_params(model, arrays.pop("params"))
        model.ready_optimizer()
        model.optimizer.load_state({name.removeprefix("optimizer."): array for name, array in arrays.items()})
    except (KeyError, TypeError, ValueError) as error:
        raise storage.StorageError(f"{filepath}: the checkpoint in it cannot be used ({error})") from error
    return model, progress


def rebuild(description: Mapping[str, Any], backend: str | None, custom_objects: CustomObjects) -> Model:
    """The model that `describe` described, with fresh parameters."""
    model = Sequential(
        filled(description["layers"], custom_objects, "layers"),
        backend=backend or description["backend"],
        dtype=description["dtype"],
        seed=description["seed"],
        name=description["name"],
    )
    model.build(tuple(description["input_shape"]))
    model.metadata = dict(description["metadata"])
    if description["compiled"] is not None:
        model.compile(**filled(description["compiled"], custom_objects))
    return model
