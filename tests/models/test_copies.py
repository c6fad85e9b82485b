"""A copy of a model is another model: it predicts and trains on to the same bits, and shares nothing with the first."""

import copy
import multiprocessing
import pickle  # noqa: TID251 - the package has none; its users do
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, activations, optimizers
from scratchnn.callbacks import Callback, CSVLogger, EarlyStopping, ModelCheckpoint
from scratchnn.core import backend
from scratchnn.data.text import Vocabulary
from scratchnn.layers import LSTM, Dense, Dropout, Embedding, Flatten
from scratchnn.losses import BinaryCrossentropy
from scratchnn.metrics import AUC, BinaryAccuracy, MeanMetric
from scratchnn.training.progress import Progress
from tests.models.kinds import IDS, KINDS, LABELS, state_of


def pickled(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


def pickled_in_python(thing: Any) -> Any:
    """By the oldest protocol that copies classes of today."""
    return pickle.loads(pickle.dumps(thing, protocol=2))


WAYS = [copy.deepcopy, copy.copy, pickled, pickled_in_python]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", KINDS)
def test_a_copy_trains_on_and_shares_nothing(name: str, way: Callable[[Any], Any]) -> None:
    kind = KINDS[name]
    model = kind.trained(2)
    before = state_of(model)
    other = way(model)
    assert state_of(other) == before and type(other) is type(model)
    assert np.array_equal(other.predict(kind.x), model.predict(kind.x))
    assert not np.shares_memory(other.trainable_params, model.trainable_params)
    for layer, theirs, trained in zip(other.layers, model.layers, other.trained, strict=True):
        assert layer.model() is other
        assert all(np.shares_memory(layer.params[name], other.trainable_params) for name in trained)
        assert not any(np.shares_memory(param, theirs.params[name]) for name, param in layer.params.items())
    assert all(layer.model() is model for layer in model.layers)
    assert other.optimizer.owner() is other and model.optimizer.owner() is model

    assert vars(other.loss) == vars(model.loss) and vars(other.joined_loss) == vars(model.joined_loss)
    moved = kind.fit(other, 2)
    assert state_of(model) == before and state_of(other) != before
    assert kind.fit(model, 2) == moved
    assert state_of(model) == state_of(other)


@pytest.mark.parametrize("way", WAYS)
def test_the_copy_of_a_copy_outlives_both(way: Callable[[Any], Any]) -> None:
    kind = KINDS["lstm, dropout"]
    model = kind.trained(1)
    last = way(way(model))
    want = kind.fit(model, 1)
    gone = weakref.ref(model)
    del model
    assert gone() is None
    assert kind.fit(last, 1) == want


@pytest.mark.parametrize("way", WAYS)
def test_what_was_not_trained_built_or_compiled_can_be_copied(way: Callable[[Any], Any]) -> None:
    empty = Sequential(seed=1)
    assert way(empty).layers == []
    unbuilt = Sequential([Embedding(20, 4), Flatten(), Dense(1)], seed=1)
    other = way(unbuilt)
    assert not other.built and np.array_equal(other.predict(IDS), unbuilt.predict(IDS))
    begun = Sequential([Input((6,)), Embedding(20, 4), Flatten(), Dense(2)], seed=1)
    begun.set_weights([weight + 1 for weight in begun.get_weights()])
    begun.add(Dense(1))  # it has parameters, and must be built again
    other = way(begun)
    assert np.array_equal(other.predict(IDS), begun.predict(IDS))
    fresh, twin = KINDS["feed forward"].make(), KINDS["feed forward"].make()
    assert KINDS["feed forward"].fit(way(fresh), 1) == KINDS["feed forward"].fit(twin, 1)


@pytest.mark.parametrize("way", WAYS)
def test_weights_of_a_copy_are_its_own(way: Callable[[Any], Any]) -> None:
    model = KINDS["bidirectional"].trained(1)
    want = model.predict(IDS)
    other = way(model)
    other.set_weights([weight * 0 for weight in other.get_weights()])
    for layer in other.layers:
        for param in layer.params.values():
            param[...] = 0
    assert np.array_equal(model.predict(IDS), want) and not np.array_equal(other.predict(IDS), want)
    assert not other.flat_params.any() and other.metadata is not model.metadata


def test_two_references_to_one_model_stay_one() -> None:
    model = KINDS["feed forward"].trained(1)
    first, second = pickled([model, model])
    assert first is second
    layers, other = copy.deepcopy((model.layers, model))
    assert all(map(lambda a, b: a is b, layers, other.layers))


class Tagged(Sequential):
    """A class of the user's own, with something of its own."""

    tag: list[str]


def test_a_class_of_ones_own_goes_by_the_rules_of_pickle() -> None:
    model = Tagged([Input((6,)), Dense(1)])
    model.tag = ["mine"]
    for way in WAYS:
        other = way(model)
        assert type(other) is Tagged and other.tag == ["mine"]
    assert copy.deepcopy(model).tag is not model.tag

    class Hidden(Sequential):
        pass

    assert type(copy.deepcopy(Hidden([Input((6,)), Dense(1)]))) is Hidden
    with pytest.raises((AttributeError, pickle.PicklingError), match="Hidden"):
        pickle.dumps(Hidden([Input((6,)), Dense(1)]))


def test_a_function_without_a_name_can_be_copied_and_not_pickled() -> None:
    cube = activations.Activation("cube", lambda a: a**3, lambda dy, y: dy * 3 * np.cbrt(y) ** 2)
    model = Sequential([Input((6,)), Dense(1, cube)], backend="reference")
    assert np.array_equal(copy.deepcopy(model).predict(IDS), model.predict(IDS))
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(model)


# ---- other processes


def _train_on(model: Any) -> tuple[Any, list[float]]:
    history = model.fit(IDS, LABELS, 8, 1, verbose=0)
    return model, history.history["loss"]


@pytest.mark.parametrize("method", ["spawn"])
def test_a_process_of_its_own_trains_a_copy(method: str) -> None:
    model = KINDS["feed forward"].trained(1)
    before = state_of(model)
    with multiprocessing.get_context(method).Pool(1) as pool:
        other, losses = pool.apply(_train_on, (model,))
    assert state_of(model) == before
    assert KINDS["feed forward"].fit(model, 1)["loss"] == losses
    assert state_of(other) == state_of(model)


def test_arrays_that_may_not_be_written_become_parameters() -> None:
    """As joblib hands them on, which keeps large arrays in read-only files."""
    model = KINDS["bidirectional"].trained(1)
    buffers: list[Any] = []
    stored = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
    other = pickle.loads(stored, buffers=[bytes(buffer.raw()) for buffer in buffers])
    assert len(buffers) > 10
    assert KINDS["bidirectional"].fit(other, 1) == KINDS["bidirectional"].fit(model, 1)


# ---- what belongs to a model


@pytest.mark.parametrize("name", ["reference", "cpu"])
@pytest.mark.parametrize("way", WAYS)
def test_a_copied_backend_is_the_backend(name: str, way: Callable[[Any], Any]) -> None:
    chosen = backend.load(name)
    other = way(chosen)
    assert other == chosen and type(other) is type(chosen) and other.kernels is chosen.kernels


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam", "adamw"])
def test_a_copied_optimizer_has_state_of_its_own(name: str, way: Callable[[Any], Any]) -> None:
    model = Sequential([Input((6,)), Dense(1)], seed=1)
    model.compile(optimizers.get({"name": name, "clipnorm": 1.0}), "mse")
    model.train_on_batch(IDS, LABELS)
    optimizer: Any = model.optimizer
    before = {key: array.tobytes() for key, array in optimizer.state().items()}
    other = way(optimizer)
    assert other.get_config() == optimizer.get_config() and other.owner is None
    assert {key: array.tobytes() for key, array in other.state().items()} == before
    grads = np.ones(model.count_params(), np.float32)
    other.step(np.zeros_like(grads), grads, model.segments)
    assert {key: array.tobytes() for key, array in optimizer.state().items()} == before and optimizer.iterations == 1
    # A model takes it as one that is new to it, and the model that it was copied from is not touched.
    another = Sequential([Input((6,)), Dense(1)], seed=1)
    another.compile(other, "mse")
    another.train_on_batch(IDS, LABELS)
    assert other.iterations == 1 and optimizer.owner() is model


@pytest.mark.parametrize("way", WAYS)
def test_a_copied_loss_measures_the_same(way: Callable[[Any], Any]) -> None:
    y, target = np.array([[0.25], [0.5]]), np.array([[0.0], [1.0]])
    for loss in (BinaryCrossentropy(), BinaryCrossentropy(from_logits=True).on(backend.load("cpu").kernels)):
        other = way(loss)
        assert other == loss and other.from_logits == loss.from_logits
        assert other.forward(y, target)[0] == pytest.approx(loss.forward(y, target)[0], rel=1e-12)


def _measure(y_true: Any, y_pred: Any) -> Any:
    return abs(y_pred - y_true)[..., 0]


def test_a_metric_of_ones_own_is_copied_with_its_model() -> None:
    model = Sequential([Input((6,)), Dense(1)], seed=1)
    model.compile("sgd", "mse", [MeanMetric("mine", _measure), "mae", AUC(), BinaryAccuracy(threshold=0.3)])
    want = model.evaluate(IDS, LABELS, verbose=0)
    for way in WAYS:
        assert way(model).evaluate(IDS, LABELS, verbose=0) == want


@pytest.mark.parametrize("way", WAYS)
def test_a_callback_is_copied_with_the_model_that_it_holds(way: Callable[[Any], Any], tmp_path: Any) -> None:
    kind = KINDS["feed forward"]
    model = kind.make()
    callbacks = [
        *(Callback(), EarlyStopping("loss", restore_best_weights=True)),
        *(ModelCheckpoint(tmp_path / "m.npz", "loss"), CSVLogger(tmp_path / "log.csv")),
    ]
    kind.fit(model, 2, callbacks=callbacks)
    for callback in callbacks:
        other = way(callback)
        held: Any = other.model
        assert np.array_equal(held.predict(IDS), model.predict(IDS))
    several = pickled(callbacks)
    assert len({id(other.model) for other in several}) == 1


@pytest.mark.parametrize("way", WAYS)
def test_copies_that_a_callback_made_go_on_from_there(way: Callable[[Any], Any]) -> None:
    class Keeper(Callback):
        def __init__(self) -> None:
            self.kept: list[Any] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.kept.append(way(self.model))

    kind, keeper = KINDS["lstm, dropout"], Keeper()
    model = kind.make()
    losses = kind.fit(model, 4, callbacks=[keeper])["loss"]
    for epoch, other in enumerate(keeper.kept[:3], start=1):
        assert kind.fit(other, 4 - epoch)["loss"] == losses[epoch:]
        assert state_of(other) == state_of(model)


@pytest.mark.parametrize("way", WAYS)
def test_history_progress_and_vocabulary_are_copied(way: Callable[[Any], Any]) -> None:
    progress = Progress()
    history = KINDS["feed forward"].make().fit(IDS, LABELS, 8, 2, verbose=0, progress=progress)
    assert (way(history).history, way(history).epoch) == (history.history, [0, 1])
    assert way(progress) == progress
    words = Vocabulary.from_ranked(["the", "film", "good"])
    assert list(way(words).encode("a good film")) == list(words.encode("a good film"))


def test_a_copied_layer_keeps_its_parameters_in_another_model() -> None:
    """As in Keras: a layer that was built is not drawn anew."""
    model = KINDS["lstm, dropout"].trained(1)
    embedding, lstm = copy.deepcopy(model.layers[0]), pickled(model.layers[1])
    for name, dtype in (("cpu", "float32"), ("reference", "float32"), ("reference", "float64")):
        parts = [copy.deepcopy(embedding), copy.deepcopy(lstm), Dense(1)]
        other = Sequential([Input((6,)), *parts], backend=name, dtype=dtype, seed=9)
        assert all(map(np.array_equal, other.get_weights(), model.get_weights()[:-2]))
        assert all(layer.backend.name == name and layer.dtype == dtype for layer in other.layers)
    inputs = Input((6,))
    chained = Model(inputs, pickled(lstm)(Dropout(0.1)(copy.deepcopy(embedding)(inputs))))
    assert all(map(np.array_equal, chained.get_weights(), model.get_weights()[:-2]))


def test_a_layer_that_was_built_alone_keeps_its_parameters_too() -> None:
    layer = LSTM(3)
    layer.build((None, 4, 2))
    weights = [weight + 1 for weight in layer.get_weights()]
    layer.set_weights(weights)
    model = Sequential([Input((4, 2)), layer, Dense(1)], seed=0)
    assert all(map(np.array_equal, model.get_weights(), weights))
