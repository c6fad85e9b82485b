"""`from_config` makes what `get_config` described: layers, optimizers, initializers, regularizers, each of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from scratchnn import Sequential, initializers, layers, optimizers, regularizers
from scratchnn.activations import Activation
from scratchnn.layers import GRU, LSTM, RNN, Bidirectional, Cell, Dense, Lambda, LayerNormalization, TimeDistributed
from scratchnn.optimizers import schedules
from tests import keras_evidence as evidence

CUBE = Activation("cube", lambda a: a**3, lambda dy, y: dy * 3 * np.cbrt(y) ** 2)


@dataclass(frozen=True)
class Sevens(initializers.Initializer):
    name: ClassVar[str] = "sevens"
    times: int = 1

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        return np.full(shape, 7.0 * self.times)


class Own(Dense):
    def __init__(self, units: int, factor: float = 1.0, **settings: Any) -> None:
        super().__init__(units, **settings)
        self.factor = factor

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"factor": self.factor}


class OwnCell(Cell):
    def __init__(self, state_size: int) -> None:
        self.state_size = state_size

    def get_config(self) -> dict[str, Any]:
        return {"state_size": self.state_size}


LAYERS: dict[str, Any] = {
    **{name: kind(**evidence.LAYERS[name]) for name, kind in layers.LAYERS.items() if name != "RNN"},
    "RNN": RNN(OwnCell(3), return_sequences=True),
    "LSTM, all": LSTM(
        4, "relu", "hard_sigmoid", use_bias=False, kernel_initializer="he_normal", kernel_regularizer="l2",
        dropout=0.1, return_sequences=True, name="first", trainable=False,
    ),
    "LSTM, own activations": LSTM(4, activation=CUBE, recurrent_activation=CUBE),
    "Dense, own initializer": Dense(3, kernel_initializer=Sevens(2), bias_initializer=initializers.Constant([1, 2, 3])),
    "Bidirectional, two": Bidirectional(GRU(3), "sum", backward_layer=LSTM(3, go_backwards=True)),
    "Bidirectional, own activation": Bidirectional(LSTM(3, activation=CUBE, return_sequences=True), None),
    "TimeDistributed, own": TimeDistributed(Own(2, 3.0, activation="relu")),
    "LayerNormalization": LayerNormalization([1, 2], center=False),
    "own": Own(2, 5.0),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    layer = LAYERS[name]
    again = type(layer).from_config(layer.get_config())
    assert type(again) is type(layer) and again is not layer and not again.built
    assert repr(again.get_config()) == repr(layer.get_config())
    assert (again.name, again.trainable, again.describe()) == (layer.name, layer.trainable, layer.describe())


def test_the_walk_meets_all_layers() -> None:
    assert set(layers.LAYERS) <= {type(layer).__name__ for layer in LAYERS.values()}


@pytest.mark.parametrize("name", ["LSTM", "GRU", "Dense, own initializer", "LSTM, own activations"])
def test_layers_compute_the_same(name: str) -> None:
    layer = LAYERS[name].clone()
    again = type(layer).from_config(layer.get_config())
    for each in (layer, again):
        each.build((None, 5, 3), backend="reference", seed=1)
    np.testing.assert_array_equal(again(evidence.X), layer(evidence.X))


def test_a_layer_from_a_text() -> None:
    config = json.loads(json.dumps(LAYERS["Bidirectional, two"].get_config()))
    assert Bidirectional.from_config(config).backward_layer.go_backwards
    config = json.loads(json.dumps(LAYERS["LSTM, own activations"].get_config()))
    with pytest.raises(ValueError, match=r"LSTM\.from_config: the settings name 'cube', .* custom_objects=\{'cube'"):
        LSTM.from_config(config)


OPTIMIZERS = [getattr(optimizers, name) for name in optimizers.__all__ if isinstance(getattr(optimizers, name), type)]
OPTIMIZERS = [
    kind for kind in OPTIMIZERS if issubclass(kind, optimizers.Optimizer) and kind is not optimizers.Optimizer
]


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_optimizers(kind: Any) -> None:
    rate = schedules.ExponentialDecay(0.1, 2, 0.5)
    for made in (kind(0.25, weight_decay=0.01, clipnorm=2.0), kind(rate)):
        again = kind.from_config(made.get_config())
        assert type(again) is kind and again.get_config() == made.get_config()
    again.init(1, np.float64)
    again.iterations = 2
    assert again.learning_rate == pytest.approx(0.05)


def test_the_walk_meets_the_optimizers() -> None:
    assert {kind.__name__ for kind in OPTIMIZERS} >= {"Adam", "AdamW", "SGD", "RMSprop", "Adagrad"}


INITIALIZERS = {name: initializers.get(name) for name in initializers.INITIALIZERS}
INITIALIZERS |= {
    "own": Sevens(3),
    "array": initializers.Constant(np.ones((2, 2))),
    "wide": initializers.Orthogonal(2.0),
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers(name: str) -> None:
    made = INITIALIZERS[name]
    again = type(made).from_config(made.get_config())
    assert type(again) is type(made) and again == made


@pytest.mark.parametrize("made", [regularizers.L1(0.3), regularizers.L2(0.2), regularizers.L1L2(0.1, 0.2)])
def test_regularizers(made: Any) -> None:
    again = type(made).from_config(made.get_config())
    assert type(again) is type(made) and again == made


@pytest.mark.parametrize("kind", [Dense, optimizers.Adam, initializers.Constant, regularizers.L2, OwnCell])
def test_what_is_no_config_is_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match=rf"{kind.__name__}\.from_config takes what get_config\(\) returned, got 3"):
        kind.from_config(3)


class Silent(Dense):
    def __init__(self, units: int, factor: float = 1.0, **settings: Any) -> None:
        super().__init__(units, **settings)
        self.factor = factor


def test_a_class_that_describes_less_than_it_takes_is_told() -> None:
    with pytest.raises(
        ValueError, match=r"Silent\.get_config leaves out factor, which the constructor takes: define it"
    ):
        Silent.from_config(Silent(3, 2.0).get_config())
    assert Silent.from_config(Silent(3).get_config() | {"factor": 4.0}).factor == 4


def test_an_argument_that_nobody_takes_is_refused() -> None:
    with pytest.raises(TypeError, match="Dense takes no argument 'unitz'; did you mean 'units'"):
        Dense.from_config({"unitz": 3})


def test_lambda_keeps_its_functions() -> None:
    made = Lambda(np.square, backward=lambda dy, x: 2 * x * dy)
    again = Lambda.from_config(made.get_config())
    assert again.function is np.square and again.backward_function is made.backward_function


def test_a_model_of_given_weights_is_made_again() -> None:
    """An array that the description still holds goes into the new layer; a file has only its shape."""
    model = Sequential([Dense(2, kernel_initializer=initializers.Constant([[1.0, 2.0]]))], backend="reference")
    model.build((None, 1))
    config: Mapping[str, Any] = model.get_config()
    np.testing.assert_array_equal(Sequential.from_config(config).get_weights()[0], [[1, 2]])
