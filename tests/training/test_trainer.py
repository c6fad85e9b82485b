"""The training loop: what it records, which examples it holds out, in which order it goes, where it stops."""

import math
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.callbacks import Callback, EarlyStopping
from scratchnn.layers import (
    GRU,
    LSTM,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    MaxPooling1D,
    SimpleRNN,
)
from scratchnn.optimizers import SGD
from scratchnn.training import batches
from scratchnn.training.progress import Progress

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 20, (21, 6))
LABELS = (IDS[:, 0] > 9).astype(int)


def model_for_ids(seed: int = 0, dropout: float = 0.0, **compiled: Any) -> Sequential:
    model = Sequential(
        [Embedding(20, 4, input_length=6), Flatten(), Dropout(dropout), Dense(4, "tanh"), Dense(1, "sigmoid")],
        backend="reference",
        seed=seed,
    )
    model.compile(**{"optimizer": "adam", "loss": "binary_crossentropy", "metrics": ["accuracy"], **compiled})
    return model


def bytes_of(model: Sequential) -> bytes:
    return b"".join(weight.tobytes() for weight in model.get_weights())


ROW_BY_ROW = {
    "recurrent": lambda: [SimpleRNN(8, return_sequences=True), LSTM(33, return_sequences=True), GRU(16)],
    "conv": lambda: [Conv1D(17, 3, activation="relu"), MaxPooling1D(2), GlobalAveragePooling1D()],
    "dense": lambda: [Flatten(), Dense(17, "relu"), Dense(1, "sigmoid")],
}


class Batches(Callback):
    """Notes what is trained on: the ids that `forward` was given, batch by batch."""

    def __init__(self, model: Sequential) -> None:
        self.seen: list[np.ndarray] = []
        self.losses: list[float] = []
        self.tested: list[np.ndarray] = []
        self.outputs: list[np.ndarray] = []
        forward = model.forward

        def noted(x: np.ndarray, **options: Any) -> Any:
            (self.seen if options.get("training") else self.tested).append(x.copy())
            y, caches = forward(x, **options)
            self.outputs.append(y.copy())
            return y, caches

        model.forward = noted  # type: ignore[method-assign]

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        assert logs is not None
        self.losses.append(logs["loss"])


# ---- history and held-out examples


@pytest.mark.parametrize("batch_size", [8, 21, 50])
def test_history_has_one_number_per_epoch(batch_size: int) -> None:
    history = model_for_ids().fit(IDS, LABELS, batch_size, epochs=3, verbose=0, validation_data=(IDS[:5], LABELS[:5]))
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(len(values) == 3 for values in history.history.values())
    assert history.epoch == [0, 1, 2]
    assert set(history.records[0]) == {*history.history, "gradient_norm", "reviews_per_second", "seconds"}
    without = model_for_ids(metrics=None).fit(IDS, LABELS, batch_size, verbose=0)
    assert list(without.history) == ["loss"]


def test_the_epochs_of_the_history_begin_at_the_initial_one() -> None:
    # In Keras: model.fit(x, y, epochs=5, initial_epoch=3).epoch == [3, 4], and [] for initial_epoch=5 and epochs=5.
    for first, last in ((0, 2), (3, 5), (4, 5), (5, 5)):
        history = model_for_ids().fit(IDS, LABELS, epochs=last, initial_epoch=first, verbose=0)
        assert history.epoch == list(range(first, last))
        assert all(len(values) == last - first for values in history.history.values())
    progress = Progress()
    model_for_ids().fit(IDS, LABELS, epochs=2, verbose=0, progress=progress)
    assert model_for_ids().fit(IDS, LABELS, epochs=3, verbose=0, progress=progress).epoch == [0, 1, 2]


def test_epochs_that_are_all_behind_are_told() -> None:
    model = model_for_ids()
    before = bytes_of(model) if model.built else None
    with pytest.warns(UserWarning, match="nothing is trained: initial_epoch is 5, and epochs=3 is where training ends"):
        history = model.fit(IDS, LABELS, epochs=3, initial_epoch=5, verbose=0)
    assert history.epoch == [] and history.history == {}
    assert before is None or bytes_of(model) == before


def test_one_callback_may_come_alone() -> None:
    # As in Keras: model.fit(x, y, callbacks=keras.callbacks.EarlyStopping("loss"))
    callback = EarlyStopping("loss", mode="max")
    assert len(model_for_ids().fit(IDS, LABELS, epochs=5, verbose=0, callbacks=callback).epoch) == 2


def test_validation_split_holds_out_the_end_before_shuffling() -> None:
    model = model_for_ids()
    batches = Batches(model)
    model.fit(IDS, LABELS, batch_size=4, epochs=2, verbose=0, validation_split=0.25)
    # 21 - 5.25 leaves 15: Keras rounds down.
    trained = np.concatenate(batches.seen)
    assert sorted(map(tuple, trained[:15])) == sorted(map(tuple, IDS[:15]))
    assert sorted(map(tuple, trained[15:])) == sorted(map(tuple, IDS[:15]))
    assert np.array_equal(np.concatenate(batches.tested), np.concatenate([IDS[15:], IDS[15:]]))
    assert not np.array_equal(trained[:15], IDS[:15])
    assert not np.array_equal(trained[:15], trained[15:])


def test_validation_numbers_are_those_of_evaluate() -> None:
    model = model_for_ids(dropout=0.5)
    history = model.fit(IDS[:15], LABELS[:15], epochs=2, verbose=0, validation_data=(IDS[15:], LABELS[15:]))
    results = model.evaluate(IDS[15:], LABELS[15:], verbose=0, return_dict=True)
    assert results == {"loss": history.history["val_loss"][-1], "accuracy": history.history["val_accuracy"][-1]}


@pytest.mark.parametrize("ones", [15, 12])
def test_a_held_out_end_of_one_class_is_told(ones: int) -> None:
    y = np.arange(21) < ones
    with pytest.warns(UserWarning, match="every label of the 6 validation examples is 0 .* shuffle x and y together"):
        model_for_ids().fit(IDS, y, verbose=0, validation_split=0.25)


def test_held_out_examples_of_both_classes_need_no_word() -> None:
    model_for_ids().fit(IDS, LABELS, verbose=0, validation_split=0.25)  # a warning would be an error


# ---- order


def test_the_seed_decides_and_nothing_else() -> None:
    def trained(seed: int, **settings: Any) -> bytes:
        model = model_for_ids(seed, dropout=0.3)
        model.fit(IDS, LABELS, batch_size=4, epochs=2, verbose=0, **settings)
        return bytes_of(model)

    first = trained(1)
    np.random.default_rng().random(3)
    assert trained(1) == first
    assert trained(2) != first
    assert trained(1, shuffle=False) != first


def test_other_seeds_give_other_orders_and_shuffle_false_none() -> None:
    def order(seed: int, shuffle: bool) -> list[np.ndarray]:
        model = model_for_ids(seed)
        batches = Batches(model)
        model.fit(IDS, LABELS, batch_size=4, epochs=2, verbose=0, shuffle=shuffle)
        assert [len(x) for x in batches.seen] == [4, 4, 4, 4, 4, 1] * 2
        return batches.seen

    assert np.array_equal(np.concatenate(order(0, False)), np.concatenate([IDS, IDS]))
    assert not np.array_equal(np.concatenate(order(0, True)), np.concatenate(order(1, True)))


@pytest.mark.parametrize("n, T, batch_size", [(1, 6, 1), (5, 1, 32), (5, 1, 1), (33, 6, 32)])
def test_edges_of_size(n: int, T: int, batch_size: int) -> None:
    x = RNG.integers(0, 20, (n, T))
    model = Sequential([Embedding(20, 4), LSTM(3), Dense(1, "sigmoid")], backend="reference")
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    batches = Batches(model)
    history = model.fit(x, np.arange(n) % 2, batch_size, epochs=2, verbose=0)
    assert len(batches.seen) == 2 * math.ceil(n / batch_size)
    assert len(history.history["loss"]) == 2
    assert model.predict(x, batch_size).shape == (n, 1)


def test_every_step_of_every_epoch_drops_other_numbers() -> None:
    # Two equal batches, two epochs, and no learning to speak of: only what was dropped tells the losses apart.
    model = model_for_ids(dropout=0.5, optimizer=SGD(1e-30))
    batches = Batches(model)
    model.fit(np.tile(IDS, (2, 1)), np.tile(LABELS, 2), 21, epochs=2, verbose=0, shuffle=False, callbacks=[batches])
    assert len(set(batches.losses)) == 4


def test_every_layer_drops_other_numbers() -> None:
    model = Sequential([Dropout(0.5), Dropout(0.5)], backend="reference")
    model.build((None, 1000))
    y, _ = model.forward(np.ones((1, 1000), np.float32), training=True)
    # Kept by both: a quarter. If both dropped the same numbers it would be a half.
    assert 200 < np.count_nonzero(y) < 300


# ---- means over unequal batches


def test_training_numbers_are_running_means() -> None:
    model = model_for_ids()
    batches = Batches(model)
    history = model.fit(IDS, LABELS, batch_size=8, verbose=0, shuffle=False, callbacks=[batches])
    # Batches of 8, 8 and 5: weighted by their sizes, so that every example counts alike.
    a = np.concatenate(batches.outputs).astype(np.float64)[:, 0]  # before the sigmoid
    losses = np.log1p(np.exp(np.where(LABELS == 1, -a, a)))
    np.testing.assert_allclose(batches.losses, [losses[:n].mean() for n in (8, 16, 21)], rtol=1e-6)
    assert history.history["loss"] == [batches.losses[-1]]
    # Without learning, every mean is that of the whole.
    still = model_for_ids(optimizer=SGD(1e-30))
    history = still.fit(IDS, LABELS, batch_size=8, verbose=0)
    loss, accuracy = still.evaluate(IDS, LABELS, batch_size=21, verbose=0)
    np.testing.assert_allclose(history.history["loss"], [loss], rtol=1e-6)
    assert history.history["accuracy"] == [accuracy]


def test_the_gradient_norm_is_the_mean_over_steps() -> None:
    norms: list[float] = []

    class Noting(SGD):
        def update(self, w: Any, g: Any) -> None:
            norms.append(float(np.linalg.norm(g)))
            super().update(w, g)

    history = model_for_ids(optimizer=Noting(0.5)).fit(IDS, LABELS, batch_size=8, verbose=0)
    assert len(norms) == 3
    np.testing.assert_allclose(history.records[0]["gradient_norm"], np.mean(norms), rtol=1e-6)


def test_evaluate_weighs_the_last_batch_by_its_size() -> None:
    model = model_for_ids()
    whole = model.evaluate(IDS, LABELS, batch_size=21, verbose=0)
    for batch_size in (1, 4, 20):
        np.testing.assert_allclose(model.evaluate(IDS, LABELS, batch_size, verbose=0), whole, rtol=1e-6)
    assert isinstance(model_for_ids(metrics=None).evaluate(IDS, LABELS, verbose=0), float)


def test_a_step_has_its_examples_at_the_same_place_wherever_training_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """How operands lie in memory may decide about a product's last bits, and a resumed run has the same ones."""
    monkeypatch.setattr(batches, "BYTES_GATHERED", 4 * 24)  # four steps of two rows
    x, y = RNG.normal(size=(21, 3)).astype(np.float32), RNG.normal(size=(21, 1)).astype(np.float32)
    order = RNG.permutation(21)
    places: dict[int, list[int]] = {}
    for begin in (0, 6, 9):
        epoch = batches.Batches((x, y, None), 2, order)
        for step in range(begin, len(epoch)):
            examples, _, _ = epoch[step]
            assert (examples == x[order[2 * step : 2 * step + 2]]).all()
            assert examples.base is not None
            places.setdefault(step, []).append(examples.ctypes.data - examples.base.ctypes.data)
    assert places[6] == [48, 48] and places[10] == [48, 48, 48]
    assert all(len(set(found)) == 1 for found in places.values())


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("name", sorted(ROW_BY_ROW))
def test_a_row_has_one_prediction_whatever_batch_it_is_in(name: str, backend: str) -> None:
    # The same bits from the cpu kernels. BLAS, in Dense and in the reference, adds in another order when the batch has
    # another number of rows: there the results are as close as sums of 50 float32 numbers are.
    exact = backend == "cpu" and name != "dense"
    x = RNG.normal(size=(70, 6, 50)).astype(np.float32)
    model = Sequential(ROW_BY_ROW[name](), backend=backend, seed=1)
    whole = model.predict(x, batch_size=70)
    for batch_size in (1, 7, 32):
        apart = model.predict(x, batch_size)
        assert np.array_equal(apart, whole) if exact else np.allclose(apart, whole, rtol=1e-5, atol=1e-6), batch_size
