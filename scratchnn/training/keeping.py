"""Where training stands, kept on disk while `fit` trains: `fit(checkpoint=...)` and `BackupAndRestore`.

What is written is exact: after a step whose outcome was read, when all callbacks were told of it. So training that was
killed goes on from there to the same bits, in the middle of an epoch as well.
"""

import os
import time
from collections.abc import Callable
from typing import Any

from scratchnn.callbacks import BackupAndRestore
from scratchnn.callbacks.callback_list import flat
from scratchnn.core.checks import path, positive, whole_number
from scratchnn.core.warning import warn
from scratchnn.report.console import Console
from scratchnn.training.hooks import Hooks
from scratchnn.training.progress import Progress
from scratchnn.training.streams import IteratedBatches

EVERY_SECONDS = 60.0


class Keeper:
    """Knows when to write where training stands, and has it written.

    Args:
        write: writes it.
        steps, seconds: within an epoch, after so many steps or seconds since the last time; None: not within one.
        at_epochs: also when an epoch has ended and its callbacks have been told.
    """

    def __init__(
        self,
        write: Callable[[], None],
        *,
        steps: int | None = None,
        seconds: float | None = None,
        at_epochs: bool = True,
    ) -> None:
        self._write, self._steps, self._seconds, self._at_epochs = write, steps, seconds, at_epochs
        self._count, self._kept_at = 0, time.monotonic()
        self._within_epochs = True

    def find(self, initial_epoch: int) -> Progress:
        """Where training goes on from."""
        return Progress(epoch=initial_epoch)

    def begin(self, progress: Progress, hooks: Hooks, source: Any, epochs: int, console: Console) -> None:
        """The model is ready to train, and what `fit` was given is checked."""
        # What an iterator gave is gone: only the beginning of an epoch can be gone on from.
        self._within_epochs = not isinstance(source, IteratedBatches)
        self._kept_at = time.monotonic()

    def counts_up(self) -> bool:
        """Count a step, and return whether it is one to write after."""
        self._count += 1
        return self._steps is not None and self._count >= self._steps and self._within_epochs

    def after_step(self, *, interrupted: bool) -> None:
        """Write, if it is time: a step was counted, and the callbacks were told. An interruption is always one."""
        due = self._steps is not None and self._count >= self._steps
        due = due or (self._seconds is not None and time.monotonic() - self._kept_at >= self._seconds)
        if (due or interrupted) and self._within_epochs:
            self.keep()

    def after_epoch(self) -> None:
        if self._at_epochs:
            self.keep()

    def keep(self) -> None:
        self._write()
        self._count, self._kept_at = 0, time.monotonic()


class Backup(Keeper):
    """The keeper of a call of `fit`, which also finds where an earlier call was when it was interrupted."""

    def __init__(
        self, model: Any, filepath: str, *, keep_previous: bool = True, callback: Any = None, **when: Any
    ) -> None:
        super().__init__(self._write_place, **when)
        self._model, self._path, self._keep_previous, self._callback = model, filepath, keep_previous, callback
        self._found: Any = None
        self._begun: dict[str, Any] | None = None
        self._newest_is_good = True
        self._progress = Progress()

    def find(self, initial_epoch: int) -> Progress:
        """Where the training in the file stands; or the beginning, if there is no file.

        Raises:
            StorageError: if nothing of what is there can be used.
            ValueError: if that training began with another epoch.
        """
        self._found = found = self._model._find_place(self._path)
        if found is None:
            return Progress(epoch=initial_epoch)
        began = found.progress.epoch - len(found.progress.records)
        if began != initial_epoch:
            raise ValueError(
                f"the training in {self._path} began with initial_epoch={began}, and this call has {initial_epoch}: "
                "give the same, or another checkpoint"
            )
        return found.progress

    def begin(self, progress: Progress, hooks: Hooks, source: Any, epochs: int, console: Console) -> None:
        """Take up what was found, and say so; or write the beginning, so that a path that cannot be is an error now."""
        super().begin(progress, hooks, source, epochs, console)
        if self._steps is not None and not self._within_epochs:
            raise ValueError(
                f"training cannot go on within an epoch of a {type(source.given).__name__}, which does not give the "
                f"batches from there on again: leave out {'save_freq' if self._callback else 'every_steps'}, or give "
                "a scratchnn.utils.PyDataset"
            )
        self._progress = progress
        if self._callback is not None:
            self._callback.heard_by_fit()
            os.makedirs(self._callback.backup_dir, exist_ok=True)
        if self._found is None:
            self._begun = self._model._identity()
            self.keep()
            return
        progress.check_metrics(metric.name for metric in self._model.fresh_metrics())
        hooks.owners_of(progress.states)
        self._found.take_up(self._model)
        self._begun, self._newest_is_good = self._found.begun, self._found.is_newest
        self._found = None  # its arrays
        place = f"after epoch {progress.epoch}" + (f" and {progress.step} steps" if progress.step else "")
        console.line(f"{self._path}: training goes on {place}")
        if progress.epoch >= epochs:
            warn(
                f"nothing is trained: the training in {self._path} has had {progress.epoch} epochs. A larger epochs= "
                "would train on, and another path begin anew"
            )

    def _write_place(self) -> None:
        keep = self._keep_previous and self._newest_is_good  # a damaged one must not take the place of the good one
        self._model._write_place(self._progress, self._path, self._begun, keep_previous=keep)
        self._newest_is_good = True


def keeper_of(model: Any, callbacks: Any, checkpoint: Any, every_steps: Any, every_seconds: Any) -> Keeper | None:
    """What `fit` was asked to keep; None if nothing.

    Raises:
        ValueError, TypeError: for arguments that do not go together.
    """
    if every_steps is not None and every_seconds is not None:
        raise ValueError("fit: give every_steps or every_seconds, not both")
    given = [each for each in ([] if callbacks is None else flat(callbacks)) if isinstance(each, BackupAndRestore)]
    if len(given) + (checkpoint is not None) > 1:
        raise ValueError("fit: one place keeps the training: give checkpoint=path, or one BackupAndRestore")
    if checkpoint is None:
        for name, value in (("every_steps", every_steps), ("every_seconds", every_seconds)):
            if value is not None:
                raise ValueError(f"fit: {name} says how often to write the checkpoint: give checkpoint=path too")
        return _of_callback(model, given[0]) if given else None
    if isinstance(checkpoint, Keeper):
        return checkpoint
    steps = None if every_steps is None else whole_number("every_steps", every_steps, 1)
    seconds = None if every_seconds is None else positive("every_seconds", every_seconds)
    seconds = EVERY_SECONDS if steps is seconds is None else seconds
    return Backup(model, path("checkpoint", checkpoint), steps=steps, seconds=seconds)


def _of_callback(model: Any, callback: BackupAndRestore) -> Backup:
    steps = None if callback.save_freq == "epoch" else callback.save_freq
    return Backup(
        model,
        str(callback.path),
        steps=steps,
        at_epochs=steps is None,
        keep_previous=callback.double_checkpoint,
        callback=callback,
    )
