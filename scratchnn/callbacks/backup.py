"""Where training stands, kept in a folder while it runs."""

import contextlib
import os
from pathlib import Path
from typing import Any, ClassVar

from scratchnn.callbacks.callback import Callback, Logs
from scratchnn.core.checks import flag, path, whole_number
from scratchnn.core.files.generations import one_before


def _folder(value: Any) -> Path:
    text = path("BackupAndRestore: backup_dir", value)
    if not text:
        raise ValueError("BackupAndRestore: backup_dir must be the path of a folder, got ''")
    return Path(text)


def _frequency(value: Any) -> Any:
    if value is False:
        raise ValueError(
            "BackupAndRestore: save_freq=False is refused: it is for save_before_preemption, which is not here. Give "
            "'epoch' or a number of steps; Ctrl-C, SIGTERM and SIGHUP save in any case"
        )
    return value if value == "epoch" else whole_number("BackupAndRestore: save_freq", value, 1)


class BackupAndRestore(Callback):
    """Training that is interrupted goes on where it was when the program runs again, to the same bits.

    `fit` writes where it stands into the folder `backup_dir`: the model with its optimizer and counts, the place in the
    epoch, the history, the state of the other callbacks. With save_freq="epoch" it does so at the end of each epoch,
    with a number after that many steps, counted over the epochs; and when Ctrl-C, SIGTERM or SIGHUP ends it. The same
    call in a new process goes on from there. When training has ended the backup is removed, but for
    `delete_checkpoint=False`. With `double_checkpoint` the one before is kept, for the day when the newest is damaged.

    Keras: the same, except that Keras begins the epoch under way again, without what optimizer and callbacks know of
    it; and that the history here has the epochs before the interruption too. `fit(checkpoint=path)` does it in one
    file, with two generations.

    Raises:
        ValueError: for arguments out of their range. When training begins, for a model other than the one that is kept.
        StorageError: when training begins, if nothing of what is kept can be read.
    """

    checks: ClassVar = {
        "backup_dir": _folder,
        "save_freq": _frequency,
        "double_checkpoint": lambda value: flag("BackupAndRestore", "double_checkpoint", value),
        "delete_checkpoint": lambda value: flag("BackupAndRestore", "delete_checkpoint", value),
    }

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        self.backup_dir: Any = backup_dir  # `checks` makes it a Path
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._is_heard = False

    def heard_by_fit(self) -> None:
        """`fit` calls this: it is what writes and reads the backup."""
        self._is_heard = True

    @property
    def path(self) -> Path:
        """The file of the newest backup."""
        return self.backup_dir / "latest.npz"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if not self._is_heard:
            raise RuntimeError(
                "BackupAndRestore acts in model.fit alone; in a loop of your own call save_checkpoint and "
                "load_checkpoint of scratchnn.models.checkpoint"
            )

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._is_heard = False
        if self.delete_checkpoint:
            for file in (self.path, one_before(self.path)):
                file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # it holds something else
                self.backup_dir.rmdir()
