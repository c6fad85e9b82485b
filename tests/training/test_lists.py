"""Lists around arrays, which Keras has for models of several inputs: one array in a list is that array."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential
from scratchnn.layers import GRU, LSTM, Dense, Embedding
from scratchnn.utils import PyDataset

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 5)).astype(np.float32)
Y = RNG.normal(size=(8, 1)).astype(np.float32)
STEPS = RNG.normal(size=(8, 6, 3)).astype(np.float32)


def functional() -> Model:
    inputs = Input((5,))
    return compiled(Model(inputs, Dense(1)(inputs), backend="reference", seed=1))


def sequential() -> Model:
    return compiled(Sequential([Input((5,)), Dense(1)], backend="reference", seed=1))


def unbuilt() -> Model:
    return compiled(Sequential([Dense(1)], backend="reference", seed=1))


def compiled(model: Any) -> Any:
    model.compile("sgd", "mse")
    return model


def batches(x: Any, y: Any) -> Iterator[Any]:
    yield x, y


# What Keras 3.15.1 takes, each as the arrays themselves.
DOORS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "fit": lambda model, x, y: model.fit(x, y, verbose=0).history["loss"],
    "validation_data": lambda model, x, y: model.fit(X, Y, verbose=0, validation_data=(x, y)).history["val_loss"],
    "evaluate": lambda model, x, y: model.evaluate(x, y, verbose=0),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x, y),
    "test_on_batch": lambda model, x, y: model.test_on_batch(x, y),
    "a generator": lambda model, x, y: model.fit(batches(x, y), verbose=0).history["loss"],
}
PREDICTS: dict[str, Callable[[Any, Any], Any]] = {
    "predict": lambda model, x: model.predict(x),
    "predict_on_batch": lambda model, x: model.predict_on_batch(x),
    "the model itself": lambda model, x: model(x),
}
MODELS = pytest.mark.parametrize("make", [functional, sequential, unbuilt])


@MODELS
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("x", "y"), [([X], Y), ([X], [Y]), (X, [Y]), ((X,), (Y,))], ids=["x", "both", "y", "tuples"])
def test_one_array_in_a_list_is_that_array(make: Any, door: str, x: Any, y: Any) -> None:
    assert DOORS[door](make(), x, y) == DOORS[door](make(), X, Y)


@MODELS
def test_weights_in_a_list(make: Any) -> None:
    weights = np.arange(8, dtype=np.float32)
    expected = make().evaluate(X, Y, sample_weight=weights, verbose=0)
    assert make().evaluate([X], [Y], sample_weight=[weights], verbose=0) == expected


@MODELS
@pytest.mark.parametrize("door", PREDICTS)
def test_one_x_in_a_list(make: Any, door: str) -> None:
    np.testing.assert_array_equal(PREDICTS[door](make(), [X]), PREDICTS[door](make(), X))


@pytest.mark.parametrize("make", [functional, sequential])
@pytest.mark.parametrize("door", PREDICTS)
def test_several_arrays_are_refused(make: Any, door: str) -> None:
    """Keras: a functional model refuses them; a Sequential takes the first and drops the others."""
    with pytest.raises(ValueError, match="x is a list of 2 arrays, and a model here has one input: give the array"):
        PREDICTS[door](make(), [X, X])


@pytest.mark.parametrize("door", DOORS)
def test_several_targets_are_refused(door: str) -> None:
    """Keras: y_true and y_pred have different structures."""
    with pytest.raises(ValueError, match="y is a list of 2 arrays, and a model here has one output: give the array"):
        DOORS[door](functional(), X, [Y, Y])


def test_a_list_of_examples_is_still_a_batch() -> None:
    model = functional()
    np.testing.assert_array_equal(model.predict(list(X)), model.predict(X))
    np.testing.assert_array_equal(model.predict([X[0]]), model.predict(X[:1]))
    lstm = Sequential([Input((6, 3)), LSTM(2), Dense(1)], backend="reference")
    np.testing.assert_array_equal(lstm.predict([STEPS[0]]), lstm.predict(STEPS[:1]))
    np.testing.assert_array_equal(lstm.predict([STEPS]), lstm.predict(STEPS))
    ids = RNG.integers(0, 9, (4, 6))
    reader = Sequential([Input((6,)), Embedding(9, 2), LSTM(2)], backend="reference")
    np.testing.assert_array_equal(reader.predict(list(ids)), reader.predict(ids))
    np.testing.assert_array_equal(reader.predict([ids]), reader.predict(ids))
    eight = [np.eye(8)[i] for i in range(8)]  # as many rows as x has, and as many numbers in each
    wide = compiled(Sequential([Input((5,)), Dense(8)], backend="reference"))
    assert wide.evaluate(X, eight, verbose=0) == wide.evaluate(X, np.eye(8), verbose=0)


# ---- what is no data yet


def generate() -> Iterator[Any]:
    yield X, Y


@pytest.mark.parametrize(
    ("given", "name"), [(generate, "generate"), (lambda: batches(X, Y), "<lambda>"), (PyDataset, "PyDataset")]
)
def test_what_is_not_called_is_to_be_called(given: Any, name: str) -> None:
    with pytest.raises(ValueError, match=rf"x must be an array, got {name} itself: call it, {name}\(\.\.\.\)"):
        functional().fit(given)


class Lengths(PyDataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return (STEPS[:, : 4 + index],)


def test_predictions_of_other_lengths_are_no_array() -> None:
    for options, many in (({}, False), ({"return_state": True}, True)):
        start = Input((None, 3))
        y: Any = GRU(2, return_sequences=True, **options)(start)
        model = Model(start, list(y) if many else y, backend="reference")
        with pytest.raises(
            ValueError, match=r"outputs .* other lengths, \(8, 4, 2\), \(8, 5, 2\), .* predict_on_batch"
        ):
            model.predict(Lengths())
        assert len(model.predict_on_batch(STEPS[:, :4])) == (2 if many else 8)
