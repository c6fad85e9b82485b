"""Models: how they are built, named and described, and what they refuse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, load_model
from scratchnn.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Embedding,
    Flatten,
    GlobalMaxPooling1D,
    MaxPooling1D,
    SimpleRNN,
)
from scratchnn.models import clone_model

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 20, (10, 6))


def small_layers() -> list[Any]:
    return [Embedding(20, 4), LSTM(3), Dense(1, "sigmoid")]


def small_model(**settings: Any) -> Sequential:
    model = Sequential([Input((6,)), *small_layers()], backend="reference", **settings)
    model.compile("adam", "binary_crossentropy")
    return model


def same(weights: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(weights, others, strict=True))


# ---- three ways to write one model, and four moments at which it is built


def test_sequential_and_functional_give_the_same_model() -> None:
    x = inputs = Input((6,))
    for layer in small_layers():
        x = layer(x)
    functional = Model(inputs=inputs, outputs=x, backend="reference", seed=1)
    sequential = small_model(seed=1)
    added = Sequential(backend="reference", seed=1)
    for layer in [Input((6,)), *small_layers()]:
        added.add(layer)
    y = sequential.predict(IDS)
    assert y.shape == (10, 1)
    assert np.array_equal(functional.predict(IDS), y)
    assert np.array_equal(added.predict(IDS), y)
    assert functional.output_shape == sequential.output_shape == (None, 1)


@pytest.mark.parametrize(
    "first, build",
    [
        ([], lambda model: model.predict(IDS)),
        ([], lambda model: model.build((None, 6))),
        ([], lambda model: model.fit(IDS, np.zeros(10), verbose=0)),
        ([Input((6,))], lambda model: None),
        ([Embedding(20, 20, input_length=6), Flatten()], lambda model: None),
    ],
    ids=["predict", "build", "fit", "Input", "input_length"],
)
def test_a_model_is_built_as_soon_as_its_input_is_known(first: list[Any], build: Callable[[Sequential], Any]) -> None:
    layers = first if len(first) == 2 else [*first, *small_layers()]
    model = Sequential(layers, backend="reference")
    model.compile("adam", "mse")
    if not first:
        assert not model.built
        with pytest.raises(RuntimeError, match="no parameters yet: give the first layer's input with Input"):
            model.count_params()
    build(model)
    assert model.built
    assert model.input_shape == (None, 6)


def test_a_call_that_is_refused_does_not_settle_the_input() -> None:
    model = Sequential(small_layers(), backend="reference")
    with pytest.raises(ValueError, match=r"\(5, 0\)"):
        model.predict(np.zeros((5, 0), int))
    assert model.predict(IDS).shape == (10, 1)


def test_add_keeps_the_parameters_there_are() -> None:
    model = Sequential([Input((3,)), Dense(2)], backend="reference")
    weights = [weight + 5 for weight in model.get_weights()]
    model.set_weights(weights)
    model.add(Dense(1))
    assert same(model.get_weights()[:2], weights)


def test_return_state_gives_all_outputs_or_the_chosen_one() -> None:
    inputs = Input((6,))
    y, h, c = LSTM(3, return_state=True)(Embedding(20, 4)(inputs))
    whole = Model(inputs, [y, h, c], backend="reference", seed=1)
    expected, _ = whole.forward(IDS)
    assert [part.shape for part in expected] == [(10, 3)] * 3
    # More than one batch, the last one partial; every output has one row per row of x.
    for part, one in zip(whole.predict(IDS, batch_size=4), expected, strict=True):
        assert np.array_equal(part, one)
    inputs = Input((6,))
    y, h, c = LSTM(3, return_state=True)(Embedding(20, 4)(inputs))
    assert np.array_equal(Model(inputs, y, backend="reference", seed=1).predict(IDS, batch_size=4), expected[0])
    inputs = Input((6,))
    y, h, c = LSTM(3, return_state=True)(Embedding(20, 4)(inputs))
    assert np.array_equal(Model(inputs, c, backend="reference", seed=1).predict(IDS, batch_size=4), expected[2])


def test_states_of_an_earlier_layer_go_no_further() -> None:
    inputs = Input((6,))
    y, _ = GRU(3, return_sequences=True, return_state=True)(Embedding(20, 4)(inputs))
    model = Model(inputs, LSTM(2)(y), backend="reference")
    assert model.predict(IDS).shape == (10, 2)
    dx, grads = model.backward(np.ones((10, 2), np.float32), model.forward(IDS)[1])
    assert dx is None
    assert grads.shape == (model.count_params(),)


@pytest.mark.parametrize("layer", [GRU, LSTM, lambda *a, **k: Bidirectional(LSTM(*a, **k))])
def test_states_in_the_middle_of_a_sequential_are_refused(layer: Any) -> None:
    """Keras 3.15.1: Layer "dense" expects 1 input(s), but it received 3 input tensors."""
    message = "with return_state=True, and the next layer of a Sequential takes one: leave out return_state, .* y, "
    with pytest.raises(ValueError, match=message):
        Sequential([Input((6, 2)), layer(3, return_state=True), Dense(1)])
    model = Sequential([layer(3, return_state=True)])
    with pytest.raises(ValueError, match=message):
        model.add(Dense(1))
    model.build((None, 6, 2))  # as the last layer it may return them
    assert isinstance(model.predict(np.ones((1, 6, 2))), list)


class TwoOutputs(Dense):
    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = super().compute_output_shape(input_shape)
        return (shape, shape)


def test_several_outputs_in_the_middle_of_a_sequential_are_refused() -> None:
    with pytest.raises(ValueError, match=r"TwoOutputs.* several outputs, .* takes one: let it be the last layer"):
        Sequential([Input((2,)), TwoOutputs(3), Dense(1)])


def test_a_sequential_of_an_earlier_version_whose_states_went_nowhere_is_read(tmp_path: Path) -> None:
    both = Bidirectional(LSTM(3, return_sequences=True))
    model = Sequential([Input((6,)), Embedding(20, 4), both, GRU(3), Dense(1)], backend="reference", seed=1)
    config = model.get_config()
    config["layers"][1]["config"]["layer"]["config"]["return_state"] = True
    config["layers"][2]["config"]["return_state"] = True
    older = Sequential.from_config(config)
    older.set_weights(model.get_weights())
    np.testing.assert_array_equal(older.predict(IDS), model.predict(IDS))
    older.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(load_model(tmp_path / "model.npz").predict(IDS), model.predict(IDS))
    assert clone_model(older).count_params() == model.count_params()


# ---- what is refused


def twice_in_sequential() -> Any:
    dense = Dense(3)
    return Sequential([Input((3,)), dense, dense])


def twice_in_a_chain() -> Any:
    dense = Dense(3)
    return dense(dense(Input((3,))))


def through_a_state() -> Any:
    _, h = GRU(3, return_state=True)(Embedding(20, 4)(Input((6,))))
    return Dense(1)(h)


def two_branches() -> Any:
    inputs = Input((3,))
    trunk = Dense(2)(inputs)
    return Model(inputs, [Dense(1)(trunk), Dense(4)(trunk)])


def one_layer_in_two_models() -> Any:
    inputs = Input((3,))
    hidden = Dense(2)(inputs)
    return Model(inputs, hidden), Model(inputs, Dense(1)(hidden))


def other_input() -> Any:
    return Model(Input((4,)), Dense(1)(Input((3,))))


@pytest.mark.parametrize(
    "construct, message",
    [
        (twice_in_sequential, "Dense is already in this model; a model can contain a layer only once"),
        (twice_in_a_chain, "Dense is already in this chain; a model can contain a layer only once"),
        (through_a_state, "Dense was called on a state of GRU, but a model is a chain"),
        (two_branches, "chain"),
        (one_layer_in_two_models, "model"),
        (other_input, r"start from another Input, of shape \(None, 3\), not .* of shape \(None, 4\)"),
        (lambda: Sequential([Dense(1), "relu"]), "Sequential takes layers, got 'relu'"),
        (lambda: Sequential([]).build((None, 3)), "a model needs at least one layer"),
        (lambda: small_model(dtype="float16"), "dtype must be float32 or float64, got float16"),
    ],
)
def test_what_is_no_chain_of_layers_is_refused(construct: Callable[[], Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        construct()


def test_an_unbuilt_model_says_so_when_saved(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no parameters yet"):
        Sequential([Dense(1)]).save(tmp_path / "model.npz")


# ---- names, summary, weights

SUMMARY = """\
Model: "tiny"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                      ┃ Output Shape             ┃         Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
│ embedding (Embedding)             │ (None, 6, 4)             │              80 │
├───────────────────────────────────┼──────────────────────────┼─────────────────┤
│ lstm (LSTM)                       │ (None, 3)                │              96 │
├───────────────────────────────────┼──────────────────────────┼─────────────────┤
│ dense (Dense)                     │ (None, 1)                │               4 │
└───────────────────────────────────┴──────────────────────────┴─────────────────┘
 Total params: 180 (720.00 B)
 Trainable params: 180 (720.00 B)
 Non-trainable params: 0 (0.00 B)
 Seed: 7"""


def test_summary_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    """And not returned: a notebook would show it again."""
    model = small_model(name="tiny", seed=7)
    for call in (model.summary, lambda: model.summary(print_fn=None)):
        assert call() is None  # type: ignore[func-returns-value]
        assert capsys.readouterr().out == SUMMARY + "\n"
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert lines == [SUMMARY]
    assert model.count_params() == 20 * 4 + 4 * (4 * 3 + 3 * 3 + 3) + 3 + 1


def test_names_are_those_of_keras() -> None:
    model = Sequential(
        [
            *(Input((9,)), Embedding(20, 4), Conv1D(3, 2), MaxPooling1D(), SimpleRNN(2, return_sequences=True)),
            *(Dense(2, name="dense_1"), Dense(2), Dense(2), GlobalMaxPooling1D(), Dense(1, name="out")),
        ],
        backend="reference",
    )
    assert [layer.name for layer in model.layers] == [
        *("embedding", "conv1d", "max_pooling1d", "simple_rnn", "dense_1", "dense", "dense_2"),
        *("global_max_pooling1d", "out"),
    ]
    assert model.get_layer("out") is model.get_layer(index=8)
    with pytest.raises(ValueError, match="no layer is called 'inn'; there are"):
        model.get_layer("inn")


def test_two_layers_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="twin"):
        Sequential([Input((3,)), Dense(2, name="twin"), Dense(1, name="twin")])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda weights: weights[:-1],
        lambda weights: [*weights[:-1], np.zeros((2,))],
        lambda weights: [weights[0].T, *weights[1:]],
        lambda weights: [*weights[:-1], np.array(["a"])],
        lambda weights: [*weights[:-1], np.array([1j])],
        lambda weights: [*weights[:-1], [[1.0], [2.0, 3.0]]],
    ],
    ids=["one short", "last shape", "first shape", "text", "complex", "ragged"],
)
def test_set_weights_is_all_or_nothing(spoil: Callable[[list[np.ndarray]], list[Any]]) -> None:
    model = small_model()
    before = model.get_weights()
    with pytest.raises((TypeError, ValueError)):
        model.set_weights(spoil([weight + 1 for weight in before]))
    assert same(model.get_weights(), before)


def test_weights_go_out_as_copies_and_come_back() -> None:
    model = small_model()
    weights = [weight + 1 for weight in model.get_weights()]
    model.set_weights(weights)
    assert same(model.get_weights(), weights)
    model.get_weights()[0][:] = 0
    assert same(model.get_weights(), weights)
    assert np.array_equal(model.flat_params, np.concatenate([weight.ravel() for weight in weights]))


def test_layers_is_a_list_of_its_own() -> None:
    """Keras 3.15.1: a copy, so that the model stays what it is."""
    model = Sequential([Input((3,)), Dense(4), Dense(1)], seed=0)
    x = np.ones((2, 3), np.float32)
    before = model.predict(x, verbose=0)
    model.layers.pop()
    model.layers.append(Dense(7))
    model.layers.clear()
    assert [layer.units for layer in model.layers] == [4, 1]  # type: ignore[attr-defined]
    assert model.layers is not model.layers and model.layers[0] is model.layers[0]
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


@pytest.mark.parametrize(
    "first", [lambda: [Input((3,))], lambda: [Input((3,)), Dense(4)], lambda: [Dense(4, input_shape=(3,))]]
)
def test_a_sequential_has_one_input(first: Any) -> None:
    """Keras 3.15.1 refuses the second one, too."""
    with pytest.raises(ValueError, match=r"has one Input, and this one has that of shape \(3,\) already, got .*\(5,\)"):
        Sequential([*first(), Input((5,)), Dense(2)])
