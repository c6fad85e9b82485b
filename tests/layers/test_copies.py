"""Copies of layers: settings and parameters are there, and nothing is shared."""

import copy
import pickle  # noqa: TID251 - the package has none; its users do
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential
from scratchnn.activations import Activation as Function
from scratchnn.initializers import RandomUniform
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
)
from scratchnn.regularizers import L1
from tests.models.own_things import Mix, Shift, Twice

IDS = np.array([[1, 2, 0, 3], [4, 4, 4, 4]])
X = np.random.default_rng(0).normal(size=(2, 4, 3))
absolute = Function("absolute", np.abs, np.multiply)  # functions that pickle finds by their names

MAKERS: dict[str, Callable[[], Layer]] = {
    "Embedding": lambda: Embedding(5, 3, mask_zero=True, embeddings_initializer=RandomUniform(-1.0, 1.0)),
    "SimpleRNN": lambda: SimpleRNN(3, absolute, bias_initializer=Shift(0.5)),
    "LSTM": lambda: LSTM(3, recurrent_activation=absolute, unit_forget_bias=False, return_sequences=True, name="long"),
    "GRU": lambda: GRU(3, absolute, reset_after=False, dropout=0.1, kernel_initializer=Twice(Shift(0.2))),
    "RNN": lambda: RNN(Mix(3, absolute), go_backwards=True),
    "Bidirectional": lambda: Bidirectional(LSTM(3, absolute, return_sequences=True), "ave", name="both"),
    "Bidirectional of RNN": lambda: Bidirectional(RNN(Mix(2, absolute)), "mul"),
    "Conv1D": lambda: Conv1D(2, 3, padding="causal", activation=absolute, kernel_initializer=Twice()),
    "MaxPooling1D": lambda: MaxPooling1D(2, padding="same"),
    "GlobalMaxPooling1D": GlobalMaxPooling1D,
    "GlobalAveragePooling1D": GlobalAveragePooling1D,
    "ConcatPooling1D": ConcatPooling1D,
    "Dense": lambda: Dense(2, absolute, use_bias=False, kernel_initializer=Shift(0.1)),
    "Dropout": lambda: Dropout(0.5),
    "Flatten": Flatten,
    "Activation": lambda: Activation(absolute),
    "TimeDistributed": lambda: TimeDistributed(Dense(2, absolute, kernel_regularizer="l2")),
    "TimeDistributed of itself": lambda: TimeDistributed(Dense(2, kernel_initializer=Twice())),
    "LayerNormalization": lambda: LayerNormalization([1, 2], gamma_initializer=Shift(0.3), beta_regularizer=L1(0.2)),
    "PReLU": lambda: PReLU(RandomUniform(0.1, 0.9), shared_axes=[1]),
    "Lambda": lambda: Lambda(np.sin, backward=np.multiply, name="sine"),
    "RepeatVector": lambda: RepeatVector(2),
    "Reshape": lambda: Reshape((2, -1)),
    "Permute": lambda: Permute((2, 1)),
    "ZeroPadding1D": lambda: ZeroPadding1D((1, 2)),
    "Cropping1D": lambda: Cropping1D((1, 2)),
    "UpSampling1D": lambda: UpSampling1D(3),
    "AveragePooling1D": lambda: AveragePooling1D(2, padding="same"),
    "Masking": lambda: Masking(0.5),
    "Softmax": lambda: Softmax(1),
    "ReLU": lambda: ReLU(0.5, 0.1, 0.2),
    "LeakyReLU": lambda: LeakyReLU(0.1),
    "ELU": lambda: ELU(0.5),
    "SpatialDropout1D": lambda: SpatialDropout1D(0.5),
    "GaussianDropout": lambda: GaussianDropout(0.5),
    "GaussianNoise": lambda: GaussianNoise(0.5),
    "AlphaDropout": lambda: AlphaDropout(0.5),
}
WAYS = [copy.deepcopy, copy.copy, lambda layer: pickle.loads(pickle.dumps(layer))]


def built(name: str) -> tuple[Any, Any]:
    layer, x = MAKERS[name](), {"Embedding": IDS, "RepeatVector": X[:, 0]}.get(name, X)
    layer.build((None, *x.shape[1:]), backend="reference", dtype=np.float64, seed=4)
    return layer, x


def test_every_layer_is_copied_below() -> None:
    assert set(LAYERS) <= {name.split(" ")[0] for name in MAKERS}


@pytest.mark.parametrize("way", WAYS, ids=["deepcopy", "copy", "pickle"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_copy_computes_the_same_and_shares_nothing(name: str, way: Callable[[Any], Any]) -> None:
    layer, x = built(name)
    want, other = layer.forward(x)[0], way(layer)
    y, cache = other.forward(x)
    assert np.array_equal(y, want) and type(other) is type(layer) and other.get_config() == layer.get_config()
    _, grads = other.backward(np.ones_like(y), cache)
    assert list(grads) == list(layer.params)
    for param in other.params.values():
        param += 1
    assert np.array_equal(layer.forward(x)[0], want)
    assert not other.params or not np.array_equal(other.forward(x)[0], want)
    assert other.get_config() == way(MAKERS[name]()).get_config()  # of one that was not built


@pytest.mark.parametrize("name", MAKERS)
def test_a_clone_has_the_settings_and_no_parameters(name: str) -> None:
    for layer in (MAKERS[name](), built(name)[0]):
        clone: Any = layer.clone()
        assert clone.get_config() == layer.get_config() and type(clone) is type(layer)
        assert not clone.built and clone.params == {} and clone.model is None
        with pytest.raises(RuntimeError, match="has no parameters yet"):
            clone.count_params()
    layer, x = built(name)
    clone = layer.clone()
    clone.build((None, *x.shape[1:]), backend="reference", dtype=np.float64, seed=4)
    assert np.array_equal(clone.forward(x)[0], layer.forward(x)[0])
    assert not any(np.shares_memory(a, b) for a, b in zip(clone.params.values(), layer.params.values(), strict=True))


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_both_ways_of_a_layer_that_was_built(backend: str) -> None:
    """As in Keras: the wrapper takes its settings, and draws parameters of its own."""
    layer = GRU(3, return_sequences=True)
    layer.build((None, 4, 3), backend=backend)
    before = layer.get_weights()
    both = Bidirectional(layer)
    assert not both.forward_layer.built and not both.backward_layer.built
    model = Sequential([Input((4, 3)), both, Dense(1)], backend=backend, seed=1)
    model.compile("sgd", "mse")
    model.train_on_batch(X, X[:, :, :1])
    assert all(map(np.array_equal, layer.get_weights(), before))
    assert not np.array_equal(both.params["forward.Wx"], both.params["backward.Wx"])


def test_two_layers_of_one_cell_are_two() -> None:
    """A cell may count, or keep what it likes: a copy counts for itself."""

    class Counting(Mix):
        calls = 0

        def forward(self, *arguments: Any, **own: Any) -> Any:
            self.calls += 1
            return super().forward(*arguments, **own)

    layer: Any = RNN(Counting(3))
    for other in (layer.clone(), copy.deepcopy(layer)):
        other.build((None, 4, 3), backend="reference")
        other.forward(X)
        assert other.cell is not layer.cell
    layer.build((None, 4, 3), backend="reference")
    assert layer.cell.calls == 0


def test_a_copy_belongs_to_no_model() -> None:
    model = Sequential([Input((4, 3)), LSTM(3), Dense(1)], backend="reference", seed=1)
    for way in (*WAYS, Layer.clone):
        other: Any = way(model.layers[0])
        assert other.model is None and other.name == "lstm"
        Sequential([Input((4, 3)), other, Dense(1)], backend="reference")
    assert model.layers[0].model() is model
