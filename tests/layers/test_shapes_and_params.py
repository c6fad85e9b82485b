"""What every layer promises: shapes, parameter counts, weights in Keras' form, configurations, masks."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.contract import Array

from scratchnn import Sequential
from scratchnn.layers import (
    ELU,
    GRU,
    LAYERS,
    LSTM,
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
)

D, H, T = 5, 7, 6
SEQUENCES = {"return_sequences": True}


def built(layer: Layer, shape: tuple[int | None, ...]) -> Layer:
    layer.build(shape, backend="reference")
    return layer


# ---- parameter counts

WITHOUT_PARAMETERS: list[Layer] = [
    AveragePooling1D(2), SpatialDropout1D(0.5), GaussianDropout(0.5), GaussianNoise(0.5), AlphaDropout(0.5),
    Reshape((D, T)), Permute((2, 1)), ZeroPadding1D(), Cropping1D(), UpSampling1D(), Masking(), ReLU(), LeakyReLU(),
    ELU(), Softmax(), Lambda(lambda x: 2 * x, backward=lambda dy, x: 2 * dy),
]  # fmt: skip

COUNTS = [
    (SimpleRNN(H), (None, T, D), D * H + H * H + H),
    (LSTM(H), (None, T, D), 4 * (D * H + H * H + H)),
    (GRU(H), (None, T, D), 3 * (D * H + H * H + 2 * H)),
    (GRU(H, reset_after=False), (None, T, D), 3 * (D * H + H * H + H)),
    (SimpleRNN(H, use_bias=False), (None, T, D), D * H + H * H),
    (LSTM(H, use_bias=False), (None, T, D), 4 * (D * H + H * H)),
    (GRU(H, use_bias=False), (None, T, D), 3 * (D * H + H * H)),
    (Bidirectional(LSTM(H)), (None, T, D), 2 * 4 * (D * H + H * H + H)),
    (Embedding(11, D), (None, T), 11 * D),
    (Dense(H), (None, D), D * H + H),
    (Dense(H, use_bias=False), (None, T, D), D * H),
    (Conv1D(H, 3), (None, T, D), 3 * D * H + H),
    (Conv1D(H, 3, use_bias=False), (None, T, D), 3 * D * H),
    (MaxPooling1D(), (None, T, D), 0),
    (GlobalMaxPooling1D(), (None, T, D), 0),
    (GlobalAveragePooling1D(), (None, T, D), 0),
    (ConcatPooling1D(), (None, T, D), 0),
    (Dropout(0.5), (None, D), 0),
    (Flatten(), (None, T, D), 0),
    (Activation("relu"), (None, D), 0),
    (LayerNormalization(), (None, T, D), 2 * D),
    (LayerNormalization([1, 2], center=False), (None, T, D), T * D),
    (PReLU(), (None, T, D), T * D),
    (PReLU(shared_axes=[1]), (None, None, D), D),
    (TimeDistributed(Dense(H)), (None, T, D), D * H + H),
    (TimeDistributed(LSTM(H)), (None, None, T, D), 4 * (D * H + H * H + H)),
    *((layer, (None, T, D), 0) for layer in WITHOUT_PARAMETERS),
    (RepeatVector(3), (None, D), 0),
]


@pytest.mark.parametrize(("layer", "shape", "count"), COUNTS, ids=[f"{type(c[0]).__name__} {c[2]}" for c in COUNTS])
def test_parameter_count(layer: Layer, shape: tuple[int | None, ...], count: int) -> None:
    assert built(copy.deepcopy(layer), shape).count_params() == count


def test_every_layer_is_counted() -> None:
    assert {type(layer).__name__ for layer, _, _ in COUNTS} == set(LAYERS) - {"RNN"}  # test_rnn.py


def sigmoid() -> Dense:
    return Dense(1, activation="sigmoid")


def published() -> dict[str, tuple[list[Layer], list[int]]]:
    """Models from the literature on IMDB reviews, with the count of each layer."""

    def words() -> Embedding:
        return Embedding(1000, 16)

    def convolution() -> Conv1D:
        return Conv1D(32, 7, activation="relu")

    rnn = [words(), SimpleRNN(32, return_sequences=True), SimpleRNN(32), sigmoid()]
    lstm = [words(), LSTM(32), Dense(32, activation="relu"), Dropout(0.5), sigmoid()]
    cnn = [words(), convolution(), MaxPooling1D(5), convolution(), GlobalMaxPooling1D(), sigmoid()]
    return {
        "ff 17,601": ([words(), Flatten(), sigmoid()], [16_000, 0, 1601]),
        "rnn 19,681": (rnn, [16_000, 1568, 2080, 33]),
        "lstm 23,361": (lstm, [16_000, 6272, 1056, 0, 33]),
        "cnn 26,849": (cnn, [16_000, 3616, 0, 7200, 0, 33]),
        "tutorial 321,737": ([Embedding(10_000, 32), SimpleRNN(28), Dense(1)], [320_000, 1708, 29]),
    }


@pytest.mark.parametrize("name", published())
def test_published_models_have_the_published_counts(name: str) -> None:
    layers, counts = published()[name]
    model = Sequential([Input(shape=(100,)), *layers], backend="reference")
    assert [layer.count_params() for layer in model.layers] == counts
    total = int(name.split()[1].replace(",", ""))
    assert model.count_params() == sum(counts) == total


# ---- shapes

SHAPES: list[tuple[Layer, tuple[int, ...], Any]] = [
    *((kind(H), (2, T, D), (2, H)) for kind in (SimpleRNN, LSTM, GRU)),
    *((kind(H, **SEQUENCES), (2, T, D), (2, T, H)) for kind in (SimpleRNN, LSTM, GRU)),
    (SimpleRNN(H, return_state=True), (2, T, D), ((2, H), (2, H))),
    (LSTM(H, return_state=True, return_sequences=True), (2, T, D), ((2, T, H), (2, H), (2, H))),
    (GRU(H, return_state=True), (2, 1, D), ((2, H), (2, H))),
    *((Bidirectional(LSTM(H), mode), (2, T, D), (2, H)) for mode in ("sum", "mul", "ave")),
    (Bidirectional(GRU(H, **SEQUENCES)), (2, T, D), (2, T, 2 * H)),
    (Bidirectional(LSTM(H, return_state=True)), (1, T, D), ((1, 2 * H), *[(1, H)] * 4)),
    (Embedding(11, D), (2, T), (2, T, D)),
    (Dense(H), (2, D), (2, H)),
    (Dense(H), (2, T, D), (2, T, H)),
    (Conv1D(H, 3), (2, T, D), (2, 4, H)),
    (Conv1D(H, 3, padding="same"), (2, T, D), (2, T, H)),
    (Conv1D(H, 3, padding="causal"), (2, T, D), (2, T, H)),
    (Conv1D(H, 3, strides=2), (2, T, D), (2, 2, H)),
    (Conv1D(H, 3, strides=4, padding="same"), (2, T, D), (2, 2, H)),
    (Conv1D(H, 3, strides=4, padding="causal"), (2, T, D), (2, 2, H)),
    (Conv1D(H, 3, dilation_rate=2), (2, T, D), (2, 2, H)),
    (Conv1D(H, 1), (2, 1, D), (2, 1, H)),
    (MaxPooling1D(4), (2, T, D), (2, 1, D)),
    (MaxPooling1D(4, padding="same"), (2, T, D), (2, 2, D)),
    (MaxPooling1D(3, strides=1), (2, T, D), (2, 4, D)),
    (GlobalMaxPooling1D(), (2, T, D), (2, D)),
    (GlobalAveragePooling1D(), (2, T, D), (2, D)),
    (ConcatPooling1D(), (2, T, D), (2, 3 * D)),
    (Dropout(0.5), (2, T, D), (2, T, D)),
    (Flatten(), (2, T, D), (2, T * D)),
    (Flatten(), (2, D), (2, D)),
    (Activation("softmax"), (2, T, D), (2, T, D)),
    (RepeatVector(3), (2, D), (2, 3, D)),
    (Reshape((3, -1)), (2, T, D), (2, 3, 2 * D)),
    (Reshape((-1,)), (2, T, D), (2, T * D)),
    (Permute((2, 1)), (2, T, D), (2, D, T)),
    (Permute((3, 1, 2)), (2, T, D, 4), (2, 4, T, D)),
    (ZeroPadding1D((1, 2)), (2, T, D), (2, T + 3, D)),
    (Cropping1D((2, 1)), (2, T, D), (2, T - 3, D)),
    (UpSampling1D(3), (2, T, D), (2, 3 * T, D)),
    (AveragePooling1D(4), (2, T, D), (2, 1, D)),
    (AveragePooling1D(4, padding="same"), (2, T, D), (2, 2, D)),
    (AveragePooling1D(3, strides=1), (2, T, D), (2, 4, D)),
    (TimeDistributed(Dense(H)), (2, T, D), (2, T, H)),
    (TimeDistributed(LSTM(H)), (2, 3, T, D), (2, 3, H)),
    (TimeDistributed(Flatten()), (2, 3, T, D), (2, 3, T * D)),
    (Lambda(lambda x: x[:, :2], backward=lambda dy, x: np.pad(dy, ((0, 0), (0, T - 2), (0, 0)))), (2, T, D), (2, 2, D)),
    *(
        (layer, (2, T, D), (2, T, D))
        for layer in (
            SpatialDropout1D(0.5), GaussianDropout(0.5), GaussianNoise(0.5), AlphaDropout(0.5), Masking(), ReLU(),
            LeakyReLU(), ELU(), PReLU(), Softmax(), LayerNormalization(),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "x_shape", "y_shape"), SHAPES, ids=lambda value: getattr(value, "label", str(value)))
def test_outputs_and_gradients_have_the_announced_shapes(layer: Layer, x_shape: tuple[int, ...], y_shape: Any) -> None:
    layer = built(copy.deepcopy(layer), (None, *x_shape[1:]))
    x = np.zeros(x_shape) if isinstance(layer, Embedding) else np.random.default_rng(0).normal(size=x_shape)
    y, cache = layer.forward(x)
    dx, grads = layer.backward(y, cache)

    several = isinstance(y, tuple)
    assert (tuple(each.shape for each in y) if several else y.shape) == y_shape
    announced = layer.output_shape if several else (layer.output_shape,)
    assert [shape[1:] for shape in announced] == [shape[1:] for shape in (y_shape if several else (y_shape,))]
    assert all(shape[0] is None for shape in announced)
    assert dx is None if isinstance(layer, Embedding) else dx.shape == x_shape
    assert {name: g.shape for name, g in grads.items()} == {name: p.shape for name, p in layer.params.items()}
    outputs = [*(y if several else (y,)), *([] if dx is None else [dx]), *grads.values()]
    assert {array.dtype for array in outputs} == {np.dtype("float32")}


# ---- weights and configurations

KERAS_SHAPES: list[tuple[Layer, tuple[int | None, ...], list[tuple[int, ...]]]] = [
    (SimpleRNN(H), (None, T, D), [(D, H), (H, H), (H,)]),
    (LSTM(H), (None, T, D), [(D, 4 * H), (H, 4 * H), (4 * H,)]),
    (GRU(H), (None, T, D), [(D, 3 * H), (H, 3 * H), (2, 3 * H)]),
    (GRU(H, reset_after=False), (None, T, D), [(D, 3 * H), (H, 3 * H), (3 * H,)]),
    (GRU(H, use_bias=False), (None, T, D), [(D, 3 * H), (H, 3 * H)]),
    (Bidirectional(GRU(H)), (None, T, D), [(D, 3 * H), (H, 3 * H), (2, 3 * H)] * 2),
    (Embedding(11, D), (None, T), [(11, D)]),
    (Dense(H), (None, D), [(D, H), (H,)]),
    (Conv1D(H, 3), (None, T, D), [(3, D, H), (H,)]),
    (TimeDistributed(GRU(H)), (None, 2, T, D), [(D, 3 * H), (H, 3 * H), (2, 3 * H)]),
    (LayerNormalization(), (None, T, D), [(D,), (D,)]),
    (PReLU(shared_axes=[1]), (None, T, D), [(1, D)]),
    (Flatten(), (None, T, D), []),
]


@pytest.mark.parametrize(("layer", "shape", "expected"), KERAS_SHAPES, ids=lambda v: getattr(v, "label", ""))
def test_weights_go_out_and_in_in_keras_shapes(layer: Layer, shape: Any, expected: list[tuple[int, ...]]) -> None:
    layer = built(copy.deepcopy(layer), shape)
    rng = np.random.default_rng(0)
    assert [weight.shape for weight in layer.get_weights()] == expected
    weights = [rng.normal(size=shape).astype(np.float32) for shape in expected]
    params = dict(layer.params)
    layer.set_weights(weights)
    for got, weight in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(got, weight)
    assert all(layer.params[name] is param for name, param in params.items())  # written in place
    for weight in layer.get_weights():
        weight[...] = 0  # a copy
    for got, weight in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(got, weight)


def test_a_gru_keeps_keras_two_rows_of_biases_apart() -> None:
    layer = built(GRU(1), (None, T, 1))
    bias = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    layer.set_weights([np.zeros((1, 3)), np.zeros((1, 3)), bias])
    np.testing.assert_array_equal(layer.params["bx"], [1, 2, 3])
    np.testing.assert_array_equal(layer.params["bh"], [4, 5, 6])


@pytest.mark.parametrize(("layer", "shape", "expected"), KERAS_SHAPES[:-1], ids=lambda v: getattr(v, "label", ""))
def test_weights_that_do_not_fit_change_nothing(layer: Layer, shape: Any, expected: list[tuple[int, ...]]) -> None:
    layer = built(copy.deepcopy(layer), shape)
    before = layer.get_weights()
    wrong = [np.ones(shape) for shape in expected]
    wrong[-1] = np.ones((*expected[-1], 2))
    for weights in (wrong, wrong[:-1], [*before, np.ones(1)]):
        with pytest.raises(ValueError, match="expects"):
            layer.set_weights(weights)
        for now, then in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(now, then)


X = np.random.default_rng(0).normal(size=(2, T, D))
MASK = np.array([[False, False, True, True, True, True], [True, True, True, False, True, False]])

# Every argument different from its default.
RECURRENT = {
    "activation": "relu", "use_bias": False, "kernel_initializer": "he_normal", "recurrent_initializer": "zeros",
    "bias_initializer": "ones", "dropout": 0.1, "recurrent_dropout": 0.2, "return_sequences": True,
    "return_state": True, "go_backwards": True, "zero_output_for_mask": True, "name": "mine",
}  # fmt: skip
CONFIGURED = [
    SimpleRNN(H, **RECURRENT),
    LSTM(H, recurrent_activation="hard_sigmoid", unit_forget_bias=False, **RECURRENT),
    GRU(H, recurrent_activation="hard_sigmoid", reset_after=False, **RECURRENT),
    Bidirectional(GRU(H, **SEQUENCES), merge_mode="mul", name="mine"),
    Embedding(11, D, embeddings_initializer="ones", mask_zero=True, input_length=T, name="mine"),
    Conv1D(
        *(H, 3, 2, "causal"),
        dilation_rate=1,
        activation="relu",
        use_bias=False,
        kernel_initializer="he_normal",
        bias_initializer="ones",
        name="mine",
    ),
    Conv1D(H, 3, dilation_rate=2),
    Dense(H, "relu", False, "he_normal", "ones", name="mine"),
    MaxPooling1D(3, 2, "same", name="mine"),
    GlobalMaxPooling1D(name="mine"),
    GlobalAveragePooling1D(name="mine"),
    ConcatPooling1D(name="mine"),
    Dropout(0.3, name="mine"),
    Flatten(name="mine"),
    Activation("selu", name="mine"),
    AveragePooling1D(3, 2, "same", name="mine"),
    SpatialDropout1D(0.3, name="mine"),
    GaussianDropout(0.3, name="mine"),
    GaussianNoise(0.3, name="mine"),
    AlphaDropout(0.3, name="mine"),
    RepeatVector(3, name="mine"),
    Reshape((3, -1), name="mine"),
    Permute((2, 1), name="mine"),
    ZeroPadding1D((1, 2), name="mine"),
    Cropping1D((1, 2), name="mine"),
    UpSampling1D(3, name="mine"),
    Masking(0.5, name="mine"),
    LayerNormalization([1, 2], 0.5, False, False, "ones", "zeros", name="mine"),
    TimeDistributed(Dense(H, "relu"), name="mine"),
    ReLU(6, 0.1, 0.2, name="mine"),
    LeakyReLU(0.1, name="mine"),
    ELU(0.5, name="mine"),
    PReLU("ones", shared_axes=[1], name="mine"),
    Softmax(1, name="mine"),
    Lambda(np.sin, (T, D), lambda x, mask: mask, {"a": 1}, backward=lambda dy, x: dy * np.cos(x), name="mine"),
]


@pytest.mark.parametrize("layer", CONFIGURED, ids=lambda layer: type(layer).__name__)
def test_a_clone_has_every_setting_and_is_not_built(layer: Layer) -> None:
    clone = layer.clone()
    assert type(clone) is type(layer) and clone is not layer
    assert not clone.built
    assert clone.get_config() == layer.get_config()
    settings = {name for name in vars(layer) if not name.endswith("layer")}
    for name in settings:
        assert vars(clone)[name] == vars(layer)[name], name


# ---- masks

MASKS: list[tuple[Layer, Array | None]] = [
    *((kind(H), None) for kind in (SimpleRNN, LSTM, GRU)),
    *((kind(H, **SEQUENCES), MASK) for kind in (SimpleRNN, LSTM, GRU)),
    (Bidirectional(GRU(H)), None),
    (Bidirectional(GRU(H, **SEQUENCES)), MASK),
    (Dense(H), MASK),
    (Dropout(0.5), MASK),
    (Activation("relu"), MASK),
    (Conv1D(H, 3), None),
    (MaxPooling1D(), None),
    (GlobalMaxPooling1D(), None),
    (GlobalAveragePooling1D(), None),
    (ConcatPooling1D(), None),
    (Flatten(), None),
    *((layer, None) for layer in WITHOUT_PARAMETERS[5:10]),  # which move numbers
    (AveragePooling1D(2), None),
    (Lambda(np.sin, backward=lambda dy, x: dy * np.cos(x)), None),
    *((layer, MASK) for layer in WITHOUT_PARAMETERS[1:5] + WITHOUT_PARAMETERS[11:15]),  # noise and rectifiers
    (PReLU(), MASK),
    (LayerNormalization(), MASK),
    (TimeDistributed(Dense(H)), MASK),
]


@pytest.mark.parametrize(("layer", "expected"), MASKS, ids=lambda v: getattr(v, "label", ""))
def test_masks_go_on_where_there_are_still_steps(layer: Layer, expected: Array | None) -> None:
    layer = built(copy.deepcopy(layer), (None, T, D))
    assert layer.compute_mask(X, MASK) is expected
    assert layer.compute_mask(X, None) is None


def test_an_embedding_makes_a_mask_of_its_zeros() -> None:
    ids = np.array([[0, 3, 0], [1, 2, 0]])
    np.testing.assert_array_equal(Embedding(9, 2, mask_zero=True).compute_mask(ids, None), ids != 0)
    assert Embedding(9, 2).compute_mask(ids, None) is None


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU, lambda H: Bidirectional(LSTM(H))])
def test_padding_on_either_side_changes_nothing_where_it_is_masked(kind: Callable[[int], Layer], backend: str) -> None:
    layer = kind(H)
    layer.build((None, None, D), backend=backend)
    padding, real = np.full((2, 3, D), 99.0), np.ones((2, 3 + T), bool)
    plain, _ = layer.forward(X)
    real[:, :3] = False
    left, _ = layer.forward(np.concatenate([padding, X], axis=1), mask=real)
    right, _ = layer.forward(np.concatenate([X, padding], axis=1), mask=real[:, ::-1])
    np.testing.assert_array_equal(left, plain)
    np.testing.assert_array_equal(right, plain)
