"""What callbacks know survives a checkpoint: resumed training ends as undisturbed training does."""

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, load_model
from scratchnn.callbacks import Callback, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from scratchnn.core.files import container
from scratchnn.core.files.container import StorageError
from scratchnn.layers import Dense, Embedding, GlobalAveragePooling1D
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.optimizers import SGD
from scratchnn.training.progress import Progress

RNG = np.random.default_rng(7)
IDS, HELD_IDS = RNG.integers(0, 20, (24, 5)), RNG.integers(0, 20, (8, 5))
LABELS, HELD_LABELS = ((ids.mean(axis=1) > 9.5).astype(int) for ids in (IDS, HELD_IDS))
HELD_LABELS[:2] ^= 1  # two are wrong: validation gets worse from some epoch on, and better once more before
HELD = HELD_IDS, HELD_LABELS
MOST = 20
PATIENCE = 3


class Killed(BaseException):
    """As by SIGKILL: nothing that training would do on its way out reaches the disk."""


class Saver(Callback):
    """Writes a checkpoint after every epoch, until training is killed after one of them."""

    def __init__(self, path: Path, progress: Progress, epoch: int) -> None:
        self.path, self.progress, self.epoch = path, progress, epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        save_checkpoint(self.model, self.progress, self.path)  # type: ignore[arg-type]
        if epoch == self.epoch:
            raise Killed


def new_model() -> Sequential:
    model = Sequential([Embedding(20, 4), GlobalAveragePooling1D(), Dense(1, "sigmoid")], backend="reference", seed=1)
    model.compile(SGD(0.2, momentum=0.9), "binary_crossentropy", ["accuracy"])
    return model


def train(model: Any, progress: Progress, *callbacks: Any) -> None:
    model.fit(*(IDS, LABELS, 8, MOST), verbose=0, validation_data=HELD, progress=progress, callbacks=list(callbacks))


def stopping(**options: Any) -> EarlyStopping:
    return EarlyStopping(**{"patience": PATIENCE, "restore_best_weights": True, **options})


def result(model: Any, progress: Progress, callback: EarlyStopping) -> tuple[Any, ...]:
    told = callback.best, callback.best_epoch, callback.wait, callback.stopped_epoch
    return model.flat_params.tobytes(), progress.epoch, [record["val_loss"] for record in progress.records], told


@pytest.fixture(scope="module")
def undisturbed() -> tuple[Any, ...]:
    model, progress, callback = new_model(), Progress(), stopping()
    train(model, progress, callback)
    assert callback.best_epoch is not None and 3 < callback.best_epoch and progress.epoch < MOST
    assert callback.stopped_epoch == callback.best_epoch + PATIENCE == progress.epoch - 1
    return result(model, progress, callback)


@pytest.mark.parametrize("place", [0, 1], ids=["saves before", "saves after"])
def test_early_stopping_goes_on_from_any_epoch(place: int, undisturbed: tuple[Any, ...], tmp_path: Path) -> None:
    """With the callback that saves before EarlyStopping, and after it."""

    class SaverOfEach(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            save_checkpoint(self.model, whole, tmp_path / f"{epoch}.npz")  # type: ignore[arg-type]

    whole = Progress()
    callbacks: list[Callback] = [stopping()]
    callbacks.insert(place, SaverOfEach())
    train(new_model(), whole, *callbacks)
    for epoch in range(undisturbed[1]):
        model, progress = load_checkpoint(tmp_path / f"{epoch}.npz")
        again = stopping()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # after the last epoch there is nothing to train
            train(model, progress, again)
        assert result(model, progress, again) == undisturbed, epoch


def test_without_its_state_it_would_end_elsewhere(undisturbed: tuple[Any, ...], tmp_path: Path) -> None:
    progress = Progress()
    with pytest.raises(Killed):
        train(new_model(), progress, stopping(), Saver(tmp_path / "c.npz", progress, undisturbed[1] - 2))
    model, progress = load_checkpoint(tmp_path / "c.npz")
    assert [entry["callback"] for entry in progress.states] == ["EarlyStopping"]
    progress.states.clear()
    again = stopping()
    train(model, progress, again)
    ended = result(model, progress, again)
    assert ended[:2] != undisturbed[:2]
    assert ended[1] > undisturbed[1]


def test_training_that_had_ended_says_so_and_more_patience_goes_on(
    undisturbed: tuple[Any, ...], tmp_path: Path
) -> None:
    progress = Progress()
    last = undisturbed[1] - 1
    with pytest.raises(Killed):
        train(new_model(), progress, stopping(), Saver(tmp_path / "c.npz", progress, last))
    model, progress = load_checkpoint(tmp_path / "c.npz")
    with pytest.warns(UserWarning, match=rf"nothing is trained: .* after epoch {last + 1}; more patience"):
        train(model, progress, stopping())
    model, progress = load_checkpoint(tmp_path / "c.npz")
    patient, never = stopping(patience=PATIENCE + 2), stopping(patience=PATIENCE + 2)
    train(model, progress, patient)
    other, whole = new_model(), Progress()
    train(other, whole, never)
    assert result(model, progress, patient) == result(other, whole, never)
    assert progress.epoch == last + 1 + 2


def test_the_same_objects_go_on_in_the_same_process(undisturbed: tuple[Any, ...], tmp_path: Path) -> None:
    class CtrlC(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if (progress.epoch, batch) == (undisturbed[1] - 2, 1):
                raise KeyboardInterrupt

    model, progress, callback = new_model(), Progress(), stopping()
    with pytest.raises(KeyboardInterrupt):
        train(model, progress, callback, CtrlC())
    assert progress.step
    train(model, progress, callback)
    assert result(model, progress, callback) == undisturbed
    callback.on_train_begin()  # as another call of fit does, which begins anew
    assert (callback.best, callback.best_epoch, callback.wait, callback.stopped_epoch) == (None, None, 0, 0)


def test_two_callbacks_of_a_class_and_a_new_one(tmp_path: Path) -> None:
    progress = Progress()
    pair = [stopping(patience=MOST), EarlyStopping("loss", patience=MOST)]
    with pytest.raises(Killed):
        train(new_model(), progress, *pair, Saver(tmp_path / "c.npz", progress, 3))
    model, progress = load_checkpoint(tmp_path / "c.npz")
    again = [ModelCheckpoint(tmp_path / "m.npz"), stopping(patience=MOST), EarlyStopping("loss", patience=MOST)]
    train(model, progress, again)
    other, whole = new_model(), Progress()
    train(other, whole, *pair)
    assert [each.get_state()["best_epoch"] for each in pair] == [
        each.get_state()["best_epoch"] for each in again if isinstance(each, EarlyStopping)
    ]
    assert model.flat_params.tobytes() == other.flat_params.tobytes()


def test_the_learning_rate_goes_on_falling(tmp_path: Path) -> None:
    def falling() -> ReduceLROnPlateau:
        return ReduceLROnPlateau(factor=0.7, patience=2, cooldown=1)

    model, progress, whole = new_model(), Progress(), falling()
    train(model, progress, whole)
    rates = [record["learning_rate"] for record in progress.records]
    falls = [epoch for epoch in range(1, MOST) if rates[epoch] < rates[epoch - 1]]
    assert len(falls) >= 2
    for epoch in (falls[0] - 2, falls[0] - 1, falls[0]):
        again, progress = falling(), Progress()
        with pytest.raises(Killed):
            train(new_model(), progress, falling(), Saver(tmp_path / "c.npz", progress, epoch))
        other, progress = load_checkpoint(tmp_path / "c.npz")
        train(other, progress, again)
        assert other.flat_params.tobytes() == model.flat_params.tobytes(), epoch
        assert (again.best, again.wait, again.cooldown_counter) == (whole.best, whole.wait, whole.cooldown_counter)


# ---- ModelCheckpoint


def test_a_checkpoint_of_the_best_replaces_its_own_file_only(tmp_path: Path) -> None:
    def best() -> ModelCheckpoint:
        return ModelCheckpoint(tmp_path / "best.npz", save_best_only=True)

    model, progress = new_model(), Progress()
    train(model, progress, best())
    expected = (tmp_path / "best.npz").read_bytes()
    least = int(np.argmin([record["val_loss"] for record in progress.records]))
    for epoch in (0, least, least + 1):
        (tmp_path / "best.npz").unlink()
        progress = Progress()
        with pytest.raises(Killed):
            train(new_model(), progress, best(), Saver(tmp_path / "c.npz", progress, epoch))
        model, progress = load_checkpoint(tmp_path / "c.npz")
        callback = best()
        train(model, progress, callback)
        assert (tmp_path / "best.npz").read_bytes() == expected, epoch
        assert callback.best == progress.records[least]["val_loss"]
        assert callback.last_path == str(tmp_path / "best.npz")
    assert load_model(tmp_path / "best.npz").clock.epoch == least + 1
    with pytest.raises(FileExistsError, match="exists already"):
        train(new_model(), Progress(), best())
    model, progress = load_checkpoint(tmp_path / "c.npz")
    progress.states.clear()
    with pytest.raises(FileExistsError, match="exists already"):
        train(model, progress, best())


# ---- callbacks of one's own


class Longest(Callback):
    """Keeps numbers, arrays, and both within lists and dicts."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.kept: dict[str, Any] = {"steps": 0, "nan": float("nan"), "parts": []}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.kept["steps"] += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        number = np.float32(logs["loss"])
        self.kept["parts"].append({"epoch": epoch, "both": [np.arange(epoch), np.array(number)]})

    def get_state(self) -> dict[str, Any]:
        return self.kept

    def load_state(self, state: dict[str, Any]) -> None:
        self.kept = state


@pytest.mark.parametrize("place", [0, 1], ids=["saves before", "saves after"])
def test_a_callback_of_ones_own_keeps_what_it_says(place: int, tmp_path: Path) -> None:
    whole = Longest()
    train(new_model(), Progress(), whole)
    progress = Progress()
    callbacks: list[Callback] = [Longest()]
    callbacks.insert(place, Saver(tmp_path / "c.npz", progress, 4))
    with pytest.raises(Killed):
        train(new_model(), progress, *callbacks)
    model, progress = load_checkpoint(tmp_path / "c.npz")
    again = Longest()
    train(model, progress, again)
    assert again.kept["steps"] == whole.kept["steps"] == 3 * MOST
    assert np.isnan(again.kept["nan"])
    assert len(again.kept["parts"]) == MOST
    for one, other in zip(again.kept["parts"], whole.kept["parts"], strict=True):
        assert one["epoch"] == other["epoch"]
        for x, y in zip(one["both"], other["both"], strict=True):
            assert (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes())


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"x": object()}, r"Kept\.get_state\(\)\['x'\] cannot be stored: object"),
        ({"x": {1: 2}}, r"a key of Kept\.get_state\(\)\['x'\] must be a string, got 1"),
        ({"x": np.array([object()])}, "must hold booleans, integers or floats"),
        ([1], r"Kept\.get_state\(\) must return a dict, got \[1\]"),
        ({"$array": "callbacks.0"}, r"must be a string other than '\$array'"),
    ],
)
def test_a_state_that_no_file_can_hold(state: Any, message: str, tmp_path: Path) -> None:
    class Kept(Callback):
        def get_state(self) -> Any:
            return state

    model, progress = new_model(), Progress()
    train(model, progress, Kept())
    with pytest.raises((TypeError, ValueError), match=message):
        save_checkpoint(model, progress, tmp_path / "c.npz")
    assert list(tmp_path.iterdir()) == []


# ---- what does not fit


@pytest.fixture
def half(tmp_path: Path) -> Callable[..., tuple[Any, Progress]]:
    """Training with these callbacks that was killed after the third epoch, read back."""

    def of(*callbacks: Callback) -> tuple[Any, Progress]:
        progress = Progress()
        with pytest.raises(Killed):
            train(new_model(), progress, *callbacks, Saver(tmp_path / "c.npz", progress, 2))
        return load_checkpoint(tmp_path / "c.npz")

    return of


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (stopping, list, r"had the callback EarlyStopping, .*: pass callbacks=\[EarlyStopping\(\.\.\.\)\] again, or"),
        (stopping, lambda: [ModelCheckpoint("m.npz")], "had the callback EarlyStopping"),
        (stopping, lambda: [stopping(monitor="loss")], r"watches 'loss' \(min\), but .* watched 'val_loss' \(min\)"),
        (stopping, lambda: [stopping(mode="max")], r"watches 'val_loss' \(max\), but .* watched 'val_loss' \(min\)"),
        (
            lambda: stopping(restore_best_weights=False),
            lambda: [stopping()],
            "cannot restore the weights of the best epoch so far: .* resume it with restore_best_weights=False",
        ),
        (
            lambda: ModelCheckpoint("{epoch}.npz", save_best_only=True),
            lambda: [ModelCheckpoint("{epoch}.npz", "val_accuracy", save_best_only=True)],
            "watches 'val_accuracy' .* watched 'val_loss'",
        ),
    ],
)
def test_other_callbacks_are_refused(
    before: Callable, after: Callable, message: str, half: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model, progress = half(before())
    weights = model.flat_params.tobytes()
    with pytest.raises(ValueError, match=message):
        train(model, progress, *after())
    assert (model.flat_params.tobytes(), progress.epoch) == (weights, 3)
    assert progress.states  # which the right callbacks can have yet


def test_what_may_differ(half: Callable, tmp_path: Path) -> None:
    model, progress = half(ModelCheckpoint(tmp_path / "{epoch}.npz"), stopping())
    train(model, progress, stopping(restore_best_weights=False), ModelCheckpoint(tmp_path / "{epoch}.npz"))
    kept = {"c.npz", "c.previous.npz"}
    assert {path.name for path in tmp_path.iterdir()} == kept | {f"{n + 1}.npz" for n in range(progress.epoch)}


def test_checkpoints_without_states_and_damaged_ones(half: Callable, tmp_path: Path) -> None:
    half(stopping())
    path = tmp_path / "c.npz"
    (tmp_path / "c.previous.npz").unlink()  # which would be used in its place
    arrays, meta = container.read(path)
    states = meta["progress"].pop("states")
    container.write(path, arrays, meta)
    assert load_checkpoint(path)[1].states == []  # as written by versions that kept none
    held = [name for name in arrays if name.startswith("callbacks.")]
    assert len(held) == len(new_model().layers) and len(states) == 1
    for wrong in ("text", [1], [{"callback": 1, "late": False, "state": {}}], [{**states[0], "state": []}], {}):
        container.write(path, arrays, {**meta, "progress": {**meta["progress"], "states": wrong}})
        with pytest.raises(StorageError, match="cannot be used"):
            load_checkpoint(path)
    container.write(
        path, {name: array for name, array in arrays.items() if name != held[0]},
        {**meta, "progress": {**meta["progress"], "states": states}},
    )  # fmt: skip
    with pytest.raises(StorageError, match="cannot be used"):
        load_checkpoint(path)


def test_a_copy_of_the_progress_has_the_states_and_no_callback() -> None:
    copies: list[Progress] = []

    class Copies(Callback):
        def __deepcopy__(self, memo: Any) -> Any:
            raise AssertionError("it is no part of the progress")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            copies.append(copy.deepcopy(progress))

    progress = Progress()
    train(new_model(), progress, stopping(), Copies())
    assert [each.states[0]["state"]["wait"] for each in copies][-PATIENCE - 1 :] == list(range(PATIENCE + 1))
    assert copies[-1] == progress
