"""Bidirectional with two outputs (merge_mode=None), and with a layer of its own for the way back."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, load_model
from scratchnn.layers import GRU, LSTM, Bidirectional, Dense, SimpleRNN, TimeDistributed

X = np.random.default_rng(4).normal(size=(3, 5, 2))
MASK = np.array([[True] * 5, [True, True, False, False, False], [False, True, True, False, True]])
BACKENDS = ["reference", "cpu"]


def built(layer: Any, backend: str = "reference") -> Any:
    layer.build((None, 5, 2), backend=backend, dtype=np.float64, seed=3)
    return layer


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("sequences", [False, True])
def test_two_outputs_are_the_halves_of_concat(backend: str, sequences: bool) -> None:
    """And Keras has the same order: y of the way there, y of the way back, then the states."""
    whole, cache = (concat := built(Bidirectional(LSTM(3, return_sequences=sequences)), backend)).forward(X, mask=MASK)
    layer = built(Bidirectional(LSTM(3, return_sequences=sequences), None), backend)
    (y_f, y_b), of_both = layer.forward(X, mask=MASK)
    np.testing.assert_array_equal(np.concatenate([y_f, y_b], -1), whole)
    assert layer.output_shape == 2 * ((None, *y_f.shape[1:]),)
    dx, grads = concat.backward(whole, cache)
    dx_of_both, grads_of_both = layer.backward((y_f, y_b), of_both)
    np.testing.assert_array_equal(dx_of_both, dx)
    assert all(np.array_equal(grads_of_both[name], grads[name]) for name in grads)


def test_an_output_that_nobody_uses_has_no_gradient() -> None:
    layer = built(Bidirectional(GRU(3), None))
    (y_f, _), cache = layer.forward(X)
    _, grads = layer.backward((y_f, None), cache)
    assert all(gradient.any() == name.startswith("forward") for name, gradient in grads.items())


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_layer_for_the_way_back_does_what_it_does_alone(backend: str, sequences: bool) -> None:
    back = GRU(4, "relu", go_backwards=True, return_sequences=sequences)
    layer = built(Bidirectional(LSTM(3, return_sequences=sequences), backward_layer=back), backend)
    assert layer.backward_layer is back and layer.output_shape[-1] == 7
    y, _ = layer.forward(X)
    alone, _ = back.forward(X)
    np.testing.assert_array_equal(y[..., 3:], alone[:, ::-1] if sequences else alone)


def test_it_keeps_what_it_learned_before_and_can_be_frozen() -> None:
    back = built(GRU(3, go_backwards=True))
    weights = back.get_weights()
    layer = built(Bidirectional(SimpleRNN(3), backward_layer=back))
    for mine, before in zip(layer.get_weights()[3:], weights, strict=True):
        np.testing.assert_array_equal(mine, before)
    back.trainable = False
    assert {name.split(".")[0] for name in layer.trainable_names()} == {"forward"}
    with pytest.raises(ValueError, match="in another place already"):
        built(Bidirectional(SimpleRNN(3), backward_layer=back))


def test_a_model_of_both_predicts_carries_states_and_is_stored(tmp_path: Path) -> None:
    def model() -> Sequential:
        layer = Bidirectional(LSTM(3), None, backward_layer=GRU(4, go_backwards=True))
        return Sequential([Input((5, 2)), layer], seed=1)

    first = model()
    outputs, states = first.predict(X, return_state=True)
    assert [y.shape for y in outputs] == [(3, 3), (3, 4)]
    assert [state.shape for state in states["bidirectional"]] == [(3, 3), (3, 3), (3, 4)]
    assert not np.array_equal(first.predict(X, initial_state=states)[1], outputs[1])
    first.save(tmp_path / "both.npz")
    other = model()
    other.set_weights(first.get_weights())
    for again in (load_model(tmp_path / "both.npz"), copy.deepcopy(first), other):
        for y, expected in zip(again.predict(X), outputs, strict=True):
            np.testing.assert_array_equal(y, expected)


def test_a_model_of_one_of_them_learns() -> None:
    x = Input((5, 2))
    _, back = Bidirectional(LSTM(2), None)(x)
    model = Model(x, back, seed=0)
    model.compile("sgd", "mse")
    before = model.get_weights()
    losses = model.fit(X, X[:, 0], epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    changed = [bool((a != b).any()) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [False] * 3 + [True] * 3


def test_two_outputs_end_a_model() -> None:
    with pytest.raises(ValueError, match=r"has two outputs, and a model is one chain .*merge_mode='concat'"):
        Sequential([Input((5, 2)), Bidirectional(LSTM(3), None), Dense(1)])
    x = Input((5, 2))
    there, back = Bidirectional(LSTM(3), None)(x)
    with pytest.raises(ValueError, match="has two outputs"):
        Model(x, Dense(1)(there))
    with pytest.raises(ValueError, match="Dense was called on the second output of Bidirectional"):
        Dense(1)(back)
    model = Sequential([Input((5, 2)), Bidirectional(LSTM(2), None)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="a loss needs one output"):
        model.fit(X, X[:, 0], verbose=0)


BACK = {"go_backwards": True}


@pytest.mark.parametrize(
    ("mode", "other", "message"),
    [
        ("concat", LSTM(3), "one layer must read from the end, but both have go_backwards=False"),
        ("concat", LSTM(3, return_sequences=True, **BACK), "the same return_sequences, got False, and True"),
        ("concat", LSTM(3, return_state=True, **BACK), "the same return_state, got False, and True"),
        ("concat", LSTM(3, stateful=True, **BACK), "the same stateful, got False, and True"),
        ("sum", GRU(4, **BACK), "outputs of one width, got 3 units and 4"),
    ],
)
def test_layers_that_do_not_go_together_are_refused(mode: str, other: Any, message: str) -> None:
    """All but the last one by Keras, too; Keras fails at that in the first call."""
    with pytest.raises(ValueError, match=message):
        Bidirectional(LSTM(3), mode, backward_layer=other)


def test_one_layer_cannot_go_both_ways() -> None:
    layer = LSTM(3)
    with pytest.raises(ValueError, match="another layer"):
        Bidirectional(layer, backward_layer=layer)


def saved_and_loaded(model: Sequential, path: Path) -> Sequential:
    model.save(path)
    return load_model(path)  # type: ignore[return-value]


def test_what_is_set_on_the_two_layers_acts_and_comes_back_from_a_file(tmp_path: Path) -> None:
    model = Sequential([Input((4, 2)), Bidirectional(LSTM(3, dropout=0.2)), Dense(1)], seed=1)
    both: Any = model.layers[0]
    x = X[:, :4, :2].astype(np.float32)
    before = model.predict(x)
    both.forward_layer.activation = "relu"
    both.forward_layer.dropout = 0.5
    both.backward_layer.recurrent_dropout = 0.3
    y = model.predict(x)
    assert not np.allclose(y, before)
    loaded = saved_and_loaded(model, tmp_path / "m.npz")
    assert np.array_equal(loaded.predict(x), y)
    of_file: Any = loaded.layers[0]
    there, back = of_file.forward_layer, of_file.backward_layer
    assert (there.activation.name, there.dropout, there.recurrent_dropout) == ("relu", 0.5, 0.0)
    assert (back.activation.name, back.dropout, back.recurrent_dropout) == ("tanh", 0.2, 0.3)
    again = saved_and_loaded(loaded, tmp_path / "again.npz")
    assert again.get_config()["layers"] == loaded.get_config()["layers"] == model.get_config()["layers"]
    assert "relu" in both.describe() and "tanh" in both.describe()


def test_what_is_alike_in_both_layers_is_described_once() -> None:
    both = Bidirectional(LSTM(3, return_sequences=True))
    both.forward_layer.dropout = both.backward_layer.dropout = 0.5
    config = both.get_config()
    assert config["backward_layer"] is None and config["layer"]["config"]["dropout"] == 0.5
    both.backward_layer.trainable = False
    assert both.get_config()["backward_layer"]["config"]["trainable"] is False


def test_dropout_that_is_set_later_draws() -> None:
    model = Sequential([Input((4, 2)), Bidirectional(LSTM(3)), Dense(1)], seed=1)
    plain = Sequential([Input((4, 2)), Bidirectional(LSTM(3)), Dense(1)], seed=1)
    x, y = X[:, :4, :2].astype(np.float32), np.zeros((len(X), 1), np.float32)
    for each in (model, plain):
        each.compile("sgd", "mse")
        each.fit(x, y, verbose=0)
    both: Any = model.layers[0]
    both.backward_layer.dropout = 0.5
    model.fit(x, y, verbose=0)
    plain.fit(x, y, verbose=0)
    assert not np.array_equal(model.flat_params, plain.flat_params)


@pytest.mark.parametrize("name", ["layer", "forward_layer", "backward_layer"])
def test_the_layers_of_a_bidirectional_are_its_own(name: str) -> None:
    both: Any = Bidirectional(LSTM(3))
    with pytest.raises(AttributeError, match=f"Bidirectional cannot set its attribute '{name}': "):
        setattr(both, name, LSTM(3))
    with pytest.raises(AttributeError, match=r"no attribute 'layer': .* forward_layer and backward_layer"):
        both.layer.dropout = 0.5
    with pytest.raises(AttributeError, match="has no attribute 'layers'"):
        both.layers  # noqa: B018


def test_what_is_set_on_a_layer_inside_comes_back_from_a_file(tmp_path: Path) -> None:
    model = Sequential([Input((4, 2)), TimeDistributed(Dense(3)), LSTM(2), Dense(1)], seed=1)
    x = X[:, :4, :2].astype(np.float32)
    before = model.predict(x)
    outer: Any = model.layers[0]
    outer.layer.activation = "relu"
    y = model.predict(x)
    assert not np.allclose(y, before)
    assert np.array_equal(saved_and_loaded(model, tmp_path / "m.npz").predict(x), y)
