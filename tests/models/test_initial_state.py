"""What a fresh model holds: the weights that its initializers say, those of each layer from a stream of its own.

Spreads are compared with Keras' in tests/parity/test_initial_weights.py; here is what can be said exactly.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from examples.peephole_lstm import PeepholeLSTM
from scratchnn import Sequential
from scratchnn.layers import (
    ELU,
    GRU,
    LAYERS,
    LSTM,
    RNN,
    Activation,
    AlphaDropout,
    AveragePooling1D,
    Bidirectional,
    ConcatPooling1D,
    Conv1D,
    Cropping1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Input,
    Lambda,
    Layer,
    LayerNormalization,
    LeakyReLU,
    Masking,
    MaxPooling1D,
    Permute,
    PReLU,
    ReLU,
    RepeatVector,
    Reshape,
    SimpleRNN,
    Softmax,
    SpatialDropout1D,
    TimeDistributed,
    UpSampling1D,
    ZeroPadding1D,
)  # fmt: skip

D, H, T = 8, 4, 6
BACKENDS = pytest.mark.parametrize("backend", ["reference", "cpu"])
SEEDS = (0, 1, 2, 2**32, 2**64 - 1)


def fresh(*layers: Layer, backend: str = "reference", shape: tuple[int, ...] = (T, D), **settings: Any) -> Sequential:
    """A model that was only built; its weights, layer by layer, are `named_weights`."""
    return Sequential([Input(shape), *layers], backend=backend, **settings)


def named_weights(model: Sequential) -> dict[str, np.ndarray]:
    return {f"{i} {name}": np.array(w) for i, layer in enumerate(model.layers) for name, w in layer.params.items()}


# ---- biases, and what is not left to chance

ZEROS, FORGET = np.zeros(4 * H), np.repeat([0.0, 1.0, 0.0, 0.0], H)
BIASES: dict[str, tuple[Callable[[], Layer], dict[str, np.ndarray]]] = {
    "Dense": (lambda: Dense(H), {"b": np.zeros(H)}),
    "Conv1D": (lambda: Conv1D(H, 3), {"b": np.zeros(H)}),
    "SimpleRNN": (lambda: SimpleRNN(H), {"b": np.zeros(H)}),
    "GRU": (lambda: GRU(H), {"bx": np.zeros(3 * H), "bh": np.zeros(3 * H)}),
    "GRU, reset before": (lambda: GRU(H, reset_after=False), {"bx": np.zeros(3 * H)}),
    "LSTM": (lambda: LSTM(H), {"b": FORGET}),
    "LSTM, told to": (lambda: LSTM(H, unit_forget_bias=True), {"b": FORGET}),
    "LSTM, told not to": (lambda: LSTM(H, unit_forget_bias=False), {"b": ZEROS}),
    "LSTM, ones": (lambda: LSTM(H, bias_initializer="ones", unit_forget_bias=False), {"b": ZEROS + 1}),
    "LSTM, twos": (
        lambda: LSTM(H, bias_initializer={"name": "constant", "value": 2.0}),  # as Keras: the forget gate's are 1
        {"b": np.repeat([2.0, 1.0, 2.0, 2.0], H)},
    ),
    "LSTM, no bias": (lambda: LSTM(H, use_bias=False), {}),
    "both ways": (lambda: Bidirectional(LSTM(H)), {"forward.b": FORGET, "backward.b": FORGET}),
    "both ways, told not to": (
        lambda: Bidirectional(LSTM(H, unit_forget_bias=False)),
        {"forward.b": ZEROS, "backward.b": ZEROS},
    ),
    "a cell": (lambda: RNN(PeepholeLSTM(H)), {"b": ZEROS}),
}


@pytest.mark.parametrize(
    ("name", "backend"),
    [(name, backend) for name in BIASES for backend in ("reference", "cpu") if (name, backend) != ("a cell", "cpu")],
)
def test_biases_begin_at_zero_but_those_of_a_forget_gate_at_one(name: str, backend: str) -> None:
    make, expected = BIASES[name]
    for copies in (make(), make().clone()):
        (layer,) = fresh(copies, backend=backend).layers
        biases = {key: param for key, param in layer.params.items() if key.rpartition(".")[2].startswith("b")}
        assert biases.keys() == expected.keys()
        for key, bias in biases.items():
            np.testing.assert_array_equal(bias, expected[key], err_msg=key)


RECURRENT: dict[str, Callable[..., Layer]] = {
    "SimpleRNN": SimpleRNN,
    "LSTM": LSTM,
    "GRU": GRU,
    "GRU, reset before": lambda units, **options: GRU(units, reset_after=False, **options),
    "both ways": lambda units, **options: Bidirectional(GRU(units, **options)),
    "a cell": lambda units, **options: RNN(PeepholeLSTM(units), **options),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_weights_begin_with_orthogonal_rows(name: str) -> None:
    (layer,) = fresh(RECURRENT[name](H), dtype="float64").layers
    found = {key: Wh for key, Wh in layer.params.items() if key.endswith("Wh")}
    assert len(found) == (2 if isinstance(layer, Bidirectional) else 1)
    for Wh in found.values():
        np.testing.assert_allclose(Wh @ Wh.T, np.eye(H), atol=1e-14)


# ---- streams: who draws what


def drawn_by_all(sequences: bool = True, cell: bool = False) -> list[Layer]:
    """A layer of every kind that draws weights, some twice, all weights from one wide distribution."""
    uniform: dict[str, Any] = {"kernel_initializer": "random_uniform", "bias_initializer": "random_uniform"}
    steps = uniform | {"recurrent_initializer": "random_uniform", "return_sequences": sequences}
    return [
        Embedding(9, D),
        Bidirectional(LSTM(H, unit_forget_bias=False, **steps)),
        Bidirectional(LSTM(H, unit_forget_bias=False, **steps)),
        Bidirectional(GRU(H, **steps)),
        SimpleRNN(D, **steps),
        GRU(D, reset_after=False, **steps),
        *([RNN(PeepholeLSTM(D), **steps)] if cell else []),
        Conv1D(D, 3, padding="same", **uniform),
        Dense(D, **uniform),
        Dense(D, **uniform),
        *([TimeDistributed(Dense(D, **uniform))] if sequences else []),
        LayerNormalization(beta_initializer="random_uniform", gamma_initializer="random_uniform"),
        *([PReLU("random_uniform", shared_axes=[1])] if sequences else []),
    ]


WITHOUT_WEIGHTS = {
    cls.__name__
    for cls in (
        Activation, Dropout, Flatten, GlobalAveragePooling1D, GlobalMaxPooling1D, MaxPooling1D, AlphaDropout,
        AveragePooling1D, ConcatPooling1D, Cropping1D, ELU, GaussianDropout, GaussianNoise, Lambda, LeakyReLU, Masking,
        Permute, ReLU, RepeatVector, Reshape, Softmax, SpatialDropout1D, UpSampling1D, ZeroPadding1D,
    )
}  # fmt: skip


def test_every_layer_with_weights_is_tried() -> None:
    kinds = {type(layer).__name__ for layer in drawn_by_all(cell=True)}
    assert kinds | WITHOUT_WEIGHTS | {"LSTM"} == set(LAYERS)  # an LSTM is in both directions


@BACKENDS
def test_no_number_is_drawn_twice_in_a_model(backend: str) -> None:
    """In float64: were a stream shared, by whichever two weights and from whichever place on, numbers would repeat."""
    layers = drawn_by_all(cell=backend == "reference")
    weights = named_weights(fresh(*layers, backend=backend, shape=(T,), dtype="float64", seed=3))
    weights = {name: w for name, w in weights.items() if w.any()}  # the peepholes of a cell begin at 0
    assert len(weights) > 25
    for (one, a), (other, b) in combinations(weights.items(), 2):
        assert not np.isin(a, b).any(), f"{one} and {other} have numbers in common"
    for name, w in weights.items():
        assert len(np.unique(w)) == w.size, name


def test_no_number_is_drawn_by_two_seeds() -> None:
    drawn = [fresh(*drawn_by_all(), shape=(T,), dtype="float64", seed=seed).flat_params for seed in SEEDS]
    everything = np.concatenate(drawn)
    assert len(np.unique(everything)) == everything.size


SIX: dict[str, Callable[[], list[Layer]]] = {
    "dense": lambda: [Dense(D) for _ in range(6)],
    "convolutions": lambda: [Conv1D(D, 1) for _ in range(6)],
    **{
        f"{kind.__name__}{', both ways' * both}": lambda kind=kind, both=both: [
            Bidirectional(kind(H, return_sequences=True)) if both else kind(D, return_sequences=True) for _ in range(6)
        ]
        for kind in (SimpleRNN, LSTM, GRU)
        for both in (False, True)
    },
}


@BACKENDS
@pytest.mark.parametrize("name", SIX)
def test_six_equal_layers_begin_differently(name: str, backend: str) -> None:
    """With the usual initializers, and also where only the scale would differ."""
    weights = named_weights(fresh(*SIX[name](), backend=backend, seed=3))
    drawn = {key: w for key, w in weights.items() if np.unique(w).size > 2}  # biases begin at 0, or 0 and 1
    directions = 2 if "both" in name else 1
    assert len(drawn) == 6 * directions * (1 if name in ("dense", "convolutions") else 2)
    for (one, a), (other, b) in combinations(drawn.items(), 2):
        size = min(a.size, b.size)
        cosine = np.dot(a.ravel()[:size], b.ravel()[:size]) / np.linalg.norm(a.ravel()[:size])
        assert abs(cosine / np.linalg.norm(b.ravel()[:size])) < 0.9, f"{one} and {other} begin alike"


def test_equal_seeds_begin_alike_on_both_backends_and_a_float32_model_with_rounded_numbers() -> None:
    def start(seed: int, **settings: Any) -> np.ndarray:
        return fresh(*drawn_by_all(), shape=(T,), seed=seed, **settings).flat_params

    for seed in SEEDS:
        first = start(seed)
        np.testing.assert_array_equal(start(seed), first)
        np.testing.assert_array_equal(start(seed, backend="cpu"), first)
        np.testing.assert_array_equal(start(seed, dtype="float64").astype(np.float32), first)


def test_what_stands_elsewhere_in_a_model_does_not_change_how_a_layer_begins() -> None:
    """Its place does, and the seed."""
    one = fresh(Dense(D), Dense(D), Dense(D), seed=3)
    other = fresh(SimpleRNN(D, return_sequences=True), Dense(D), LSTM(D), seed=3)
    np.testing.assert_array_equal(one.layers[1].get_weights()[0], other.layers[1].get_weights()[0])
