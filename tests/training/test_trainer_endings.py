"""How training ends early: numbers that are none, and callbacks that stop it or keep what it brought."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, load_model
from scratchnn.callbacks import Callback, CSVLogger, EarlyStopping, ModelCheckpoint
from scratchnn.layers import Dense, Embedding, Flatten
from scratchnn.optimizers import SGD
from scratchnn.training.progress import NonFiniteError, Progress

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 20, (21, 6))
LABELS = (IDS[:, 0] > 9).astype(int)


def model_for_ids(**compiled: Any) -> Sequential:
    model = Sequential(
        [Embedding(20, 4, input_length=6), Flatten(), Dense(4, "tanh"), Dense(1, "sigmoid")],
        backend="reference",
        seed=0,
    )
    model.compile(**{"optimizer": "adam", "loss": "binary_crossentropy", "metrics": ["accuracy"], **compiled})
    return model


def bytes_of(model: Sequential) -> bytes:
    return b"".join(weight.tobytes() for weight in model.get_weights())


# ---- callbacks that are heard


def test_a_hook_hung_onto_the_object_is_called() -> None:
    heard: list[int] = []
    callback: Any = Callback()
    callback.on_batch_end = lambda batch, logs: heard.append(batch)
    model_for_ids().fit(IDS, LABELS, 8, verbose=0, callbacks=[callback])
    assert heard == [0, 1, 2]


def test_the_loop_is_silent_about_overflows_and_a_callback_is_not() -> None:
    class Dividing(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            np.ones(1) / np.zeros(1)

    with pytest.warns(RuntimeWarning, match="divide by zero"):
        model_for_ids().fit(IDS, LABELS, verbose=0, callbacks=[Dividing()])


# ---- numbers that are none


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_parameter_that_is_no_number_stops_before_the_step(poison: float) -> None:
    model = model_for_ids(optimizer=SGD(0.1), loss="mse", metrics=None)
    weights: list[bytes] = []

    class Poison(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                poisoned = self.model.get_weights()
                poisoned[1][0, 0] = poison
                self.model.set_weights(poisoned)
            weights.append(bytes_of(model))

    progress = Progress()
    with (
        np.errstate(all="ignore"),
        pytest.raises(NonFiniteError, match=r"step 4 of epoch 1: parameter W of Dense 'dense' is not finite.*clip"),
    ):
        model.fit(IDS, LABELS, 4, epochs=3, verbose=0, callbacks=[Poison()], progress=progress)
    assert bytes_of(model) == weights[-1]
    assert (progress.epoch, progress.step) == (0, 3)


def test_a_gradient_that_is_no_number_names_its_parameter() -> None:
    model = Sequential([Dense(2, name="first"), Dense(1, name="last")], backend="reference")
    model.compile(SGD(0.1), "mse")
    x = np.ones((4, 3), np.float32)
    model.build((None, 3))
    # The outputs stay near 1e19, whose square is just a number; the gradient of W is 1e19 times 1e25.
    model.set_weights([np.full((3, 2), 1e25), np.zeros(2), np.array([[1e-7], [-1e-7]]), np.full(1, 1e15)])
    before = bytes_of(model)
    with (
        np.errstate(all="ignore"),
        pytest.raises(NonFiniteError, match="step 1 of epoch 1: the gradient of W of Dense 'last'"),
    ):
        model.fit(x, np.zeros(4), verbose=0)
    assert bytes_of(model) == before


def test_learning_too_fast_is_an_error_and_nothing_else_is_printed() -> None:
    model = model_for_ids(optimizer=SGD(1e30), loss="mse", metrics=None)
    with warnings.catch_warnings(), pytest.raises(NonFiniteError, match="smaller learning rate"):
        warnings.simplefilter("error")
        model.fit(IDS, LABELS, 4, epochs=3, verbose=0)


def test_a_last_step_into_infinity_is_an_error_too() -> None:
    model = Sequential([Dense(1)], backend="reference")
    model.compile(SGD(1e38), "mse")
    before: list[bytes] = []
    model.build((None, 3))
    before.append(bytes_of(model))
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError):
        model.fit(np.full((4, 3), 100, np.float32), np.arange(4.0), verbose=0)
    assert bytes_of(model) == before[0]


# ---- callbacks on a real model


def test_early_stopping_brings_the_best_weights_back() -> None:
    # A held-out set with wrong labels gets worse as training goes on, from some epoch.
    model = model_for_ids(optimizer=SGD(0.5))
    wrong = 1 - LABELS[:8]
    saved: list[bytes] = []

    class Saved(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            saved.append(bytes_of(model))

    stopping = EarlyStopping(patience=2, restore_best_weights=True)
    history = model.fit(
        *(IDS, LABELS, 8, 40), verbose=0, validation_data=(IDS[:8], wrong), callbacks=[Saved(), stopping]
    )
    val_loss = history.history["val_loss"]
    best = int(np.argmin(val_loss))
    assert len(val_loss) == best + 3 < 40
    assert stopping.best_epoch == best
    assert bytes_of(model) == saved[best] != saved[-1]
    assert model.evaluate(IDS[:8], wrong, 8, verbose=0, return_dict=True)["loss"] == val_loss[best]


def test_checkpoint_file_holds_the_model_of_its_epoch(tmp_path: Path) -> None:
    model = model_for_ids()
    checkpoint = ModelCheckpoint(tmp_path / "model-{epoch:02d}.npz", monitor="loss")
    history = model.fit(IDS, LABELS, epochs=2, verbose=0, callbacks=[checkpoint])
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["model-01.npz", "model-02.npz"]
    last = load_model(checkpoint.last_path or "", backend="reference")
    assert np.array_equal(last.predict(IDS), model.predict(IDS))
    assert bytes_of(load_model(tmp_path / "model-01.npz", backend="reference")) != bytes_of(model)
    # The loaded model goes on like the one it was saved from: compiled, with the same loss.
    assert last.evaluate(IDS, LABELS, verbose=0) == model.evaluate(IDS, LABELS, verbose=0)
    assert len(history.history["loss"]) == 2


def test_csv_log_holds_the_history(tmp_path: Path) -> None:
    history = model_for_ids().fit(
        IDS, LABELS, epochs=2, verbose=0, validation_split=0.3, callbacks=[CSVLogger(tmp_path / "log.csv")]
    )
    head, *rows = (line.split(",") for line in (tmp_path / "log.csv").read_text().splitlines())
    assert head == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [row[0] for row in rows] == ["0", "1"]
    for i, key in enumerate(head[1:], start=1):
        assert [float(row[i]) for row in rows] == history.history[key]


def test_an_optimizer_of_another_model_starts_anew_or_is_refused() -> None:
    def last_weights(optimizer: Any) -> bytes:
        model = model_for_ids(optimizer=optimizer)
        model.fit(IDS, LABELS, verbose=0)
        return bytes_of(model)

    shared = SGD(0.5, momentum=0.9)
    alone = last_weights(shared)
    try:
        assert last_weights(shared) == alone
    except (RuntimeError, ValueError) as error:
        assert "optimizer" in str(error)
