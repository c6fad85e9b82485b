"""Checkpoints: a model, its optimizer, and where its training stands, so that training can resume to the same bits."""

import dataclasses
import os
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.files import container
from scratchnn.core.files.foreign import refuse_foreign_name
from scratchnn.core.files.plain import plain
from scratchnn.models.custom_objects import CustomObjects, checked, require
from scratchnn.models.loading import UNUSABLE, rebuild
from scratchnn.models.model import Model
from scratchnn.models.saving import contents, other_slots, read
from scratchnn.training.progress import Progress

_CALLBACKS = "callbacks."  # begins the names of the arrays in the states of callbacks
_ARRAY = "$array"  # {"$array": "callbacks.0"} stands for one of them


def save_checkpoint(model: Model, progress: Progress, filepath: str | os.PathLike[str]) -> None:
    """Write all that resuming needs: parameters, optimizer, where training stands. Replaces the last checkpoint.

    The state of the callbacks of `fit(progress=progress)` is part of it: another such call, with the callbacks made
    again, goes on with what they knew (`Callback.get_state`).

    Since it is written after every epoch, it does not warn, as `save` does, of what loading will ask for: classes and
    activations of your own, and metrics of your own, which must be compiled in again.

    Raises:
        TypeError, ValueError: for what no file can hold, or loading could not make again; nothing was written.
    """
    refuse_foreign_name("save_checkpoint", filepath)
    if state := other_slots(model):
        raise ValueError(f"a checkpoint cannot hold {state}")
    arrays, config = contents(model)
    progress.refresh()
    place = {each.name: getattr(progress, each.name) for each in dataclasses.fields(progress)}
    place["states"] = [_without_arrays(entry, arrays) for entry in progress.states]
    container.write(filepath, arrays, {"kind": "checkpoint", "model": config, "progress": place})


def load_checkpoint(
    filepath: str | os.PathLike[str], *, backend: str | None = None, custom_objects: CustomObjects = None
) -> tuple[Model, Progress]:
    """Read a checkpoint back: the compiled model and where its training stands.

    Raises:
        StorageError: if the file is damaged, holds no scratchnn checkpoint, or a class that was not given.
        TypeError, ValueError: if `custom_objects` is not a dict of names and what they name.
    """
    given = checked(custom_objects)
    arrays, meta = read(filepath, "checkpoint")
    try:
        require(meta["model"], given, "load_checkpoint")
        held = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_CALLBACKS)}
        states = _with_arrays(meta["progress"].pop("states", []), held)
        model = rebuild(arrays, meta["model"], backend, given)
        progress = Progress(**meta["progress"], states=states)
        if model.optimizer is None:
            raise ValueError("its model was not compiled")
        if not model.has_ready_optimizer:  # it was saved before its first step
            model.ready_optimizer()
    except UNUSABLE as error:
        raise container.StorageError(f"{filepath}: the checkpoint in it cannot be used ({error})") from error
    return model, progress


def _without_arrays(entry: dict[str, Any], arrays: dict[str, Array]) -> Any:
    """The state of a callback as plain values; its arrays join `arrays`."""
    where = f"{entry['callback']}.get_state()"
    if not isinstance(entry["state"], dict):
        raise TypeError(f"{where} must return a dict, got {entry['state']!r}")

    def moved(value: Any) -> Any:
        match value:
            case np.ndarray():
                name = f"{_CALLBACKS}{len(arrays)}"
                arrays[name] = value
                return {_ARRAY: name}
            case list() | tuple():
                return [moved(item) for item in value]
            case dict():
                if _ARRAY in value:
                    raise TypeError(f"a key of {where} must be a string other than {_ARRAY!r}")
                return {key: moved(item) for key, item in value.items()}
        return value

    state = moved(entry["state"])
    plain(state, where)
    return entry | {"state": state}


def _with_arrays(value: Any, arrays: dict[str, Array]) -> Any:
    """What `_without_arrays` was given."""
    match value:
        case {"$array": str(name)} if len(value) == 1:
            return arrays[name]
        case list():
            return [_with_arrays(item, arrays) for item in value]
        case dict():
            return {key: _with_arrays(item, arrays) for key, item in value.items()}
    return value
