"""`fit(checkpoint=path)`: training that was killed anywhere goes on by itself, and ends as undisturbed."""

import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, utils
from scratchnn.callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from scratchnn.core.files.container import StorageError
from scratchnn.layers import LSTM, Dense, Dropout, Embedding
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.optimizers import Adam
from scratchnn.training.progress import Progress
from tests.training.test_resuming import EPOCHS, IDS, LABELS, OPTIMIZERS, STEPS, new_model, result

ALL = EPOCHS * STEPS
SOME = ("adam", "rmsprop", "sgd")


class Killed(BaseException):
    """As by SIGKILL: nothing that training would do on its way out reaches the disk."""


class Kill(Callback):
    """Ends training after so many steps of all, with a signal or as a kill would."""

    def __init__(self, step: int, number: int | None = None) -> None:
        self.left, self.number = step, number

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            if self.number is None:
                raise Killed
            signal.raise_signal(self.number)


class Counts(Callback):
    """Knows something of each step and each epoch."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.steps, self.losses = 0, np.zeros(0)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        self.losses = np.append(self.losses, logs["loss"])

    def get_state(self) -> dict[str, Any]:
        return {"steps": self.steps, "losses": self.losses}

    def load_state(self, state: dict[str, Any]) -> None:
        self.steps, self.losses = state["steps"], state["losses"]


def callbacks() -> list[Callback]:
    return [Counts(), EarlyStopping(patience=9, restore_best_weights=True), ReduceLROnPlateau(patience=1)]


def train(model: Any, *kills: Callback, **options: Any) -> list[Callback]:
    known = callbacks()
    model.fit(
        *(IDS, LABELS, 8, EPOCHS), verbose=0, validation_split=0.2, callbacks=[*known, *kills], **options,
    )  # fmt: skip
    return known


def ended(model: Any, known: list[Callback]) -> tuple[Any, ...]:
    progress = Progress(epoch=EPOCHS, records=model.history.records)
    counts: Any = known[0]
    states = [callback.get_state() for callback in known[1:]]
    weights = [[array.tobytes() for array in state.pop("best_weights", ())] for state in states]
    return result(model, progress), counts.steps, counts.losses.tobytes(), states, weights


@pytest.fixture(scope="module")
def undisturbed() -> Callable[[str], tuple[Any, ...]]:
    results: dict[str, tuple[Any, ...]] = {}

    def of(optimizer: str) -> tuple[Any, ...]:
        if optimizer not in results:
            model = new_model(optimizer)
            results[optimizer] = ended(model, train(model))
        return results[optimizer]

    return of


@pytest.mark.parametrize("step", range(1, ALL + 1))
@pytest.mark.parametrize("optimizer", SOME)
def test_killed_after_any_step_it_goes_on(optimizer: str, step: int, undisturbed: Callable, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    with pytest.raises(Killed):
        train(new_model(optimizer), Kill(step), checkpoint=path, every_steps=2)
    kept = load_checkpoint(path, backend="reference")[1]
    assert 0 <= step - (kept.epoch * STEPS + kept.step) <= 2
    model = new_model(optimizer)
    assert ended(model, train(model, checkpoint=path, every_steps=2)) == undisturbed(optimizer)


def test_killed_again_and_again(undisturbed: Callable, tmp_path: Path) -> None:
    for _ in range(ALL - 1):
        with pytest.raises(Killed):
            train(new_model("adam"), Kill(2), checkpoint=tmp_path / "c.npz", every_steps=1)
    model = new_model("adam")
    assert ended(model, train(model, checkpoint=tmp_path / "c.npz")) == undisturbed("adam")


@pytest.mark.parametrize(
    ("number", "error", "status"),
    [
        (signal.SIGINT, KeyboardInterrupt, None),
        (signal.SIGTERM, SystemExit, 143),
        (signal.SIGHUP, SystemExit, 129),
    ],
)
def test_a_signal_is_kept_at_its_step(
    number: int, error: type, status: int | None, undisturbed: Callable, tmp_path: Path, ctrl_c_interrupts: None
) -> None:
    path, before = tmp_path / "c.npz", signal.getsignal(number)
    with pytest.raises(error) as caught:
        train(new_model("adam"), Kill(STEPS + 2, number), checkpoint=path)
    assert getattr(caught.value, "code", None) == status
    assert signal.getsignal(number) == before
    kept = load_checkpoint(path, backend="reference")[1]
    assert (kept.epoch, kept.step) == (1, 2)
    model = new_model("adam")
    assert ended(model, train(model, checkpoint=path)) == undisturbed("adam")


def test_it_says_where_it_goes_on_and_when_nothing_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fit(*kills: Callback, epochs: int = EPOCHS) -> Any:
        model = new_model("adam")
        model.fit(IDS, LABELS, 8, epochs, callbacks=list(kills), checkpoint=tmp_path / "c.npz", every_steps=1)
        return model

    with pytest.raises(Killed):
        fit(Kill(6))
    assert "goes on" not in capsys.readouterr().out
    whole = fit()
    assert "c.npz: training goes on after epoch 1 and 1 steps\n" in capsys.readouterr().out
    with pytest.warns(UserWarning, match=r"nothing is trained: .*c\.npz has had 3 epochs\. A larger epochs="):
        again = fit()
    assert again.flat_params.tobytes() == whole.flat_params.tobytes()
    assert len(again.history.records) == EPOCHS
    assert len(fit(epochs=EPOCHS + 1).history.records) == EPOCHS + 1


def test_a_model_that_was_trained_meanwhile_goes_on_too(undisturbed: Callable, tmp_path: Path) -> None:
    """In a notebook the cell that fits runs again, with the same object; also from a file of before its first step."""
    whole = new_model("adam")
    train(whole)
    for steps in (4, ALL + 1):
        model = new_model("adam")
        path = tmp_path / f"{steps}.npz"
        with pytest.raises(Killed):
            train(model, Kill(2), checkpoint=path, every_steps=steps)
        kept = load_checkpoint(path, backend="reference")[1]
        assert (kept.epoch, kept.step) == (0, 0)
        train(model)
        set_rate(model)  # which callbacks have lowered
        assert ended(model, train(model, checkpoint=path)) == undisturbed("adam")
    path = tmp_path / "new.npz"
    save_checkpoint(new_model_built(), Progress(), path)
    set_rate(whole)
    assert ended(whole, train(whole, checkpoint=path)) == undisturbed("adam")


def set_rate(model: Any) -> None:
    model.optimizer.learning_rate = 0.01


def new_model_built() -> Sequential:
    model = new_model("adam")
    model.build((None, IDS.shape[1]))
    return model


def test_training_that_early_stopping_ended_stays_ended(tmp_path: Path) -> None:
    def fit(patience: int) -> Any:
        model = new_model("adam")
        stop = EarlyStopping("val_loss", min_delta=9.0, patience=patience)  # no epoch after the first is so much better
        model.fit(IDS, LABELS, 8, 9, 0, [stop], 0.2, checkpoint=tmp_path / "c.npz")
        return model

    assert len(fit(2).history.records) == 3
    with pytest.warns(UserWarning, match="a callback has ended this training after epoch 3"):
        assert len(fit(2).history.records) == 3
    assert len(fit(4).history.records) == 5


# ---- two generations


def flip(path: Path, at: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("at", [0.01, 0.3, 0.6, 0.99])
def test_one_flipped_bit_costs_a_generation_and_is_told(at: float, undisturbed: Callable, tmp_path: Path) -> None:
    path, before = tmp_path / "c.npz", tmp_path / "c.previous.npz"
    with pytest.raises(Killed):
        train(new_model("adam"), Kill(5), checkpoint=path, every_steps=1)
    flip(path, at)
    model = new_model("adam")
    with pytest.warns(UserWarning, match=r"c\.npz'?: .*; the one before is used, .*c\.previous\.npz"):
        known = train(model, checkpoint=path, every_steps=1)
    assert ended(model, known) == undisturbed("adam")
    for each in (path, before):
        load_checkpoint(each, backend="reference")


def test_a_damaged_one_never_takes_the_place_of_the_good_one(tmp_path: Path) -> None:
    path, before = tmp_path / "c.npz", tmp_path / "c.previous.npz"
    with pytest.raises(Killed):
        train(new_model("adam"), Kill(5), checkpoint=path, every_steps=1)
    good = before.read_bytes()
    flip(path, 0.5)
    with pytest.warns(UserWarning, match="the one before is used"), pytest.raises(Killed):
        train(new_model("adam"), Kill(2), checkpoint=path, every_steps=1)
    assert before.read_bytes() == good
    assert load_checkpoint(path, backend="reference")[1].step == 1


def test_both_damaged_is_an_error_and_touches_nothing(tmp_path: Path) -> None:
    path, before = tmp_path / "c.npz", tmp_path / "c.previous.npz"
    with pytest.raises(Killed):
        train(new_model("adam"), Kill(5), checkpoint=path, every_steps=1)
    for each in (path, before):
        flip(each, 0.5)
    left = path.read_bytes(), before.read_bytes()
    model = new_model("adam")
    with pytest.raises(StorageError, match=r"c\.npz.* damaged"):
        train(model, checkpoint=path)
    assert (path.read_bytes(), before.read_bytes()) == left
    with pytest.raises(StorageError, match=r"c\.npz.* damaged"):
        load_checkpoint(path)


def test_the_newest_is_gone(undisturbed: Callable, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    with pytest.raises(Killed):
        train(new_model("adam"), Kill(5), checkpoint=path, every_steps=1)
    path.unlink()
    model = new_model("adam")
    with pytest.warns(UserWarning, match="there is no .*; the one before is used"):
        known = train(model, checkpoint=path)
    assert ended(model, known) == undisturbed("adam")


# ---- what it goes on with


def changed(**what: Any) -> Sequential:
    units, rate, seed = what.get("units", 3), what.get("dropout", 0.3), what.get("seed", 2**40 + 3)
    model = Sequential(
        [
            *(Embedding(20, 4, mask_zero=True), Dropout(rate), LSTM(units, dropout=0.2, recurrent_dropout=0.2)),
            Dense(1, "sigmoid"),
        ],
        backend="reference",
        seed=seed,
    )
    optimizer = Adam(what.get("learning_rate", 0.01), beta_1=what.get("beta_1", 0.9))
    model.compile(optimizer, what.get("loss", "binary_crossentropy"), ["accuracy"])
    return model


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"units": 4}, r"units, which is 4 and was 3 here"),
        ({"dropout": 0.4}, r"rate, which is 0\.4 and was 0\.3 here"),
        ({"seed": 5}, "seed, which is 5 and was"),
        ({"learning_rate": 0.02}, r"optimizer\.learning_rate is 0\.02 here and was 0\.01"),
        ({"beta_1": 0.8}, r"optimizer\.beta_1, which is 0\.8 and was 0\.9 here"),
        ({"loss": "mse"}, "loss.*mean_squared_error"),
    ],
)
def test_another_model_is_refused(what: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    with pytest.raises(Killed):
        train(changed(), Kill(5), checkpoint=path, every_steps=1)
    left = path.read_bytes()
    model = changed(**what)
    model.build((None, IDS.shape[1]))
    weights = model.flat_params.tobytes()
    with pytest.raises(ValueError, match=rf"c\.npz holds the training of another model: .*{message}"):
        train(model, checkpoint=path)
    assert (path.read_bytes(), model.flat_params.tobytes()) == (left, weights)
    train(changed(), checkpoint=path)


def test_the_learning_rate_that_a_callback_lowered_is_taken_up(tmp_path: Path) -> None:
    class Halve(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate /= 2  # type: ignore[attr-defined]

    whole = changed()
    train(whole, Halve())
    assert whole.optimizer is not None
    assert whole.optimizer.learning_rate < 0.01 / 2 ** (ALL - 1)
    with pytest.raises(Killed):
        train(changed(), Halve(), Kill(5), checkpoint=tmp_path / "c.npz", every_steps=2)
    model = changed()
    train(model, Halve(), checkpoint=tmp_path / "c.npz")
    assert model.optimizer is not None
    assert model.optimizer.learning_rate == whole.optimizer.learning_rate
    assert model.flat_params.tobytes() == whole.flat_params.tobytes()


def test_a_setting_that_a_callback_changed_is_refused(tmp_path: Path) -> None:
    class Drop(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.layers[1].rate = 0.1  # type: ignore[attr-defined]

    with pytest.raises(Killed):
        train(changed(), Drop(), Kill(5), checkpoint=tmp_path / "c.npz", every_steps=2)
    with pytest.raises(ValueError, match=r"a callback has changed .*rate, which is 0\.1 and was 0\.3"):
        train(changed(), Drop(), checkpoint=tmp_path / "c.npz")


def test_the_stream_of_a_model_without_a_seed_is_taken_up(tmp_path: Path) -> None:
    utils.set_random_seed(3)
    models = [changed(seed=None) for _ in range(3)]
    train(models[0])
    utils.set_random_seed(3)
    first, _, third = (changed(seed=None) for _ in range(3))
    with pytest.raises(Killed):
        train(first, Kill(5), checkpoint=tmp_path / "c.npz", every_steps=1)
    train(third, checkpoint=tmp_path / "c.npz")
    assert third.seed == first.seed == models[0].seed
    assert third.flat_params.tobytes() == models[0].flat_params.tobytes()


class Pieces(utils.PyDataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        rows = slice(5 * index, 5 * index + 5)
        return IDS[rows], LABELS[rows]


def test_batches_by_number_go_on_within_an_epoch_and_a_generator_after_one(tmp_path: Path) -> None:
    def fit(x: Any, *kills: Callback, **options: Any) -> Any:
        model = new_model("adam")
        model.fit(x, epochs=2, verbose=0, callbacks=list(kills), **options)
        return model.flat_params.tobytes()

    path, other = tmp_path / "c.npz", tmp_path / "d.npz"
    with pytest.raises(Killed):
        fit(Pieces(), Kill(6), checkpoint=path, every_steps=1)
    assert load_checkpoint(path)[1].step == 1
    assert fit(Pieces(), checkpoint=path) == fit(Pieces())

    batches = [(IDS[:8], LABELS[:8]), (IDS[8:16], LABELS[8:16])]

    class Again:
        def __iter__(self) -> Any:
            return iter(batches)

    with pytest.raises(ValueError, match=r"cannot go on within an epoch of a Again, .*: leave out every_steps, or"):
        fit(Again(), checkpoint=other, every_steps=1)
    with pytest.raises(Killed):
        fit(Again(), Kill(4), checkpoint=other, every_seconds=1e-9)
    kept = load_checkpoint(other)[1]
    assert (kept.epoch, kept.step) == (1, 0)
    assert fit(Again(), checkpoint=other) == fit(Again())


def test_where_it_cannot_be_written_is_an_error_before_training(tmp_path: Path) -> None:
    model = new_model("adam")
    model.build((None, IDS.shape[1]))
    weights = model.flat_params.tobytes()
    for path, error in (("no/c.npz", OSError), ("c.keras", ValueError), ("", ValueError)):
        with pytest.raises(error):
            train(model, checkpoint=tmp_path / path)
    assert model.flat_params.tobytes() == weights
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every_steps": 2}, r"every_steps says how often to write the checkpoint: give checkpoint=path too"),
        ({"every_seconds": 2}, "every_seconds says how often"),
        ({"checkpoint": "c.npz", "every_steps": 2, "every_seconds": 2}, "every_steps or every_seconds, not both"),
        ({"checkpoint": "c.npz", "every_steps": 0}, "every_steps must be a whole number of at least 1, got 0"),
        ({"checkpoint": "c.npz", "every_seconds": 0}, "every_seconds must be positive and finite, got 0"),
    ],
)
def test_arguments_that_do_not_go_together(
    options: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        train(new_model("adam"), **options)
    assert list(tmp_path.iterdir()) == []


def test_another_initial_epoch_is_refused(tmp_path: Path) -> None:
    model = new_model("adam")
    model.fit(IDS, LABELS, 8, 3, 0, initial_epoch=2, checkpoint=tmp_path / "c.npz")
    with pytest.raises(ValueError, match=r"began with initial_epoch=2, and this call has 0"):
        new_model("adam").fit(IDS, LABELS, 8, 4, 0, checkpoint=tmp_path / "c.npz")
    again = new_model("adam")
    again.fit(IDS, LABELS, 8, 4, 0, initial_epoch=2, checkpoint=tmp_path / "c.npz")
    assert again.history is not None
    assert again.history.epoch == [2, 3]


def test_with_a_progress_the_file_is_written_only(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    train(new_model("adam"), checkpoint=path)
    model, progress = new_model("adam"), Progress()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(model, progress=progress, checkpoint=path)
    assert progress.epoch == EPOCHS


def test_every_seconds_and_how_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[int, int]] = []
    before = Sequential._write_place

    def write(self: Any, progress: Progress, *args: Any, **options: Any) -> None:
        written.append((progress.epoch, progress.step))
        before(self, progress, *args, **options)

    monkeypatch.setattr(Sequential, "_write_place", write)
    train(new_model("adam"), checkpoint=tmp_path / "a.npz", every_seconds=1e-9)
    assert len(written) == 1 + ALL + EPOCHS
    for options in ({}, {"every_seconds": 1e6}):
        written.clear()
        train(new_model("adam"), checkpoint=tmp_path / f"{len(options)}.npz", **options)
        assert written == [(0, 0), (1, 0), (2, 0), (3, 0)]
    written.clear()
    train(new_model("adam"), checkpoint=tmp_path / "c.npz", every_steps=2)
    assert written == [(0, 0), (0, 2), (1, 0), (1, 2), (2, 0), (2, 2), (3, 0)]
    assert set(OPTIMIZERS) > set(SOME)
