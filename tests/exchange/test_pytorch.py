"""PyTorch's state_dict: recorded modules give what PyTorch computed, and our weights make the same arrays again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.peephole_lstm import PeepholeLSTM
from scratchnn import Input, Sequential
from scratchnn.exchange import ExchangeError, from_pytorch, load_pytorch, save_pytorch, to_pytorch
from scratchnn.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Conv1D,
    Dense,
    Embedding,
    LayerNormalization,
    PReLU,
    SimpleRNN,
    TimeDistributed,
)
from tests.parity.record_exchange import FOLDER, D, V

RECORD = dict(np.load(FOLDER / "pytorch.npz"))
STATE = {key.removeprefix("state/"): array for key, array in RECORD.items() if key.startswith("state/")}


def state_of(*modules: str) -> dict[str, np.ndarray]:
    return {key: array for key, array in STATE.items() if key.split(".")[0] in modules}


def model_of(*layers: Any) -> Sequential:
    return Sequential([Input((None,)), Embedding(V, D, name="embedding"), *layers], seed=1, backend="reference")


MODELS: dict[str, tuple[Callable[[], list[Any]], dict[str, str] | None]] = {
    "lstm": (
        lambda: [Bidirectional(LSTM(4, return_sequences=True), name=name) for name in ("lower", "upper")],
        {"lower": "lstm", "upper": "lstm"},
    ),
    "gru": (lambda: [GRU(4, return_sequences=True), GRU(4, return_sequences=True)], {"gru": "gru", "gru_1": "gru"}),
    "rnn": (lambda: [SimpleRNN(4, "relu", return_sequences=True, use_bias=False)], None),
    "conv": (lambda: [Conv1D(4, 3)], None),
}


@pytest.mark.parametrize("name", MODELS)
def test_weights_of_pytorch_give_what_pytorch_gives(name: str) -> None:
    layers, names = MODELS[name]
    state = state_of("embedding", name)
    for given in (names, None):
        model = model_of(*layers())
        from_pytorch(model, state, given)
        np.testing.assert_allclose(model.predict(RECORD["x"]), RECORD[name], atol=1e-6)


def test_linear_and_norm() -> None:
    model = model_of(GRU(4, return_sequences=True), GRU(4, return_sequences=True), TimeDistributed(Dense(2)))
    from_pytorch(model, state_of("embedding", "gru", "fc"))
    np.testing.assert_allclose(model.predict(RECORD["x"]), RECORD["fc"], atol=1e-6)
    model = Sequential([Input((None, 4)), LayerNormalization(epsilon=1e-5)], backend="reference")
    from_pytorch(model, state_of("norm"))
    np.testing.assert_allclose(model.predict(RECORD["gru"]), RECORD["norm"], atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_our_weights_make_the_same_arrays_again(name: str) -> None:
    """But for the two biases of an LSTM, which are one here: their sum is the same."""
    layers, names = MODELS[name]
    model = model_of(*layers())
    state = state_of("embedding", name)
    from_pytorch(model, state, names)
    again = to_pytorch(model, names or dict.fromkeys([model.layers[1].name], name))
    assert set(again) == set(state)
    for key, array in state.items():
        if name == "lstm" and "bias" in key:
            other = key.replace("_ih_", "_hh_") if "_ih_" in key else key.replace("_hh_", "_ih_")
            np.testing.assert_allclose(again[key] + again[other], array + state[other], atol=1e-7)
            assert not again[key].any() or "_ih_" in key
        else:
            np.testing.assert_array_equal(again[key], array)


# ---- which module is which


def two() -> Sequential:
    return Sequential([Input((4,)), Dense(4, name="a"), Dense(4, name="b")], backend="reference")


def linear(names: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"{n}.{part}": rng.normal(size=s) for n in names for part, s in (("weight", (4, 4)), ("bias", (4,)))}


def test_layers_are_found_by_name_by_order_or_as_told() -> None:
    state = linear("ba")
    for given, names, first in (
        (state, None, "a"),  # by name
        ({key.replace("a.", "z."): each for key, each in state.items()}, None, "b"),  # in order: b, then z
        (state, {"a": "b", "b": "a"}, "b"),
    ):
        model = two()
        from_pytorch(model, given, names)
        np.testing.assert_allclose(model.layers[0].get_weights()[0], state[f"{first}.weight"].T, rtol=1e-6)


def test_where_two_fit_and_the_order_says_nothing_it_asks() -> None:
    with pytest.raises(ExchangeError, match=r"'x' and 'y' both fit Dense 'a'.*names="):
        from_pytorch(two(), linear("xy"), ordered=False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.pop("b.bias"), r"lacks b\.bias"),
        (lambda s: s.update({"b.bias": np.zeros(5)}), r"b\.bias has shape \(5,\), the model needs \(4,\)"),
        (lambda s: s.update({"c.weight": np.zeros(5)}), r"has c\.weight, for which the model has no place"),
        (lambda s: s.update({"a.weight": "text"}), r"a\.weight must be an array of numbers"),
        (lambda s: [s.pop(key) for key in list(s) if key[0] == "a"], "no module for Dense 'b'"),
    ],
)
def test_a_state_is_taken_in_full_or_not_at_all(change: Callable, says: str) -> None:
    state, model = linear("ab"), two()
    before = model.get_weights()
    change(state)
    with pytest.raises(ExchangeError, match=says):
        from_pytorch(model, state)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_layers_are_not_written_over_one_another() -> None:
    model = Sequential([Input((4,)), Dense(4, name="a"), Dense(4, name="b")], seed=0, backend="reference")
    same = {"a": "x", "b": "x"}
    for call in (lambda: to_pytorch(model, same), lambda: from_pytorch(model, linear("x"), same)):
        with pytest.raises(ExchangeError, match=r"Dense 'a' and Dense 'b' would both be 'x.weight'"):
            call()


def test_names_are_of_layers() -> None:
    with pytest.raises(ExchangeError, match="no layer with weights is called 'aa'; did you mean 'a'"):
        to_pytorch(two(), {"aa": "x"})


# ---- what PyTorch cannot compute


class Own(Dense):
    pass


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (LSTM(2, "relu"), "nn.LSTM computes with tanh and sigmoid, not relu and sigmoid"),
        (GRU(2, recurrent_activation="hard_sigmoid"), "not tanh and hard_sigmoid"),
        (GRU(2, reset_after=False), "resets after the product: reset_after=True"),
        (SimpleRNN(2, "sigmoid"), "nn.RNN has tanh and relu, not sigmoid"),
        (LSTM(2, go_backwards=True), "modules read forwards"),
        (Bidirectional(LSTM(2), "sum"), "merge_mode='sum'"),
        (Bidirectional(LSTM(2), backward_layer=GRU(2, go_backwards=True)), "one kind, size and activation"),
        (Bidirectional(LSTM(2, go_backwards=True)), "reads forwards"),
        (LayerNormalization(scale=False), "no shift without a scale"),
        (LayerNormalization(axis=1), "last axes"),
        (PReLU(shared_axes=[1]), "no module of PyTorch is the same"),
        (Own(2), "of your own"),
        (TimeDistributed(Conv1D(1, 1)), "nn.Linear"),
    ],
)
def test_what_pytorch_cannot_compute_is_refused(layer: Any, says: str) -> None:
    shape = (5, 2, 3) if isinstance(layer, TimeDistributed) else (5, 3)
    with pytest.raises(ExchangeError, match=says):
        to_pytorch(Sequential([Input(shape), layer], backend="reference"))


def test_a_cell_of_ones_own_is_refused() -> None:
    model = Sequential([Input((5, 3)), RNN(PeepholeLSTM(2))], backend="reference")
    with pytest.raises(ExchangeError, match="no module of PyTorch is the same"):
        to_pytorch(model)


def test_a_mask_is_not_in_it_and_a_warning_says_so() -> None:
    model = Sequential([Input((None,)), Embedding(5, 2, mask_zero=True), LSTM(2)], backend="reference")
    with pytest.warns(UserWarning, match="pack_padded_sequence"):
        state = to_pytorch(model)
    assert list(state) == [
        "embedding.weight", "lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0", "lstm.bias_hh_l0"
    ]  # fmt: skip


# ---- files


def test_as_safetensors(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy", reason="needs the package safetensors")
    layers, names = MODELS["lstm"]
    model = model_of(*layers())
    from_pytorch(model, state_of("embedding", "lstm"), names)
    file = tmp_path / "m.safetensors"
    save_pytorch(model, file, names)
    for key, array in to_pytorch(model, names).items():
        np.testing.assert_array_equal(numpy.load_file(file)[key], array)
    other = model_of(*layers())
    load_pytorch(other, file)
    np.testing.assert_allclose(other.predict(RECORD["x"]), RECORD["lstm"], atol=1e-6)
    with pytest.raises(FileExistsError):
        save_pytorch(model, file, names)
    with pytest.raises(ExchangeError, match=r"\.safetensors or \.pt"):
        save_pytorch(model, tmp_path / "m.npz", names)
