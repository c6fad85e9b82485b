"""Models called as functions and on one batch, and made again from their own descriptions, as in Keras."""

import copy
import json
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential
from scratchnn.initializers import Constant
from scratchnn.layers import LSTM, Bidirectional, Dense, Dropout, Embedding
from scratchnn.models import clone_model, model_from_json

RNG = np.random.default_rng(3)
X = RNG.integers(0, 9, (6, 5))
Y = RNG.integers(0, 2, 6)


def made(seed: Any = 4, **settings: Any) -> Sequential:
    layers = [Embedding(9, 4), Bidirectional(LSTM(3)), Dropout(0.5), Dense(1, "sigmoid", name="last")]
    model = Sequential([Input((5,)), *layers], backend="reference", seed=seed, **settings)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    return model


def with_states(seed: Any = 4) -> Model:
    inputs = Input((5, 2))
    y, h, _ = LSTM(3, return_state=True)(inputs)
    return Model(inputs, [h, y], backend="reference", seed=seed)


# ---- one batch


def test_a_model_is_a_function() -> None:
    model = made()
    expected = model.predict(X, verbose=0)
    for y in (model(X), model(X.tolist()), model(X, training=False, mask=None), model.predict_on_batch(X)):
        assert isinstance(y, np.ndarray)
        np.testing.assert_array_equal(y, expected)
    x = RNG.normal(size=(4, 5, 2))
    for found, other in zip(with_states()(x), with_states().predict(x, verbose=0), strict=True):
        np.testing.assert_array_equal(found, other)


def test_an_unbuilt_model_is_built_by_the_call() -> None:
    assert Sequential([Dense(2)], backend="reference")(np.zeros((3, 4))).shape == (3, 2)


def test_one_row_and_training_and_models_in_models_are_refused() -> None:
    model = made()
    with pytest.raises(ValueError, match=r"x is one example, of shape \(5,\), without a batch axis: give x\[None\]"):
        model(X[0])
    with pytest.raises(ValueError, match=r"training=True is refused: forward\(x, training=True, epoch=, step=\)"):
        model(X, training=True)
    with pytest.raises(ValueError, match=r"is refused: give it to forward: y, caches = model\.forward\(x, mask=mask\)"):
        model(X, mask=np.ones((6, 5), bool))
    with pytest.raises(TypeError, match="a model cannot be a part of another one"):
        model(Input((5,)))


def test_test_on_batch_is_evaluate() -> None:
    """Keras 3.15.1 likewise forgets one call before the next."""
    model, weight = made(), np.arange(6) / 5
    for _ in range(2):
        assert model.test_on_batch(X, Y) == model.evaluate(X, Y, batch_size=6, verbose=0)
    assert model.test_on_batch(X, Y, weight) == model.evaluate(X, Y, 6, 0, weight) != model.test_on_batch(X, Y)
    assert list(model.test_on_batch(X, Y, return_dict=True)) == ["loss", "accuracy"]  # type: ignore[arg-type]


# ---- made again


def again(how: str, model: Model) -> Model:
    if how == "clone_model":
        return clone_model(model)
    if how == "from_config":
        return type(model).from_config(model.get_config())
    return model_from_json(model.to_json())


WAYS = ("clone_model", "from_config", "model_from_json")


@pytest.mark.parametrize("how", WAYS)
def test_layers_and_settings_are_the_same(how: str) -> None:
    model = made(dtype="float64", name="reader")
    model.layers[0].trainable = False
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    other = again(how, model)
    assert type(other) is Sequential and other.name == "reader" and other.dtype == np.float64
    assert other.backend.name == "reference" and other.input_shape == (None, 5)
    assert [layer.get_config() for layer in other.layers] == [layer.get_config() for layer in model.layers]
    assert [layer.trainable for layer in other.layers] == [False, True, True, True]
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other(X), model(X))
    # Trained, it leaves the first alone.
    before = copy.deepcopy(model.get_weights())
    other.compile("adam", "binary_crossentropy")
    other.fit(X, Y, verbose=0)
    assert all(map(np.array_equal, model.get_weights(), before))


@pytest.mark.parametrize("how", WAYS)
def test_a_chain_with_states_keeps_its_outputs(how: str) -> None:
    model = with_states()
    other = again(how, model)
    assert type(other) is Model
    x = RNG.normal(size=(4, 5, 2))
    other.set_weights(model.get_weights())
    for found, expected in zip(other(x), model(x), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("how", WAYS)
def test_parameters_are_drawn_anew(how: str) -> None:
    """From the next stream, as Keras draws others; from the same seed, where one was given."""
    model = made(seed=None)
    model.fit(X, Y, verbose=0)
    other = again(how, model)
    assert other.clock.epoch == 0 and other.seed != model.seed
    assert not np.array_equal(other.get_weights()[0], model.get_weights()[0])
    model = made(seed=11)
    start = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert all(map(np.array_equal, again(how, model).get_weights(), start))


def test_only_a_text_compiles_as_in_keras() -> None:
    model = made()
    assert clone_model(model).optimizer is None and Sequential.from_config(model.get_config()).optimizer is None
    other = model_from_json(model.to_json())
    assert other.get_compile_config() == model.get_compile_config()
    assert other.optimizer is not model.optimizer


def test_a_clone_may_have_other_layers() -> None:
    model = made()
    other = clone_model(model, clone_function=lambda layer: Dropout(0.1) if layer.name == "dropout" else layer.clone())
    assert [layer.get_config().get("rate") for layer in other.layers] == [None, None, 0.1, None]


def test_a_clone_of_a_model_without_shapes_has_none() -> None:
    model = clone_model(Sequential([Dense(2), Dense(1)], backend="reference"))
    assert not model.built and model(np.zeros((3, 4))).shape == (3, 1)


class Mine(Dense):
    """A layer of the user's own."""


class OwnModel(Sequential):
    """A model of the user's own."""


def test_classes_of_ones_own_must_be_given() -> None:
    model = Sequential([Input((3,)), Mine(2)], backend="reference")
    for make in (model_from_json, Sequential.from_config):
        text: Any = model.to_json() if make is model_from_json else model.get_config()
        with pytest.raises(ValueError, match="it holds 'Mine', which is not one of scratchnn's own"):
            make(text)
        assert type(make(text, custom_objects={"Mine": Mine}).layers[0]) is Mine
    assert type(clone_model(model).layers[0]) is Mine
    with pytest.raises(TypeError, match="OwnModel is a class of your own, and may have more than layers"):
        clone_model(OwnModel([Input((3,)), Dense(2)]))


def test_what_describes_no_model_is_refused() -> None:
    for text in ("[]", "{}", json.dumps({"class_name": "Sequential", "config": {}})):
        with pytest.raises(ValueError, match=r"takes what model\.to_json\(\) returned"):
            model_from_json(text)
    with pytest.raises(ValueError, match=r"Model\.from_config takes the config of a Model, got 'Sequential'"):
        Model.from_config(made().get_config())


def test_a_text_holds_no_arrays() -> None:
    matrix = RNG.normal(size=(9, 4))
    model = Sequential([Input((5,)), Embedding(9, 4, embeddings_initializer=Constant(matrix))], backend="reference")
    np.testing.assert_array_equal(clone_model(model).get_weights()[0], model.get_weights()[0])
    with pytest.raises(ValueError, match=r"the array of this Constant, of shape \(9, 4\), is not in the"):
        model_from_json(model.to_json())
