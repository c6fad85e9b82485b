"""Callbacks: what a user can hook into the training loop. The hooks, names and defaults are those of Keras.

A callback touches the model through `get_weights`, `set_weights`, `save` and `stop_training` alone. `logs` holds the
numbers of the epoch or step by name; epochs count from 0 in the hooks, and from 1 in file names, as in Keras.
"""

import csv
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from scratchnn_kernels.contract import Array

from scratchnn.core.files.foreign import refuse_foreign_name

Logs = Mapping[str, float]
Mode = Literal["auto", "min", "max"]


@runtime_checkable
class Trainable(Protocol):
    """What a callback may ask of a model."""

    stop_training: bool

    def get_weights(self) -> list[Array]: ...
    def set_weights(self, weights: Sequence[Array]) -> None: ...
    def save(self, filepath: str, /, *, overwrite: bool = False) -> Any: ...


class Callback:
    """Override the hooks you need; `self.model` is there from `set_model` on."""

    model: Trainable

    def set_model(self, model: Trainable) -> None:
        self.model = model

    def on_train_begin(self, logs: Logs | None = None) -> None: ...
    def on_train_end(self, logs: Logs | None = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...


class _Monitor:
    """Watches one number of the logs. `best` is the best so far, None before the first; NaN is never an improvement.

    With mode "auto", losses and errors are better when smaller, accuracies when larger.
    """

    def __init__(self, owner: str, key: str, mode: Mode, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{owner} expects mode 'auto', 'min' or 'max', got {mode!r}")
        if mode == "auto":
            name = key.removeprefix("val_")
            if name == "acc" or name.endswith("accuracy"):
                mode = "max"
            elif name in ("loss", "mse", "mae") or name.endswith(("error", "crossentropy")):
                mode = "min"
            else:
                raise ValueError(
                    f"{owner} cannot tell whether {key!r} is better large or small: pass mode='min' or 'max'"
                )
        self.owner, self.key = owner, key
        self.sign = 1 if mode == "max" else -1
        self.min_delta = abs(min_delta)
        self.best: float | None = None

    def read(self, logs: Logs | None) -> float:
        """Return the watched number. Its absence is an error: watching one that never comes would do nothing."""
        if logs is None or self.key not in logs:
            hint = "; val_ entries need validation data" if self.key.startswith("val_") else ""
            raise ValueError(f"{self.owner} watches {self.key!r}, but the epoch has {sorted(logs or {})}{hint}")
        return float(logs[self.key])

    def improves(self, value: float, on: float | None) -> bool:
        if on is None:
            return not math.isnan(value)
        return self.sign * (value - on) > self.min_delta


class EarlyStopping(Callback):
    """Stops when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    With `baseline`, an epoch restarts the waiting only if it also beats the baseline. Epochs before `start_from_epoch`
    are ignored. `restore_best_weights` restores the weights of the best epoch when `fit` returns, also when training
    ran to the last epoch. Afterwards `best`, `best_epoch` and `stopped_epoch` (None: it was not stopped here) say what
    happened.

    Keras: the same, except that a missing `monitor` is an error and that NaN never counts as the best.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: Mode = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        if patience < 0:
            raise ValueError(f"patience must be 0 or more epochs, got {patience}")
        self._monitor = _Monitor("EarlyStopping", monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch

    @property
    def best(self) -> float | None:
        return self._monitor.best

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._monitor.best = None
        self.wait = 0
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._best_weights: list[Array] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self._monitor.read(logs)
        if epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._monitor.improves(value, self.best):
            self._monitor.best = value
            self.best_epoch = epoch
            if self.restore_best_weights:
                # Copies: a model may hand out its own arrays, which the next step changes in place.
                self._best_weights = [weight.copy() for weight in self.model.get_weights()]
            if self.baseline is None or self._monitor.improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            if self.verbose:
                print(f"EarlyStopping: no better {self._monitor.key} in {self.wait} epochs")

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)


class ModelCheckpoint(Callback):
    """Saves the model after each epoch; with `save_best_only`, only when `monitor` is better than ever before.

    `filepath` may hold the epoch and the logs: "model-{epoch:02d}-{val_loss:.2f}.npz". A path without them is the same
    file every time. A file that was there before training is not touched: saving over it is an error. `last_path` is
    the file saved last.

    Raises:
        ValueError: for a name that promises another format, such as best.keras: files are .npz, of scratchnn's own.
    """

    def __init__(
        self,
        filepath: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: Mode = "auto",
    ) -> None:
        refuse_foreign_name("ModelCheckpoint", filepath)
        self.filepath = os.fspath(filepath)
        # Without save_best_only nothing is watched, so "auto" need not understand the name.
        self._monitor = _Monitor("ModelCheckpoint", monitor, mode) if save_best_only else None
        self.verbose = verbose
        self.last_path: str | None = None
        self._written: set[str] = set()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if os.path.exists(self.filepath) and self.filepath not in self._written:
            raise FileExistsError(f"ModelCheckpoint: {self.filepath} exists already; choose another name")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self._monitor is not None:
            value = self._monitor.read(logs)
            if not self._monitor.improves(value, self._monitor.best):
                return
            self._monitor.best = value
        path = self._path(epoch, logs or {})
        self.model.save(path, overwrite=path in self._written)
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


class CSVLogger(Callback):
    """Writes one row per epoch: its number from 0, then the logs in alphabetical order. Rows are on disk at once.

    Keras: the same, except that an existing file is never overwritten, and that `append` insists on the same columns.

    Raises:
        FileExistsError: before training, if the file exists and `append` was not asked for.
    """

    def __init__(self, filename: str | os.PathLike, separator: str = ",", append: bool = False) -> None:
        self.filename = Path(filename)
        self.separator = separator
        self.append = append

    def on_train_begin(self, logs: Logs | None = None) -> None:
        try:
            self.filename.open("a" if self.append else "x").close()  # fails now rather than after the first epoch
        except FileExistsError as error:
            raise FileExistsError(
                f"{self.filename} exists and is left alone: choose another name, move it away, or pass append=True"
            ) from error
        with self.filename.open(newline="") as file:
            self._columns = next(csv.reader(file, delimiter=self.separator), None)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        columns = ["epoch", *sorted(logs or {})]
        # Opened and closed for every row: the file is whole at any time, and nothing is left open by an interruption.
        with self.filename.open("a", newline="") as file:
            rows = csv.writer(file, delimiter=self.separator, lineterminator="\n")
            if self._columns is None:
                rows.writerow(columns)
                self._columns = columns
            if columns != self._columns:
                raise ValueError(f"{self.filename} has the columns {self._columns}, but the epoch has {columns}")
            rows.writerow([epoch, *(value for _, value in sorted((logs or {}).items()))])
