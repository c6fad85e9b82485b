"""Models from files that `saving.py` wrote."""

import os
from collections.abc import Mapping
from typing import Any

from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.files import container
from scratchnn.models.custom_objects import CustomObjects, checked, filled, require
from scratchnn.models.model import Model
from scratchnn.models.saving import read
from scratchnn.models.sequential import Sequential

# What rebuilding raises when a file that is whole makes no model; constructors of the user's own may raise any of them.
UNUSABLE = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)


@heeds_keras_in("load_model")
def load_model(
    filepath: str | os.PathLike[str], *, backend: str | None = None, custom_objects: CustomObjects = None
) -> Model:
    """Read a model back: ready to predict, and to train on if it was compiled. `backend` None: the one it had.

    `custom_objects`: the classes of your own that it holds, by name; `save` warned of them.

    Raises:
        StorageError: if the file is damaged, holds no model of scratchnn's, or a class that was not given.
        TypeError, ValueError: if `custom_objects` is not a dict of names and what they name.
    """
    given = checked(custom_objects)
    arrays, meta = read(filepath, "model")
    try:
        require(meta["model"], given, "load_model")
        model = rebuild(meta["model"], backend, given)
        model.set_flat_params(arrays["params"])
    except UNUSABLE as error:
        raise container.StorageError(f"{filepath}: the model in it cannot be rebuilt ({error})") from error
    return model


def rebuild(config: Mapping[str, Any], backend: str | None, given: Mapping[str, Any]) -> Model:
    """The model with this `get_config()`, with fresh parameters; `given` has all that `require` asks for."""
    model = Sequential(
        filled(config["layers"], given),
        backend=backend or config["backend"],
        dtype=config["dtype"],
        seed=config["seed"],
        name=config["name"],
    )
    model.build(tuple(config["input_shape"]))
    model.metadata = dict(config["metadata"])
    if config["compiled"] is not None:
        model.compile(**filled(config["compiled"], given))
    return model
