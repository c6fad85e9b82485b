"""Callbacks: what a user can hook into training, evaluation and prediction. The hooks and defaults are those of Keras.

A callback touches the model through `get_weights`, `set_weights`, `save` and `stop_training` alone. Epochs count from 0
in the hooks, and from 1 in file names, as in Keras. What `logs` holds:

    on_epoch_end                        loss and metrics of the epoch, and those of validation as val_...; numbers that
                                        a callback adds go to the callbacks after it and into the history
    on_train_end                        the same, of the last epoch
    on_train_batch_end, on_test_batch_end   loss and metrics over all batches so far, as Keras' running means
    on_test_end                         loss and metrics, without val_
    on_predict_batch_end                "outputs"
    all that begin, on_predict_end      nothing
"""

import csv
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from scratchnn_kernels.contract import Array

from scratchnn.core.attributes import Attributes

Logs = Mapping[str, Any]
Mode = Literal["auto", "min", "max"]


@runtime_checkable
class Trainable(Protocol):
    """What a callback may ask of a model."""

    stop_training: bool

    def get_weights(self) -> list[Array]: ...
    def set_weights(self, weights: Sequence[Array]) -> None: ...
    def save(self, filepath: str, /, *, overwrite: bool = False) -> Any: ...


class Callback(Attributes):
    """Override the hooks you need; `self.model` and `self.params` are there before the first of them.

    `params`: verbose, epochs and steps, the number of batches in an epoch (in the whole of evaluate or predict).
    `fit` calls the test hooks for its validation. Who listens to the batches of training on a GPU makes it wait for
    each; a hook that nobody overrides costs nothing.

    `on_batch_begin` and `on_batch_end` are Keras' older names of `on_train_batch_begin` and `on_train_batch_end`.
    """

    model: Trainable
    params: dict[str, Any] | None = None

    def set_model(self, model: Trainable) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None: ...
    def on_train_end(self, logs: Logs | None = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_end(batch, logs=logs)

    def on_test_begin(self, logs: Logs | None = None) -> None: ...
    def on_test_end(self, logs: Logs | None = None) -> None: ...
    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_begin(self, logs: Logs | None = None) -> None: ...
    def on_predict_end(self, logs: Logs | None = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


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
        self.mode: Mode = mode
        self.min_delta = abs(min_delta)
        self.best: float | None = None

    def read(self, logs: Logs | None, params: dict[str, Any] | None = None) -> float | None:
        """Return the watched number, or None in an epoch that is not validated, by `validation_freq` in `params`.

        Its absence is an error otherwise: watching one that never comes would do nothing.
        """
        if logs is None or self.key not in logs:
            if self.key.startswith("val_") and "validation_freq" in (params or {}):
                return None
            hint = "; val_ entries need validation data" if self.key.startswith("val_") else ""
            raise ValueError(f"{self.owner} watches {self.key!r}, but the epoch has {sorted(logs or {})}{hint}")
        return float(logs[self.key])

    def improves(self, value: float, on: float | None) -> bool:
        if on is None:
            return not math.isnan(value)
        return self.sign * (value - on) > self.min_delta


def _patience(epochs: Any) -> int:
    if not isinstance(epochs, int) or epochs < 0:
        raise ValueError(f"patience must be 0 or more epochs, got {epochs}")
    return epochs


class _Watching(Callback):
    """A callback that watches one number; which one is fixed when it is made."""

    _monitor: _Monitor | None
    monitor = property(lambda self: self._monitor and self._monitor.key)
    mode = property(lambda self: self._monitor and self._monitor.mode)
    best = property(lambda self: self._monitor and self._monitor.best)


class EarlyStopping(_Watching):
    """Stops when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    With `baseline`, an epoch restarts the waiting only if it also beats the baseline. Epochs before `start_from_epoch`
    are ignored. `restore_best_weights` restores the weights of the best epoch when `fit` returns, also when training
    ran to the last epoch. Afterwards `best`, `best_epoch` and `stopped_epoch` (None: it was not stopped here) say what
    happened.

    Keras: the same, except that a missing `monitor` is an error and that NaN never counts as the best.
    """

    checks: ClassVar = {"patience": _patience}
    _monitor: _Monitor
    wait: int
    best_epoch: int | None
    stopped_epoch: int | None

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
        self._monitor = _Monitor("EarlyStopping", monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch

    min_delta = property(lambda self: self._monitor.min_delta)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._monitor.best = None
        self.wait = 0
        self.best_epoch = None
        self.stopped_epoch = None
        self._best_weights: list[Array] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self._monitor.read(logs, self.params)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._monitor.improves(value, self._monitor.best):
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


class ModelCheckpoint(_Watching):
    """Saves the model after each epoch; with `save_best_only`, only when `monitor` is better than ever before.

    `filepath` may hold the epoch and the logs: "model-{epoch:02d}-{val_loss:.2f}.npz". A path without them is the same
    file every time. A file that was there before training is not touched: saving over it is an error. `last_path` is
    the file saved last. With `initial_value_threshold`, "ever" begins with that number.
    """

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
    ) -> None:
        self.filepath = os.fspath(filepath)
        # Without save_best_only nothing is watched, so "auto" need not understand the name.
        self._monitor = _Monitor("ModelCheckpoint", monitor, mode) if save_best_only else None
        if self._monitor is not None:
            self._monitor.best = initial_value_threshold
        elif initial_value_threshold is not None:
            raise ValueError("ModelCheckpoint: initial_value_threshold needs save_best_only=True")
        self.verbose = verbose
        self.last_path = None
        self._written: set[str] = set()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if os.path.exists(self.filepath) and self.filepath not in self._written:
            raise FileExistsError(f"ModelCheckpoint: {self.filepath} exists already; choose another name")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self._monitor is not None:
            value = self._monitor.read(logs, self.params)
            if value is None or not self._monitor.improves(value, self._monitor.best):
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
        if (
            self._columns is None
            and "validation_freq" in (self.params or {})
            and not any(name.startswith("val_") for name in columns)
        ):
            columns += [f"val_{name}" for name in columns[1:]]
        # Opened and closed for every row: the file is whole at any time, and nothing is left open by an interruption.
        with self.filename.open("a", newline="") as file:
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
        return [*columns, *(lacking if "validation_freq" in (self.params or {}) else [])] == self._columns
