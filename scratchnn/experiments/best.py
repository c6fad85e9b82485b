"""The best epoch of a run, that of the lowest validation loss: its weights are kept, and training may stop after it."""

from collections.abc import Iterator
from contextlib import contextmanager

from scratchnn.core.files.container import StorageError
from scratchnn.experiments.folder import RunFolder
from scratchnn.models.model import Model
from scratchnn.models.saving import read
from scratchnn.training.progress import Progress


def save_best(model: Model, progress: Progress, folder: RunFolder) -> None:
    """Write the model of the epoch just finished to best.npz, in place of an earlier best of this run."""
    metadata = model.metadata
    model.metadata = metadata | {"epoch": progress.epoch, "val_loss": progress.records[-1]["val_loss"]}
    try:
        model.save(folder.best, overwrite=True)
    finally:
        model.metadata = metadata


def why_best_is_missing(progress: Progress, folder: RunFolder) -> str | None:
    """Why best.npz does not give the weights of the best epoch, in words; None if it does, or if there is no best."""
    if progress.best_epoch is None:
        return None
    try:
        _, meta = read(folder.best, "model")
    except (OSError, StorageError) as error:
        return f"the weights of epoch {progress.best_epoch}, the best so far, cannot be read: {error}"
    found = meta["model"]["metadata"].get("epoch")
    if found != progress.best_epoch:
        return f"{folder.best} holds the weights of epoch {found}, not of epoch {progress.best_epoch}, the best so far"
    return None


@contextmanager
def weights_of_best(model: Model, folder: RunFolder) -> Iterator[None]:
    """The model has the weights of best.npz meanwhile."""
    last = model.get_weights()
    try:
        model.load_weights(folder.best)
        yield
    finally:
        model.set_weights(last)


def ends_early(progress: Progress, patience: int | None) -> bool:
    """Whether `patience` epochs, the last one among them, have not lowered the validation loss."""
    best = progress.best_epoch
    return patience is not None and best is not None and not progress.step and progress.epoch - best >= patience


def early_end(progress: Progress) -> str:
    """What `ends_early` found, in words."""
    return f"stopped early after epoch {progress.epoch}: validation loss was lowest after epoch {progress.best_epoch}"
