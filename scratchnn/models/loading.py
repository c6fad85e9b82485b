"""Models from files that `saving.py` wrote."""

import os
from collections.abc import Mapping
from typing import Any

from scratchnn_kernels.contract import Array

from scratchnn.core import backend as backends
from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.files import container
from scratchnn.initializers import values_follow
from scratchnn.models.custom_objects import CustomObjects, checked, filled, require
from scratchnn.models.model import Model
from scratchnn.models.place import fill
from scratchnn.models.saving import read
from scratchnn.models.sequential import Sequential

# What rebuilding raises when a file that is whole makes no model; constructors of the user's own may raise any of them.
UNUSABLE = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, NotImplementedError, RecursionError,
    TypeError, ValueError,
)  # fmt: skip
MOST_LAYERS = 2_000  # of a model in a file


@heeds_keras_in("load_model")
def load_model(
    filepath: str | os.PathLike[str], *, backend: str | None = None, custom_objects: CustomObjects = None
) -> Model:
    """Read a model back: ready to predict, and to train on to the same bits.

    `backend` None: the one it had, or `cpu`, with a warning, where that was a GPU and there is none.

    `custom_objects`: the classes of your own that it holds, by name; `save` warned of them.

    Raises:
        StorageError: if the file is damaged, holds no model of scratchnn's, or a class that was not given.
        TypeError, ValueError: if `custom_objects` is not a dict of names and what they name.
    """
    given = checked(custom_objects)
    arrays, meta = read(filepath, "model")
    try:
        require(meta["model"], given, "load_model")
        model = rebuild(arrays, meta["model"], backend, given)
    except UNUSABLE as error:
        raise container.StorageError(f"{filepath}: the model in it cannot be rebuilt ({error})") from error
    return model


def rebuild(
    arrays: Mapping[str, Array], config: Mapping[str, Any], backend: str | None, given: Mapping[str, Any]
) -> Model:
    """The model that `saving.contents` describes; `given` has all that `require` asks for."""
    with values_follow(arrays["params"].size):
        model = described_model(config, backend or backends.of_a_file(config["backend"]), given)
    fill(model, arrays, config)
    return model


def described_model(config: Mapping[str, Any], backend: str | None, given: Mapping[str, Any]) -> Model:
    """The model of a `get_config()`, compiled if it was, with parameters that are drawn from its seed."""
    if len(config["layers"]) > MOST_LAYERS:
        raise ValueError(f"it has {len(config['layers']):,} layers, and at most {MOST_LAYERS:,} are read")
    kind = config.get("class", Sequential.kind)  # files of earlier versions do not name it, and keep no clock
    kinds: dict[str, type[Model]] = {Sequential.kind: Sequential, Model.kind: Model}
    if kind not in kinds:
        raise ValueError(f"{kind!r} is no kind of model")
    model = kinds[kind].described(config, given, backend)
    model.metadata = dict(config["metadata"])
    if config["compiled"] is not None:
        model.compile(**filled(config["compiled"], given))
    return model
