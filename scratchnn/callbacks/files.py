"""Callbacks that write files after each epoch."""

import csv
import os
from pathlib import Path
from typing import Any, ClassVar

from scratchnn.callbacks.callback import Callback, Logs
from scratchnn.callbacks.monitor import Mode, Monitor, Watching, check
from scratchnn.core.checks import comparable, flag, path
from scratchnn.core.files.foreign import refuse_foreign_name
from scratchnn.core.keras_names import ARGUMENTS


def _filepath(path: Any) -> str:
    refuse_foreign_name("ModelCheckpoint", path)
    return os.fspath(path)


def _neutral(name: str, value: Any) -> Any:
    """The value, if it asks for nothing that is not done."""
    refused = ARGUMENTS["ModelCheckpoint"][name]
    if not refused.takes(value):
        raise ValueError(f"ModelCheckpoint: {name}={value!r} is refused: {refused.instead}")
    return value


class ModelCheckpoint(Watching):
    """Saves the model after each epoch; with `save_best_only`, only when `monitor` is better than ever before.

    `filepath` may hold the epoch and the logs: "model-{epoch:02d}-{val_loss:.2f}.npz". A path without them is the same
    file every time. A folder that is not there is made. A file that was there before training is not touched: saving
    over it is an error, unless you say `overwrite=True`, for instance in a notebook whose cell runs again. `last_path`
    is the file saved last. With `initial_value_threshold`, "ever" begins with that number. What was best, and which
    files are its own, survives a checkpoint.

    Raises:
        ValueError: for a name that promises another format, such as best.keras: files are .npz, of scratchnn's own.
            When training begins, for mode="auto" with what neither a metric of the model nor its name decides.
        FileExistsError: for a file that is there and may not be replaced; before the first epoch, where the names of
            the files depend on nothing but epochs.
        OSError: for a folder that cannot be made.
    """

    checks: ClassVar = {
        **Watching.checks,
        "filepath": _filepath,
        "save_weights_only": lambda value: _neutral("save_weights_only", value),
        "save_freq": lambda value: _neutral("save_freq", value),
        "overwrite": lambda value: flag("ModelCheckpoint", "overwrite", value),
    }
    last_path: str | None

    def __init__(
        self,
        filepath: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Mode = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
        *,
        overwrite: bool = False,
    ) -> None:
        self.filepath: Any = filepath  # `checks` makes it a str
        check("ModelCheckpoint", monitor, mode)
        # Without save_best_only nothing is watched, so "auto" need not understand the name.
        self._monitor = None
        self._to_watch: tuple[str, Mode] = monitor, mode
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        if initial_value_threshold is not None:
            if self._monitor is None:
                raise ValueError("ModelCheckpoint: initial_value_threshold needs save_best_only=True")
            self._monitor.best = comparable("ModelCheckpoint: initial_value_threshold", initial_value_threshold)
        self._threshold = initial_value_threshold
        self.verbose = verbose
        self.overwrite = overwrite
        self.last_path = None
        self._written: set[str] = set()
        self._is_checked = False  # the names of the files of this training

    @property
    def save_best_only(self) -> bool:
        """It may be set between two epochs, too: what comes then is the first best."""
        return self._monitor is not None

    @save_best_only.setter
    def save_best_only(self, value: bool) -> None:
        if flag("ModelCheckpoint", "save_best_only", value) != self.save_best_only:
            self._monitor = Monitor("ModelCheckpoint", *self._to_watch) if value else None
            if self._monitor is not None and hasattr(self, "model"):
                self._monitor.decide(self.model)

    initial_value_threshold = property(lambda self: self._threshold)

    def get_state(self) -> dict[str, Any]:
        names = ("monitor", "mode", "best", "last_path")
        return {name: getattr(self, name) for name in names} | {"written": sorted(self._written)}

    def load_state(self, state: dict[str, Any]) -> None:
        if self._continues(state) and self._monitor is not None:
            self._monitor.best = state["best"]
        self.last_path, self._written = state["last_path"], set(state["written"])

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        self._is_checked = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Not at the beginning of training, when a resumed one does not know its files yet."""
        if self._is_checked:
            return
        self._is_checked = True
        last = max(epoch + 1, (self.params or {}).get("epochs") or 0)
        for file in filter(None, (_filled(self.filepath, each) for each in range(epoch, last))):
            self._require_free(file)
        if folder := _filled(os.path.dirname(self.filepath), epoch):
            _make_folder(folder)

    def _require_free(self, path: str) -> None:
        if os.path.exists(path) and not self._may_replace(path):
            raise FileExistsError(
                f"ModelCheckpoint: {path} exists already; choose another name, or ModelCheckpoint(..., overwrite=True)"
            )

    def _may_replace(self, path: str) -> bool:
        return self.overwrite or path in self._written

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self._monitor is not None:
            value = self._monitor.read(logs, self.skips_validation)
            if value is None or not self._monitor.improves(value, self._monitor.best):
                return
            self._monitor.best = value
        path = self._path(epoch, logs or {})
        self._require_free(path)
        if folder := os.path.dirname(path):
            _make_folder(folder)
        self.model.save(path, overwrite=self._may_replace(path))
        self._written.add(path)
        if self.verbose:
            print(f"ModelCheckpoint: saved {path}")
        self.last_path = path

    def _path(self, epoch: int, logs: Logs) -> str:
        try:
            return self.filepath.format(**{**logs, "epoch": epoch + 1})
        except (KeyError, IndexError) as error:
            known = sorted({"epoch", *logs})
            raise ValueError(f"ModelCheckpoint cannot fill in {self.filepath!r}: the epoch has {known}") from error


def _filled(template: str, epoch: int) -> str | None:
    """The name with the number of this epoch, where it asks for nothing else."""
    try:
        return template.format(epoch=epoch + 1)
    except (KeyError, IndexError):
        return None


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise OSError(error.errno, f"ModelCheckpoint cannot make its folder: {error.strerror}", folder) from error


def _separator(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 1 or value in '\r\n"':
        raise ValueError(f"CSVLogger: separator must be one character between two columns, got {value!r}")
    return value


class CSVLogger(Callback):
    """Writes one row per epoch: its number from 0, then the logs in alphabetical order. Rows are on disk at once.

    Keras: the same, except that an existing file is left alone without `overwrite=True`, and that `append` insists on
    the same columns.

    Raises:
        FileExistsError: before training, if the file exists and neither `append` nor `overwrite` was asked for.
        FileNotFoundError: before training, if there is no such folder.
        ValueError: for both of them.
    """

    checks: ClassVar = {
        "filename": lambda value: Path(path("CSVLogger: filename", value)),
        "separator": _separator,
        "append": lambda value: flag("CSVLogger", "append", value),
        "overwrite": lambda value: flag("CSVLogger", "overwrite", value),
    }

    def __init__(
        self, filename: str | os.PathLike, separator: str = ",", append: bool = False, *, overwrite: bool = False
    ) -> None:
        self.filename: Any = filename  # `checks` makes it a Path
        self.separator = separator
        self.append = append
        self.overwrite = overwrite
        if append and overwrite:
            raise ValueError("CSVLogger: append=True keeps the file and overwrite=True does not; choose one")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        try:
            mode = "a" if self.append else "w" if self.overwrite else "x"
            self.filename.open(mode).close()  # fails now rather than after the first epoch
        except FileExistsError as error:
            raise FileExistsError(
                f"{self.filename} exists and is left alone: choose another name, append=True or overwrite=True"
            ) from error
        except FileNotFoundError as error:  # as in Keras, which makes folders for ModelCheckpoint alone
            raise FileNotFoundError(
                f"CSVLogger: there is no folder {self.filename.parent} for {self.filename.name}; make it first, with "
                "os.makedirs"
            ) from error
        with self.filename.open(newline="", encoding="utf-8") as file:
            self._columns = next(csv.reader(file, delimiter=self.separator), None)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        columns = ["epoch", *sorted(logs or {})]
        if self._columns is None and self.skips_validation and "val_loss" not in columns:
            columns += [f"val_{name}" for name in columns[1:]]
        # Opened and closed for every row: the file is whole at any time, and nothing is left open by an interruption.
        with self.filename.open("a", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, delimiter=self.separator, lineterminator="\n")
            if self._columns is None:
                rows.writerow(columns)
                self._columns = columns
            if not self._fits(columns):
                raise ValueError(f"{self.filename} has the columns {self._columns}, but the epoch has {columns}")
            values = {"epoch": epoch, **(logs or {})}
            rows.writerow([values.get(column, "NA") for column in self._columns])

    def _fits(self, columns: list[str]) -> bool:
        """Whether these are the columns of the file; by `validation_freq`, epochs lack the numbers of validation."""
        lacking = [name for name in self._columns or [] if name not in columns and name.startswith("val_")]
        return [*columns, *(lacking if self.skips_validation else [])] == self._columns
