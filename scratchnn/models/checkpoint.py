"""Checkpoints: a model, its optimizer, and where its training stands, so that training can resume to the same bits."""

import os
from functools import partial

from scratchnn.core.files import container
from scratchnn.core.files.generations import newest_usable
from scratchnn.models import place
from scratchnn.models.custom_objects import CustomObjects, checked, require
from scratchnn.models.loading import UNUSABLE, rebuild
from scratchnn.models.model import Model
from scratchnn.models.saving import read
from scratchnn.training.progress import Progress


def save_checkpoint(
    model: Model, progress: Progress, filepath: str | os.PathLike[str], *, keep_previous: bool = True
) -> None:
    """Write all that resuming needs: parameters, optimizer, where training stands. Replaces the last checkpoint.

    The one before is kept beside it, as run.previous.npz beside run.npz, for the day when the newest is damaged; with
    `keep_previous=False` it is not, and an older one stays as it is.

    The state of the callbacks of `fit(progress=progress)` is part of it: another such call, with the callbacks made
    again, goes on with what they knew (`Callback.get_state`).

    Since it is written after every epoch, it does not warn, as `save` does, of what loading will ask for: classes and
    activations of your own, and metrics of your own, which must be compiled in again.

    Raises:
        TypeError, ValueError: for what no file can hold, or loading could not make again; nothing was written.
    """
    place.write(model, progress, filepath, keep_previous=keep_previous)


def load_checkpoint(
    filepath: str | os.PathLike[str], *, backend: str | None = None, custom_objects: CustomObjects = None
) -> tuple[Model, Progress]:
    """Read a checkpoint back: the compiled model and where its training stands.

    If it is damaged, or gone, and the one before is there, that is read, with a warning.

    Raises:
        StorageError: if the file is damaged, holds no scratchnn checkpoint, or a class that was not given.
        TypeError, ValueError: if `custom_objects` is not a dict of names and what they name.
    """
    return load_newest(filepath, backend=backend, custom_objects=custom_objects)[:2]


def load_newest(
    filepath: str | os.PathLike[str], *, backend: str | None = None, custom_objects: CustomObjects = None
) -> tuple[Model, Progress, bool]:
    """The same, and whether it was the newest that could be read."""
    given = checked(custom_objects)
    found, is_newest = newest_usable(filepath, partial(_loaded, backend=backend, given=given))
    return *found, is_newest


def _loaded(filepath: str | os.PathLike[str], backend: str | None, given: CustomObjects) -> tuple[Model, Progress]:
    arrays, meta = read(filepath, "checkpoint")
    given = given or {}
    try:
        require(meta["model"], given, "load_checkpoint")
        progress = place.progress_of(arrays, meta)
        model = rebuild(arrays, meta["model"], backend, given)
        if model.optimizer is None:
            raise ValueError("its model was not compiled")
        if not model.has_ready_optimizer:  # it was saved before its first step
            model.ready_optimizer()
    except UNUSABLE as error:
        raise container.StorageError(f"{filepath}: the checkpoint in it cannot be used ({error})") from error
    return model, progress
