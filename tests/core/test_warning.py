"""A warning names the line of the user's program that it is about, not one inside the package."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.activations import Activation
from scratchnn.callbacks import Callback
from scratchnn.layers import GRU, Conv1D, Dense, Flatten, LeakyReLU, Masking
from scratchnn.losses import BinaryCrossentropy

x, y = np.ones((8, 4, 2)), np.ones((8, 1))
doubled = Activation("doubled", lambda a: 2 * a, lambda dy, y: 2 * dy)


def compiled(*layers: Any) -> Any:
    model = Sequential(layers)
    model.compile("sgd", "mse")
    return model


def masked() -> Any:
    return compiled(Masking(), Conv1D(2, 2), Flatten(), Dense(1))


def built(activation: Any = None) -> Any:
    model = compiled(Flatten(), Dense(1, activation))
    model.build(x.shape)
    return model


def with_a_metric() -> Any:
    model = built()
    model.compile("sgd", "mse", [lambda y_true, y_pred: (y_true - y_pred)[:, 0]])
    return model


def with_logits() -> Any:
    model = built("sigmoid")
    model.compile("sgd", BinaryCrossentropy(from_logits=True))
    return model


class Predicts(Callback):
    """A program's own call of the package, from inside of the package."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        masked().predict(x)


def batches() -> Any:
    yield x, y
    yield x, y


WARNED: dict[str, Callable[[], Any]] = {
    "initial_epoch": lambda: built().fit(x, y, initial_epoch=3, verbose=0),
    "fit, nothing trainable": lambda: compiled(Flatten(), Dense(1, trainable=False)).fit(x, y, verbose=0),
    "train_on_batch": lambda: compiled(Flatten(), Dense(1, trainable=False)).train_on_batch(x, y),
    "shuffled states": lambda: compiled(GRU(2, stateful=True), Dense(1)).fit(x, y, batch_size=4, verbose=0),
    "fit, mask": lambda: masked().fit(x, y, verbose=0),
    "evaluate, mask": lambda: masked().evaluate(x, y, verbose=0),
    "predict, mask": lambda: masked().predict(x),
    "call, mask": lambda: masked()(x),
    "callback, mask": lambda: built().fit(x, y, verbose=0, callbacks=[Predicts()]),
    "save, a name": lambda: built(doubled).save("model.npz"),
    "save, a metric": lambda: with_a_metric().save("model.npz"),
    "alpha": lambda: LeakyReLU(alpha=0.1),
    "from_logits": lambda: with_logits().fit(x, y, verbose=0),
    "generator": lambda: built().fit(batches(), steps_per_epoch=2, epochs=2, verbose=0),
    "held out": lambda: with_logits().fit(x, [1, 1, 1, 1, 0, 0, 0, 0], validation_split=0.5, verbose=0),
}


@pytest.mark.parametrize("case", WARNED)
def test_a_warning_names_this_file(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        WARNED[case]()
    assert caught
    assert {each.filename for each in caught} == {__file__}, [str(each.message) for each in caught]
