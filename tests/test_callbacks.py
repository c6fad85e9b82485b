"""Callbacks, hung into a training loop that plays back a given history on a model of one number."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from scratchnn.callbacks import Callback, CSVLogger, EarlyStopping, ModelCheckpoint


class FakeModel:
    """Its one weight is the number of the epoch, changed in place as a real model's weights are."""

    def __init__(self) -> None:
        self.weight = np.array([-1.0])
        self.stop_training = False
        self.saved: list[str] = []

    def get_weights(self) -> list[np.ndarray]:
        return [self.weight]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        self.weight[:] = weights[0]

    def save(self, filepath: str, /, *, overwrite: bool = False) -> None:
        self.saved.append(filepath)


def play(callback: Callback, history: list[dict[str, float]]) -> FakeModel:
    model = FakeModel()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, logs in enumerate(history):
        callback.on_epoch_begin(epoch)
        model.weight[:] = epoch
        callback.on_batch_end(0, logs)
        callback.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    callback.on_train_end()
    return model


def losses(*values: float) -> list[dict[str, float]]:
    return [{"val_loss": value} for value in values]


@pytest.mark.parametrize(
    ("options", "values", "stopped", "best_epoch"),
    [
        ({}, [3, 2, 2, 1], 2, 1),
        ({"patience": 1}, [3, 2, 2, 1], 2, 1),  # as in Keras, 0 and 1 are the same patience
        ({"patience": 2}, [3, 2, 2, 1, 1, 1, 1], 5, 3),
        ({"patience": 2}, [3, 2, 2, 1], 0, 3),
        ({"patience": 2, "min_delta": 0.5}, [3, 2.6, 2.4, 2.3, 2.2, 0], 4, 2),
        ({"patience": 2, "min_delta": -0.5}, [3, 2.6, 2.4, 2.3, 2.2, 0], 4, 2),
        ({"start_from_epoch": 3}, [1, 2, 3, 5, 4, 4], 5, 4),
        ({"patience": 2, "baseline": 2.5}, [5, 4, 4, 1], 2, 1),  # getting better, but never good enough
        ({"patience": 2, "baseline": 2.5}, [5, 2, 2, 2], 3, 1),
        ({"patience": 1}, [math.nan, 3, 2, math.nan, 0], 3, 2),  # NaN at first is not the best so far
        ({"patience": 2}, [3, math.nan, math.nan, 0], 2, 0),
        ({"patience": 3}, [3, 2, math.nan, 1], 0, 3),
        ({"mode": "max"}, [1, 2, 2], 2, 1),
    ],
)
def test_early_stopping_stops_and_knows_the_best(
    options: dict, values: list[float], stopped: int, best_epoch: int
) -> None:
    callback = EarlyStopping(**options)
    model = play(callback, losses(*map(float, values)))
    assert (callback.stopped_epoch, callback.best_epoch) == (stopped, best_epoch)
    assert model.stop_training == (stopped > 0)
    assert callback.best == values[best_epoch]


@pytest.mark.parametrize(
    "values", [[3.0, 1.0, 2.0, 2.0, 2.0, 2.0], [3.0, 1.0, 2.0]], ids=["stopped", "ended by itself"]
)
def test_the_best_weights_come_back(values: list[float]) -> None:
    assert play(EarlyStopping(patience=3, restore_best_weights=True), losses(*values)).weight == 1
    assert play(EarlyStopping(patience=3), losses(*values)).weight == min(len(values), 5) - 1


def test_early_stopping_can_be_used_again() -> None:
    callback = EarlyStopping(patience=2, restore_best_weights=True)
    play(callback, losses(0.1, 0.2, 0.2, 0.2))
    assert callback.stopped_epoch == 2
    assert play(callback, losses(7.0, 8.0)).weight == 0
    assert (callback.stopped_epoch, callback.best) == (0, 7.0)  # as in Keras


@pytest.mark.parametrize(
    ("monitor", "larger_is_better"),
    [("loss", False), ("val_mse", False), ("mean_absolute_error", False), ("acc", True), ("val_binary_accuracy", True)],
)
def test_auto_mode_goes_by_the_name(monitor: str, larger_is_better: bool) -> None:
    callback = EarlyStopping(monitor)
    play(callback, [{monitor: 1.0}, {monitor: 2.0}])
    assert callback.best == (2.0 if larger_is_better else 1.0)


def test_checkpoints_after_every_epoch_under_a_name_with_its_numbers(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path / "runs" / "{epoch:02d}-{val_loss:.2f}.npz", monitor="anything")
    expected = [str(tmp_path / "runs" / name) for name in ("01-0.50.npz", "02-0.26.npz")]
    assert play(callback, losses(0.5, 0.256)).saved == expected
    assert callback.last_path == expected[-1]


@pytest.mark.parametrize(
    ("options", "values", "epochs"),
    [
        ({}, [3.0, 4.0, 2.0, math.nan, 2.0, 1.0], [1, 3, 6]),
        ({"mode": "max"}, [3.0, 4.0, 2.0, math.nan, 4.0, 5.0], [1, 2, 6]),
    ],
)
def test_checkpoints_of_the_best_only(options: dict, values: list[float], epochs: list[int]) -> None:
    model = play(ModelCheckpoint("{epoch}", save_best_only=True, **options), losses(*values))
    assert model.saved == [str(epoch) for epoch in epochs]


def test_csv_rows_are_on_disk_after_each_epoch(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    callback = CSVLogger(path)
    callback.on_train_begin()
    assert path.read_text() == ""
    callback.on_epoch_end(0, {"loss": 0.5, "accuracy": 0.25})
    assert path.read_bytes() == b"epoch,accuracy,loss\n0,0.25,0.5\n"
    callback.on_epoch_end(1, {"loss": 0.1, "accuracy": float(np.float32(0.75))})
    assert path.read_bytes() == b"epoch,accuracy,loss\n0,0.25,0.5\n1,0.75,0.1\n"


def test_csv_appends_below_one_header(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    for _ in range(2):
        play(CSVLogger(path, separator=";", append=True), [{"loss": 0.5}])
    assert path.read_bytes() == b"epoch;loss\n0;0.5\n0;0.5\n"


def test_csv_leaves_an_existing_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"log\.csv exists and is left alone: .* append=True"):
        CSVLogger(path).on_train_begin()
    assert path.read_text() == "mine"


def test_csv_refuses_other_columns_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n")
    with pytest.raises(ValueError, match=r"has the columns \['epoch', 'loss'\], but the epoch has \['epoch', 'mae'\]"):
        play(CSVLogger(path, append=True), [{"mae": 1.0}])
    assert path.read_bytes() == b"epoch,loss\n"


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda: play(EarlyStopping(), [{"loss": 1.0, "accuracy": 0.5}]),
            r"EarlyStopping watches 'val_loss', but the epoch has \['accuracy', 'loss'\]; val_ entries need validation",
        ),
        (lambda: play(EarlyStopping("loss"), losses(1.0)), r"watches 'loss', but the epoch has \['val_loss'\]$"),
        (
            lambda: play(ModelCheckpoint("m.npz", save_best_only=True), [{"loss": 1.0}]),
            r"ModelCheckpoint watches 'val_loss', but the epoch has \['loss'\]",
        ),
        (
            lambda: play(ModelCheckpoint("{epoch}-{val_los:.2f}"), losses(1.0)),
            r"cannot fill in '\{epoch\}-\{val_los:\.2f\}': the epoch has \['epoch', 'val_loss'\]",
        ),
        (
            lambda: play(EarlyStopping("val_bleu"), []),
            r"cannot tell whether 'val_bleu' is better large or small: pass mode='min' or mode='max'; a metric of your",
        ),
        (lambda: EarlyStopping(patience=-1), r"patience must be a whole number of at least 0, got -1"),
    ],
)
def test_what_is_refused(act: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()


def test_save_best_only_may_be_set_later() -> None:
    callback = ModelCheckpoint("{epoch}.npz")
    assert not callback.save_best_only and callback.monitor is None
    callback.save_best_only = True
    assert (callback.save_best_only, callback.monitor, callback.mode) == (True, "val_loss", "min")
    assert play(callback, losses(2.0, 3.0, 1.0)).saved == ["1.npz", "3.npz"]
    callback.save_best_only = True  # as it was: the best so far stays
    assert callback.best == 1.0
    callback.save_best_only = False
    assert play(callback, losses(2.0, 3.0)).saved == ["1.npz", "2.npz"]
    callback.save_freq, callback.save_weights_only = "epoch", False  # as they are


def test_settings_of_callbacks_are_numbers_and_flags() -> None:
    stopping = EarlyStopping(verbose=True, min_delta=-0.5, baseline=math.inf)
    setattr(stopping, "patience", np.int64(3))  # noqa: B010
    assert (stopping.patience, stopping.min_delta, stopping.baseline) == (3, 0.5, math.inf)
    assert type(stopping.patience) is int
    threshold = ModelCheckpoint("m.npz", save_best_only=True, initial_value_threshold=-math.inf)
    assert threshold.best == -math.inf


def test_settings_of_a_log_act_when_set_later(tmp_path: Path) -> None:
    log = CSVLogger("elsewhere.csv")
    log.filename, log.separator = str(tmp_path / "log.csv"), ";"
    play(log, losses(1.0))
    assert (tmp_path / "log.csv").read_text() == "epoch;val_loss\n0;1.0\n"
