"""Checkpoints: a model, its optimizer, and where its training stands, so that training can resume to the same bits."""

import dataclasses
import os

from scratchnn.core.files import container
from scratchnn.core.files.foreign import refuse_foreign_name
from scratchnn.models.custom_objects import CustomObjects, checked, require
from scratchnn.models.loading import UNUSABLE, rebuild
from scratchnn.models.model import Model
from scratchnn.models.saving import contents, other_slots, read
from scratchnn.training.progress import Progress


def save_checkpoint(model: Model, progress: Progress, filepath: str | os.PathLike[str]) -> None:
    """Write all that resuming needs: parameters, optimizer, where training stands. Replaces the last checkpoint.

    Since it is written after every epoch, it does not warn, as `save` does, of what loading will ask for: classes and
    activations of your own, and metrics of your own, which must be compiled in again.

    Raises:
        TypeError, ValueError: for what no file can hold, or loading could not make again; nothing was written.
    """
    refuse_foreign_name("save_checkpoint", filepath)
    if state := other_slots(model):
        raise ValueError(f"a checkpoint cannot hold {state}")
    arrays, config = contents(model)
    meta = {"kind": "checkpoint", "model": config, "progress": dataclasses.asdict(progress)}
    container.write(filepath, arrays, meta)


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
        model = rebuild(arrays, meta["model"], backend, given)
        progress = Progress(**meta["progress"])
        if model.optimizer is None:
            raise ValueError("its model was not compiled")
        if not model.has_ready_optimizer:  # it was saved before its first step
            model.ready_optimizer()
    except UNUSABLE as error:
        raise container.StorageError(f"{filepath}: the checkpoint in it cannot be used ({error})") from error
    return model, progress
