"""Dropout draws other masks in every step, epoch and call, for every layer, direction and gate; and none at inference.

Every mask that the kernels hand out is noted. Of each gate's mask the first 64 numbers are compared: kept or dropped at
even chances, so that two are equal by chance once in 2**64 times.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from examples.peephole_lstm import PeepholeLSTM
from scratchnn import Sequential
from scratchnn.callbacks import Callback
from scratchnn.layers import GRU, LSTM, RNN, Bidirectional, Dense, Dropout, Embedding, GlobalAveragePooling1D, SimpleRNN
from scratchnn.training.health import Health

B, T, D, H, V = 4, 5, 16, 16, 9
IDS = np.random.default_rng(0).integers(0, V, (3 * B, T))
LABELS = (IDS[:, 0] > 3).astype(int)
BACKENDS = pytest.mark.parametrize("backend", ["reference", "cpu"])
BITS = 64
MASKS_OF_A_STEP = 1 + 2 * (4 + 4) + 2 * (3 + 3) + (1 + 1) + 1 + 1  # those of `everything_drops`, gate by gate


class Noted:
    """Stands for the dropout kernels, and keeps a copy of every mask."""

    def __init__(self, kernels: Any) -> None:
        self.kernels, self.masks = kernels, []
        self.backward = kernels.backward

    def mask(self, *arguments: Any) -> np.ndarray:
        mask = self.kernels.mask(*arguments)
        self.masks.append(np.array(mask))
        return mask

    def forward(self, *arguments: Any) -> tuple[np.ndarray, Any]:
        y, mask = self.kernels.forward(*arguments)
        self.masks.append(np.array(mask)[None])
        return y, mask

    def patterns(self) -> list[bytes]:
        """Which of the first numbers were dropped, for the mask of each gate."""
        gates = [gate.ravel() for mask in self.masks for gate in mask]
        assert all(gate.size >= BITS for gate in gates)
        return [np.packbits(gate[:BITS] == 0).tobytes() for gate in gates]


def noted(model: Sequential) -> Noted:
    """The model's dropout kernels from now on."""
    notes = Noted(model.backend.kernels.dropout)
    for layer in every_layer(model.layers):
        kernels = SimpleNamespace(**vars(layer.backend.kernels) | {"dropout": notes})
        vars(layer)["backend"] = replace(layer.backend, kernels=kernels)
    return notes


@pytest.fixture(autouse=True)
def no_look_at_health(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs the last step's forward pass again, with that step's masks; tests/training/test_health.py has it."""
    monkeypatch.setattr(Health, "look", lambda self: [])


def every_layer(layers: Any) -> Iterator[Any]:
    for layer in layers:
        yield layer
        if isinstance(layer, Bidirectional):
            yield from (layer.forward_layer, layer.backward_layer)


def everything_drops(rate: float) -> list[Any]:
    both = {"dropout": rate, "recurrent_dropout": rate}
    return [
        Dropout(rate),
        Bidirectional(LSTM(H, return_sequences=True, **both)),
        Bidirectional(GRU(H, return_sequences=True, **both)),
        SimpleRNN(H, return_sequences=True, **both),
        LSTM(H, dropout=rate),
        Dropout(rate),
    ]


def compiled(layers: list[Any], backend: str = "reference", seed: int = 3, **settings: Any) -> Sequential:
    model = Sequential([Embedding(V, D), *layers, Dense(1, "sigmoid")], backend=backend, seed=seed)
    model.build((None, T))
    model.compile(**{"optimizer": "adam", "loss": "binary_crossentropy", **settings})
    return model


def assert_no_two_are_equal(patterns: list[bytes], steps: int) -> None:
    assert len(patterns) == steps * MASKS_OF_A_STEP
    assert len(set(patterns)) == len(patterns)


# ---- in training


@BACKENDS
def test_no_two_masks_of_a_step_are_equal(backend: str) -> None:
    model = compiled(everything_drops(0.5), backend)
    notes = noted(model)
    model.forward(IDS, training=True)
    assert_no_two_are_equal(notes.patterns(), 1)


@BACKENDS
def test_no_mask_comes_again_in_another_step_or_epoch(backend: str) -> None:
    model = compiled(everything_drops(0.5), backend)
    notes = noted(model)
    model.fit(IDS, LABELS, batch_size=B, epochs=3, shuffle=False, verbose=0)
    assert_no_two_are_equal(notes.patterns(), 9)


@BACKENDS
def test_no_mask_comes_again_in_another_call(backend: str) -> None:
    model = compiled(everything_drops(0.5), backend)
    notes = noted(model)
    for _ in range(5):
        model.train_on_batch(IDS[:B], LABELS[:B])
    assert_no_two_are_equal(notes.patterns(), 5)


def test_no_mask_of_fit_comes_again_when_training_goes_on_batch_by_batch() -> None:
    model = compiled(everything_drops(0.5))
    notes = noted(model)
    model.fit(IDS, LABELS, batch_size=B, epochs=2, verbose=0)
    for _ in range(2):
        model.train_on_batch(IDS[:B], LABELS[:B])
    assert_no_two_are_equal(notes.patterns(), 8)


def test_initial_epoch_begins_with_the_masks_and_the_order_of_that_epoch() -> None:
    seen = []
    for first in (0, 1):
        model = compiled(everything_drops(0.5))
        notes, batches, forward = noted(model), [], model.forward
        model.forward = lambda x, batches=batches, forward=forward, **given: batches.append(x) or forward(x, **given)
        model.fit(IDS, LABELS, batch_size=B, epochs=3, initial_epoch=first, verbose=0)
        seen.append((notes.patterns(), batches))
    (masks, order), (later_masks, later_order) = seen
    assert later_masks == masks[3 * MASKS_OF_A_STEP :]
    np.testing.assert_array_equal(later_order, order[3:])
    assert not np.array_equal(order[:3], order[3:6])


def test_no_mask_of_one_seed_is_one_of_another() -> None:
    patterns: list[bytes] = []
    for seed in (0, 1, 2**32):
        model = compiled(everything_drops(0.5), seed=seed)
        notes = noted(model)
        model.fit(IDS, LABELS, batch_size=B, verbose=0)
        patterns += notes.patterns()
    assert_no_two_are_equal(patterns, 3 * 3)


def test_equal_seeds_drop_the_same_on_both_backends() -> None:
    drawn = []
    for backend in ("reference", "reference", "cpu"):
        model = compiled(everything_drops(0.5), backend)
        notes = noted(model)
        model.fit(IDS, LABELS, batch_size=B, epochs=2, verbose=0)
        drawn.append(notes.masks)
    for first, *others in zip(*drawn, strict=True):
        assert all(np.array_equal(first, other) for other in others)


@BACKENDS
def test_no_part_of_a_batch_has_the_mask_of_another_part(backend: str) -> None:
    """Neither other rows, nor the same ones under another mask."""
    model = compiled(everything_drops(0.5), backend)
    notes = noted(model)
    model.forward(np.zeros((160, T), int), training=True)
    parts = np.concatenate([gate.reshape(-1, BITS) == 0 for mask in notes.masks for gate in mask])
    assert len(parts) > 1500
    assert len(np.unique(parts, axis=0)) == len(parts)


# ---- at inference

WITH_DROPOUT: dict[str, Callable[[float], list[Any]]] = {
    "Dropout": lambda rate: [Dropout(rate), GlobalAveragePooling1D()],
    "SimpleRNN": lambda rate: [SimpleRNN(H, dropout=rate, recurrent_dropout=rate)],
    "LSTM": lambda rate: [LSTM(H, dropout=rate, recurrent_dropout=rate)],
    "GRU": lambda rate: [GRU(H, dropout=rate, recurrent_dropout=rate)],
    "GRU, reset before": lambda rate: [GRU(H, dropout=rate, recurrent_dropout=rate, reset_after=False)],
    "both ways": lambda rate: [Bidirectional(GRU(H, dropout=rate, recurrent_dropout=rate))],
    "a cell": lambda rate: [RNN(PeepholeLSTM(H), dropout=rate, recurrent_dropout=rate)],
    "everything": everything_drops,
}
PLACES = pytest.mark.parametrize(
    ("name", "backend"),
    [(name, of) for name in WITH_DROPOUT for of in ("reference", "cpu") if (name, of) != ("a cell", "cpu")],
)


def with_and_without(name: str, backend: str, **settings: Any) -> tuple[Sequential, Sequential]:
    """A model that drops nine numbers of ten, and one that drops none, which begin alike."""
    return tuple(compiled(WITH_DROPOUT[name](rate), backend, **settings) for rate in (0.9, 0.0))  # type: ignore


@PLACES
def test_inference_gives_what_a_model_without_dropout_gives(name: str, backend: str) -> None:
    model, plain = with_and_without(name, backend)
    notes = noted(model)
    expected, loss = plain.predict(IDS, verbose=0), plain.evaluate(IDS, LABELS, verbose=0)
    for _ in range(2):
        np.testing.assert_array_equal(model.predict(IDS, batch_size=len(IDS), verbose=0), expected)
        np.testing.assert_array_equal(model.forward(IDS)[0], expected)
        assert model.evaluate(IDS, LABELS, verbose=0) == loss
    assert notes.masks == []


@PLACES
def test_training_does_drop(name: str, backend: str) -> None:
    """Beside it, so that the test above cannot pass because nothing ever drops."""
    model, plain = with_and_without(name, backend)
    notes = noted(model)
    y, expected = model.forward(IDS, training=True)[0], plain.forward(IDS, training=True)[0]
    assert notes.masks and np.abs(y - expected).max() > 1e-3
    loss = model.train_on_batch(IDS, LABELS)
    assert abs(loss - plain.evaluate(IDS, LABELS, verbose=0)) > 1e-6


@PLACES
def test_a_layer_used_alone_drops_in_training_only(name: str, backend: str) -> None:
    x = np.random.default_rng(1).normal(size=(B, T, D))
    for dropping, plain in zip(*(WITH_DROPOUT[name](rate) for rate in (0.9, 0.0)), strict=True):
        if not dropping.uses_rng:
            continue
        for layer in (dropping, plain):
            layer.build((None, T, D), backend=backend, dtype="float64", seed=3)
        expected = plain.forward(x)[0]
        rng = np.random.default_rng(2)
        for y in (dropping.forward(x)[0], dropping.forward(x, training=False, rng=rng)[0], dropping(x)):
            np.testing.assert_array_equal(y, expected)
        y, _ = dropping.forward(x, training=True, rng=rng)
        assert not np.array_equal(y, expected)


class Looks(Callback):
    """Predicts and evaluates in the middle of training, as callbacks do."""

    def __init__(self, notes: Noted) -> None:
        self.notes, self.seen = notes, []

    def set_model(self, model: Any) -> None:
        self.model = model

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        before = len(self.notes.masks)
        self.seen.append((self.model.predict(IDS, verbose=0), self.model.get_weights()))
        self.model.evaluate(IDS, LABELS, verbose=0)
        assert len(self.notes.masks) == before


@BACKENDS
def test_validation_and_callbacks_inside_of_fit_drop_nothing(backend: str) -> None:
    model, plain = with_and_without("everything", backend)
    notes = noted(model)
    looks = Looks(notes)
    history = model.fit(
        IDS, LABELS, batch_size=B, epochs=2, verbose=0, validation_data=(IDS, LABELS), callbacks=[looks]
    )
    assert len(notes.patterns()) == 2 * 3 * MASKS_OF_A_STEP
    for (predicted, weights), loss in zip(looks.seen, history.history["val_loss"], strict=True):
        plain.set_weights(weights)
        np.testing.assert_array_equal(plain.predict(IDS, verbose=0), predicted)
        assert plain.evaluate(IDS, LABELS, batch_size=B, verbose=0) == loss
