"""Training that is interrupted, saved, loaded into a new model and continued ends where undisturbed training ends."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.callbacks import Callback, History
from scratchnn.layers import LSTM, Dense, Dropout, Embedding
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from scratchnn.training.progress import Progress

EPOCHS, STEPS = 3, 3
# 25 examples, the last 5 held out: batches of 8, 8 and 4.
IDS = np.random.default_rng(0).integers(0, 20, (25, 5))
LABELS = np.arange(25) % 2

OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "adam": lambda: Adam(0.01),
    "adamw": lambda: AdamW(0.01, global_clipnorm=0.1),
    "rmsprop": lambda: RMSprop(0.01, momentum=0.5, centered=True),
    "sgd": lambda: SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.1),
}


def new_model(optimizer: str) -> Sequential:
    model = Sequential(
        [
            *(Embedding(20, 4, mask_zero=True), Dropout(0.3), LSTM(3, dropout=0.2, recurrent_dropout=0.2)),
            Dense(1, "sigmoid"),
        ],
        backend="reference",
        seed=2**40 + 3,
    )
    model.compile(OPTIMIZERS[optimizer](), "binary_crossentropy", ["accuracy"])
    return model


class Stop(Callback):
    """Ctrl-C after so many steps of an epoch; after the last step and the validation when `steps` is None."""

    def __init__(self, epoch: int, steps: int | None) -> None:
        self.epoch, self.steps, self.now = epoch, steps, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.now, batch + 1) == (self.epoch, self.steps):
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (epoch, None) == (self.epoch, self.steps):
            raise KeyboardInterrupt


def train(model: Sequential, progress: Progress, *callbacks: Callback) -> History:
    return model.fit(*(IDS, LABELS, 8, EPOCHS), verbose=0, validation_split=0.2, progress=progress, callbacks=callbacks)


def interrupted(optimizer: str, stops: list[Stop], path: Path) -> tuple[Any, Progress]:
    model: Any = new_model(optimizer)
    progress = Progress()
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            train(model, progress, stop)
        save_checkpoint(model, progress, path)
        model, progress = load_checkpoint(path, backend="reference")
    train(model, progress)
    return model, progress


def result(model: Any, progress: Progress) -> dict[str, Any]:
    """All of a training but the time it took, as bytes."""
    untimed = [{k: v for k, v in r.items() if k not in ("seconds", "reviews_per_second")} for r in progress.records]
    return {
        "weights": model.flat_params.tobytes(),
        "optimizer": {name: slot.tobytes() for name, slot in model.optimizer.state().items()},
        "history": [{key: struct.pack("<d", value) for key, value in record.items()} for record in untimed],
        "place": (progress.epoch, progress.step, progress.seen, progress.loss, progress.counts),
    }


@pytest.fixture(scope="module")
def undisturbed() -> Callable[[str], dict[str, Any]]:
    results: dict[str, dict[str, Any]] = {}

    def of(optimizer: str) -> dict[str, Any]:
        if optimizer not in results:
            model, progress = new_model(optimizer), Progress()
            train(model, progress)
            results[optimizer] = result(model, progress)
        return results[optimizer]

    return of


@pytest.mark.parametrize("steps", [1, 2, STEPS, None])
@pytest.mark.parametrize("epoch", range(EPOCHS))
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_going_on_gives_the_same_bytes(
    optimizer: str, epoch: int, steps: int | None, undisturbed: Callable, tmp_path: Path
) -> None:
    assert result(*interrupted(optimizer, [Stop(epoch, steps)], tmp_path / "c.npz")) == undisturbed(optimizer)


def test_going_on_again_and_again(undisturbed: Callable, tmp_path: Path) -> None:
    stops = [Stop(epoch, steps) for epoch in range(EPOCHS) for steps in (1, 2, STEPS, None)]
    assert result(*interrupted("adam", stops, tmp_path / "c.npz")) == undisturbed("adam")


def test_the_comparison_sees_a_forgotten_slot(undisturbed: Callable, tmp_path: Path) -> None:
    model, progress = new_model("adam"), Progress()
    with pytest.raises(KeyboardInterrupt):
        train(model, progress, Stop(1, 2))
    save_checkpoint(model, progress, tmp_path / "c.npz")
    loaded, progress = load_checkpoint(tmp_path / "c.npz", backend="reference")
    assert loaded.optimizer is not None
    loaded.optimizer.slots["velocity"] *= 1.001
    train(loaded, progress)
    ours, other = result(loaded, progress), undisturbed("adam")
    assert all(ours[key] != other[key] for key in ("weights", "optimizer", "history"))


def test_history_keeps_its_order_of_keys(tmp_path: Path) -> None:
    model, progress = new_model("adam"), Progress()
    whole = list(train(model, progress).history)
    _, progress = interrupted("adam", [Stop(1, 2)], tmp_path / "c.npz")
    assert list(History(progress.records).history) == whole


def test_another_batch_size_in_the_middle_of_an_epoch_is_refused(tmp_path: Path) -> None:
    model, progress = new_model("adam"), Progress()
    with pytest.raises(KeyboardInterrupt):
        train(model, progress, Stop(1, 2))
    with pytest.raises(ValueError, match="batch_size"):
        model.fit(IDS, LABELS, 4, EPOCHS, verbose=0, validation_split=0.2, progress=progress)
