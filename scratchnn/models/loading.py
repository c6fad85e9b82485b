"""Models from files that `saving.py` wrote."""

import os
from collections.abc import Mapping
from typing import Any

from scratchnn.core.files import container
from scratchnn.models.custom_objects import CustomObjects, filled
from scratchnn.models.model import Model
from scratchnn.models.saving import read
from scratchnn.models.sequential import Sequential


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
        model.set_flat_params(arrays["params"])
    except (KeyError, TypeError, ValueError) as error:
        raise container.StorageError(f"{filepath}: the model in it cannot be rebuilt ({error})") from error
    return model


def rebuild(config: Mapping[str, Any], backend: str | None, custom_objects: CustomObjects) -> Model:
    """The model with this `get_config()`, with fresh parameters."""
    model = Sequential(
        filled(config["layers"], custom_objects, "layers"),
        backend=backend or config["backend"],
        dtype=config["dtype"],
        seed=config["seed"],
        name=config["name"],
    )
    model.build(tuple(config["input_shape"]))
    model.metadata = dict(config["metadata"])
    if config["compiled"] is not None:
        model.compile(**filled(config["compiled"], custom_objects))
    return model
