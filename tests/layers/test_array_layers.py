"""The layers that are array code: what recorded arrays cannot show, which is chance, masks, functions, messages."""

import copy
import pickle  # noqa: TID251 - the package has none; its users do
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, load_model, plot_model
from scratchnn.core.files.container import StorageError
from scratchnn.gradients import check
from scratchnn.layers import (
    ELU,
    GRU,
    LSTM,
    Activation,
    AlphaDropout,
    AveragePooling1D,
    Bidirectional,
    Cropping1D,
    Dense,
    Dropout,
    Embedding,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    Lambda,
    Layer,
    LayerNormalization,
    LeakyReLU,
    Masking,
    Permute,
    PReLU,
    ReLU,
    RepeatVector,
    Reshape,
    Softmax,
    SpatialDropout1D,
    TimeDistributed,
    UpSampling1D,
    ZeroPadding1D,
)

B, T, D = 4, 6, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D))
MASK = RNG.random((B, T)) > 0.3
BACKENDS = ["reference", "cpu"]


def built(layer: Layer, x: np.ndarray = X, backend: str = "reference") -> Layer:
    layer.build((None, *x.shape[1:]), backend=backend)
    return layer


def noisy(layer: Layer, x: np.ndarray, backend: str = "reference") -> tuple[np.ndarray, np.ndarray]:
    """y in training, and the gradient of its sum."""
    y, cache = built(layer, x, backend).forward(x, training=True, rng=np.random.default_rng(1))
    return y, layer.backward(np.ones(y.shape), cache)[0]


# ---- chance


@pytest.mark.parametrize("backend", BACKENDS)
def test_spatial_dropout_drops_a_feature_at_every_step(backend: str) -> None:
    y, dx = noisy(SpatialDropout1D(0.4), np.ones((50, T, 20)), backend)
    assert (y == y[:, :1]).all()
    kept = y[:, 0] != 0
    np.testing.assert_allclose(y[:, 0][kept], 1 / 0.6, rtol=1e-6)
    assert abs(kept.mean() - 0.6) < 0.05
    np.testing.assert_array_equal(dx, y)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("rate", "x", "values"),
    # Keras: np.unique(AlphaDropout(rate)(np.full((4, 50), x), training=True))
    [(0.3, 1.0, [-1.0595481, 1.3150446]), (0.3, -0.5, [-1.0595481, 0.02361575]), (0.5, 1.0, [-0.7791938, 1.6655989])],
)
def test_alpha_dropout_gives_keras_two_values(rate: float, x: float, values: list[float], backend: str) -> None:
    y, dx = noisy(AlphaDropout(rate), np.full((40, 50), x), backend)
    np.testing.assert_allclose(np.unique(y), values, rtol=1e-6, atol=2e-7)  # 0.02 is a difference of larger numbers
    kept = y == y.max()
    assert abs(kept.mean() - (1 - rate)) < 0.03
    assert (dx[~kept] == 0).all() and len(np.unique(dx[kept])) == 1


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    y, _ = noisy(AlphaDropout(0.2), RNG.normal(size=(500, 400)))
    assert abs(y.mean()) < 0.01 and abs(y.std() - 1) < 0.01


def test_gaussian_noise_is_added_and_gaussian_dropout_multiplied() -> None:
    x = np.full((400, 500), 2.0)
    added, dx = noisy(GaussianNoise(0.5), x)
    assert abs(added.mean() - 2) < 0.01 and abs(added.std() - 0.5) < 0.01
    assert (dx == 1).all()
    multiplied, dx = noisy(GaussianDropout(0.3), x)
    assert abs(multiplied.mean() - 2) < 0.01 and abs(multiplied.std() - 2 * 0.6547) < 0.01  # sqrt(0.3 / 0.7)
    np.testing.assert_allclose(multiplied, 2 * dx, rtol=1e-6)


NOISE = [SpatialDropout1D(0.5), GaussianDropout(0.5), GaussianNoise(0.5), AlphaDropout(0.5)]


@pytest.mark.parametrize("layer", NOISE, ids=lambda layer: layer.label)
def test_noise_is_the_same_on_every_backend_and_none_in_inference(layer: Layer) -> None:
    first, second = (noisy(layer.clone(), X, backend)[0] for backend in BACKENDS)
    np.testing.assert_array_equal(first, second)
    assert (first != X.astype(np.float32)).any()
    layer = built(layer)
    np.testing.assert_array_equal(layer.forward(X)[0], X.astype(np.float32))
    with pytest.raises(ValueError, match="dropout in training needs rng"):
        layer.forward(X, training=True)


@pytest.mark.parametrize("layer", NOISE, ids=lambda layer: layer.label)
def test_a_model_draws_noise_anew_in_every_step(layer: Layer) -> None:
    model = Sequential([layer.clone()], seed=3)
    model.build((None, T, D))
    x = X.astype(np.float32)
    drawn = [model.forward(x, training=True, epoch=e, step=s)[0] for e, s in ((0, 0), (0, 1), (1, 0), (0, 0))]
    assert (drawn[0] == drawn[3]).all()
    assert (drawn[0] != drawn[1]).any() and (drawn[0] != drawn[2]).any()


def test_a_dropout_inside_is_drawn_anew_for_every_step() -> None:
    y, _ = noisy(TimeDistributed(Dropout(0.5)), np.ones((2, 3, 50)))
    assert len({step.tobytes() for row in y for step in row}) == 6


# ---- masks


@pytest.mark.parametrize("backend", BACKENDS)
def test_masking_skips_steps_as_an_embedding_does(backend: str) -> None:
    """A step of zeros before an LSTM, as where the mask is given to it."""
    x = np.where(MASK[..., None], X, -7.0).astype(np.float32)
    model = Sequential([Input((T, D)), Masking(-7), GRU(5), Dense(1)], backend=backend, seed=1)
    masking, gru, dense = model.layers
    np.testing.assert_array_equal(masking.compute_mask(x, None), MASK)
    expected = dense.forward(gru.forward(np.where(MASK[..., None], x, 0), mask=MASK)[0])[0]
    np.testing.assert_array_equal(model.predict(x), expected)


def test_masking_looks_at_the_numbers_that_the_model_has() -> None:
    """0.1 is another number in float32: it is compared as the model's dtype has it."""
    layer = built(Masking(0.1))
    assert not layer.compute_mask(np.full((1, T, D), 0.1), None).any()
    assert layer.compute_mask(np.full((1, T, D), 0.2), None).all()


def test_a_mask_of_steps_inside_steps_reaches_the_layer_inside() -> None:
    x = RNG.normal(size=(2, 3, T, D)).astype(np.float32)
    mask = RNG.random((2, 3, T)) > 0.4
    layer = built(TimeDistributed(LSTM(4)), x)
    y, _ = layer.forward(x, mask=mask)
    for b in range(2):
        expected, _ = layer.layer.forward(x[b], mask=mask[b])
        np.testing.assert_allclose(y[b], expected, rtol=1e-6, atol=1e-7)
    assert layer.compute_mask(x, mask) is mask
    outer = mask[:, :, 0]  # says which steps are padding: nothing for the layer inside
    np.testing.assert_array_equal(layer.forward(x, mask=outer)[0], layer.forward(x)[0])


@pytest.mark.parametrize("wrong", [MASK[:, 1:], MASK[0], MASK * 1.0])
def test_a_wrong_mask_is_refused_by_time_distributed(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"bool mask of shape \(4, 6"):
        built(TimeDistributed(Dense(2))).forward(X, mask=wrong)


@pytest.mark.parametrize(
    "layer",
    [Reshape((T, D)), Permute((2, 1)), ZeroPadding1D(), Cropping1D(), UpSampling1D(), AveragePooling1D(2)],
    ids=lambda layer: layer.label,
)
def test_a_mask_ends_with_a_warning_where_it_ends_in_keras(layer: Layer) -> None:
    model = Sequential([Masking(), layer.clone(), GlobalAveragePooling1D()])
    model.build((None, T, D))
    with pytest.warns(UserWarning, match="cannot use the mask"):
        model.predict(X)


def test_softmax_leaves_out_what_is_masked() -> None:
    """Keras: Softmax()([[1., 2., 3.]], mask=[[True, False, True]]) is [[0.11920293, 0., 0.880797]]."""
    x, mask = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]), np.array([[True, False, True], [False] * 3])
    layer = Softmax()
    layer.build((None, 3), backend="reference", dtype=np.float64)
    np.testing.assert_allclose(layer.forward(x, mask=mask)[0], [[0.11920292, 0, 0.88079708], [0, 0, 0]], atol=1e-8)
    assert all(error.ok for error in check(layer, x, mask=mask))
    with pytest.raises(ValueError, match=r'a mask of the shape of x, .* use Activation\("softmax"\)'):
        built(Softmax()).forward(X, mask=MASK)


# ---- a layer for every step


@pytest.mark.parametrize("backend", BACKENDS)
def test_time_distributed_is_the_layer_step_by_step(backend: str) -> None:
    x = RNG.normal(size=(2, 3, T, D)).astype(np.float32)
    for inner in (LSTM(4), Bidirectional(GRU(4)), Dense(5, "relu"), LayerNormalization(), TimeDistributed(Dense(2))):
        layer = built(TimeDistributed(inner), x, backend)
        y, _ = layer.forward(x)
        for t in range(3):
            np.testing.assert_allclose(y[:, t], layer.layer.forward(x[:, t])[0], rtol=1e-5, atol=1e-6)


def test_an_embedding_inside_checks_its_ids() -> None:
    layer = TimeDistributed(Embedding(5, 3))
    layer.build((None, 2, 4))
    ids = RNG.integers(0, 5, (3, 2, 4))
    y, cache = layer.forward(ids)
    assert y.shape == (3, 2, 4, 3)
    assert layer.backward(y, cache)[0] is None
    with pytest.raises(ValueError, match="has rows for ids 0 to 4, got ids from"):
        layer.forward(ids + 1)
    model = Sequential([TimeDistributed(Embedding(5, 3)), TimeDistributed(LSTM(2)), LSTM(2)])
    model.build((None, 2, 4))
    assert model.predict(ids.tolist()).shape == (3, 2)
    with pytest.raises(ValueError, match="has rows for ids 0 to 4, got ids from"):
        model.predict(ids + 1)


def test_one_layer_is_in_one_place_only() -> None:
    dense = Dense(2)
    model = Sequential([TimeDistributed(dense)])
    model.build((None, T, D))
    for other in (TimeDistributed(dense), dense):
        with pytest.raises(ValueError, match="in one only"):
            Sequential([other]).build((None, T, D))


def test_the_layer_inside_shares_the_weights() -> None:
    layer = TimeDistributed(Dense(2))
    model = Sequential([layer], seed=1)
    model.build((None, T, D))
    layer.layer.set_weights([np.ones((D, 2)), np.zeros(2)])
    np.testing.assert_array_equal(model.get_weights()[0], np.ones((D, 2)))
    np.testing.assert_allclose(model.predict(X)[..., 0], X.sum(axis=-1), rtol=1e-5, atol=1e-5)


# ---- a function of one's own


def scaled(x: Any, by: float = 2.0) -> Any:
    return by * x


def scaled_backward(dy: Any, x: Any, by: float = 2.0) -> Any:
    return by * dy


def test_a_lambda_without_derivative_says_why() -> None:
    with pytest.raises(TypeError, match=r"no autograd here. Give both, Lambda\(.*backward=lambda dy, x"):
        Lambda(np.tanh)


def test_a_lambda_finds_its_output_shape() -> None:
    def pair(x: Any) -> Any:
        return np.stack([x[:, 0], x[:, -1]], axis=1)

    layer = Lambda(pair, backward=scaled_backward)
    assert layer.compute_output_shape((None, None, D)) == (None, 2, D)
    assert Lambda(np.tanh, backward=scaled_backward).compute_output_shape((None, None, D)) == (None, None, D)
    assert Lambda(pair, (2, D), backward=scaled_backward).compute_output_shape((None, 9, D)) == (None, 2, D)
    doubled = Lambda(pair, lambda shape: (*shape[:-1], 2 * shape[-1]), backward=scaled_backward)
    assert doubled.compute_output_shape((None, 9, D)) == (None, 9, 2 * D)


def test_a_lambda_gets_arguments_training_and_mask() -> None:
    seen: list[Any] = []

    def function(x: Any, by: float, training: bool, mask: Any) -> Any:
        seen.append((by, training, mask))
        return by * x

    def backward(dy: Any, x: Any, by: float, training: bool, mask: Any) -> Any:
        seen.append((by, training, mask))
        return by * dy

    layer = built(Lambda(function, arguments={"by": 3}, backward=backward, mask=lambda x, mask: ~mask))
    seen.clear()
    y, cache = layer.forward(X, mask=MASK, training=True)
    dx, _ = layer.backward(y, cache)
    np.testing.assert_allclose(dx, 9 * X, rtol=1e-6)
    assert [each[:2] for each in seen] == [(3, True)] * 2 and all(each[2] is MASK for each in seen)
    np.testing.assert_array_equal(layer.compute_mask(X, MASK), ~MASK)
    assert built(Lambda(scaled, mask=MASK, backward=scaled_backward)).compute_mask(X, None) is MASK


def test_a_lambda_that_returns_other_shapes_is_named() -> None:
    with pytest.raises(ValueError, match=r"Lambda: the function returned shape \(4, 6, 3\), expected \(4, 7\)"):
        built(Lambda(scaled, (7,), backward=scaled_backward)).forward(X)
    layer = built(Lambda(lambda x: x[:, 0], backward=scaled_backward))
    y, cache = layer.forward(X)
    with pytest.raises(ValueError, match=r"backward must return the shape of x, \(4, 6, 3\), got \(4, 3\)"):
        layer.backward(y, cache)
    with pytest.raises(ValueError, match=r"the function failed on ones of shape \(3, 6, 3\).*give output_shape"):
        built(Lambda(lambda x: x.nothing, backward=scaled_backward))
    with pytest.raises(ValueError, match=r"must keep the batch axis, of 3 rows, but returned shape \(\)"):
        built(Lambda(lambda x: x.sum(), backward=scaled_backward))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_model_with_a_lambda_trains_and_comes_back_from_a_file(backend: str, tmp_path: Path) -> None:
    layers = [Lambda(scaled, arguments={"by": 0.5}, backward=scaled_backward), Dense(1)]
    model = Sequential(layers, backend=backend, seed=1)
    model.build((None, D))
    model.compile("adam", "mse")
    x = X[:, 0]
    losses = model.fit(x, x[:, :1], epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    path = tmp_path / "model.npz"
    with pytest.warns(UserWarning, match="will hold scaled, scaled_backward by name only"):
        model.save(path)
    with pytest.raises(StorageError, match=r"it holds 'scaled', 'scaled_backward', which are none of scratchnn's own"):
        load_model(path)
    loaded = load_model(path, custom_objects={"scaled": scaled, "scaled_backward": scaled_backward})
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


# ---- in models


def all_of_them() -> list[Layer]:
    return [
        Masking(), TimeDistributed(Dense(4, "tanh")), LayerNormalization(), PReLU(shared_axes=[1]), LeakyReLU(0.2),
        SpatialDropout1D(0.1), GaussianNoise(0.01), GaussianDropout(0.1), AlphaDropout(0.1), ELU(0.5), ReLU(6, 0.3),
        ZeroPadding1D((1, 1)), AveragePooling1D(2), UpSampling1D(2), Cropping1D((1, 1)), Permute((2, 1)),
        Reshape((6, 4)), Softmax(), LSTM(4), RepeatVector(3), TimeDistributed(Dense(2)), Reshape((-1,)), Dense(1),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*cannot use the mask")
def test_all_in_one_model_are_shown_saved_cloned_and_trained(tmp_path: Path) -> None:
    model = Sequential([Input((T, D)), *all_of_them()], seed=1)
    words: list[str] = []
    model.summary(print_fn=words.append)
    assert all(type(layer).__name__ in words[0] for layer in model.layers)
    plot_model(model, tmp_path / "model.svg")
    model.compile("adam", "mse")
    losses = model.fit(X, X[:, 0, :1], epochs=40, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", backend="reference")
    assert loaded.get_config()["layers"] == model.get_config()["layers"]
    np.testing.assert_allclose(loaded.predict(X), model.predict(X), rtol=1e-4, atol=1e-5)


def test_sequence_to_sequence_learns_to_copy() -> None:
    """The textbook encoder and decoder."""
    ids = RNG.integers(1, 5, (64, 3))
    start = Input((3,))
    x = start
    for layer in (Embedding(5, 8), LSTM(24), RepeatVector(3), LSTM(24, return_sequences=True)):
        x = layer(x)
    model = Model(start, TimeDistributed(Dense(5, activation="softmax"))(x), seed=1)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.learning_rate = 0.02  # type: ignore[union-attr]
    model.fit(ids, ids, epochs=60, verbose=0)
    assert (model.predict(ids).argmax(axis=-1) == ids).mean() > 0.9


def test_keras_old_word_for_the_slope_is_taken_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="alpha is called negative_slope now"):
        assert LeakyReLU(alpha=0.1).negative_slope == 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LeakyReLU(0.1).get_config() == {"negative_slope": 0.1}


def test_normalised_features_have_mean_0_and_variance_1() -> None:
    y, _ = built(LayerNormalization(epsilon=0)).forward(X)
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=-1), 1, atol=1e-5)


# ---- messages

MESSAGES: list[tuple[Callable[[], Any], str]] = [
    (lambda: RepeatVector(0), "RepeatVector: n must be a whole number of at least 1, got 0"),
    (lambda: built(RepeatVector(2)), r"RepeatVector takes rows of shape \(B, D\), got shape \(None, 6, 3\)"),
    (lambda: Reshape((-1, -1)), r"one -1, got \(-1, -1\)"),
    (lambda: Reshape((2, -2)), "a length in target_shape must be a whole number of at least -1, got -2"),
    (lambda: built(Reshape((4, 5))), r"18 numbers, of shape \(None, 6, 3\), do not fit \(4, 5\)"),
    (lambda: built(Reshape((-1, 5))), r"18 numbers, of shape \(None, 6, 3\), do not fit \(-1, 5\)"),
    (lambda: Permute((1, 3)), r"dims must have every axis from 1 to 2 once, got \(1, 3\)"),
    (lambda: Permute((0, 1)), "an axis in dims must be a whole number of at least 1, got 0"),
    (lambda: built(Permute((1,))), r"dims \(1,\) takes x with 1 axes besides the batch's, got shape \(None, 6, 3\)"),
    (lambda: ZeroPadding1D((1, -1)), "ZeroPadding1D: padding must be a whole number of at least 0, got -1"),
    (lambda: Cropping1D((1, 2, 3)), r"Cropping1D: cropping is a number of steps, or a pair of them, got \(1, 2, 3\)"),
    (lambda: built(Cropping1D((3, 3))), "more than 6 time steps, got 6"),
    (lambda: built(UpSampling1D(2), X[:, 0]), r"UpSampling1D takes sequences of shape \(B, T, D\)"),
    (lambda: built(AveragePooling1D(7)), "AveragePooling1D needs a sequence of at least 7 time steps, got 6"),
    (lambda: built(SpatialDropout1D(0.5), X[:, 0]), r"SpatialDropout1D takes sequences of shape \(B, T, D\)"),
    (lambda: GaussianNoise(1.5), r"GaussianNoise: stddev must be a finite number from 0 to 1, got 1\.5"),
    (lambda: GaussianDropout(1), "GaussianDropout: rate must be at least 0 and below 1, got 1"),
    (lambda: AlphaDropout(-0.1), "AlphaDropout: rate must be at least 0 and below 1"),
    (lambda: Masking(np.nan), "Masking: mask_value must be a finite number, got nan"),
    (lambda: built(Masking(), X[:, 0]), r"masks time steps of x \(B, T, D\), got shape \(None, 3\); rows that"),
    (lambda: LayerNormalization(epsilon=-1), "epsilon must be a finite number of at least 0, got -1"),
    (lambda: built(LayerNormalization(3)), r"axis \[3\] must name axes of x .*, got shape \(None, 6, 3\)"),
    (lambda: built(LayerNormalization(0)), r"axis \[0\] must name axes of x .* without the batch's"),
    (lambda: built(LayerNormalization([-1, 2])), r"axis \[-1, 2\] must name axes of x"),
    (lambda: LayerNormalization(1).build((None, None, 3)), r"whose length is known, .* \(None, None, 3\)"),
    (lambda: ReLU(max_value=-1), "ReLU: max_value must be a finite number of at least 0, got -1"),
    (lambda: LeakyReLU(-0.1), "LeakyReLU: negative_slope must be a finite number of at least 0"),
    (lambda: ELU(np.inf), "ELU: alpha must be a finite number, got inf"),
    (lambda: built(PReLU(shared_axes=[3])), r"shared_axes \[3\], but x has the shape \(None, 6, 3\)"),
    (lambda: PReLU().build((None, None, 3)), r"every axis except the batch's, got .*: shared_axes=\[1\]"),
    (lambda: built(Softmax(3)), r"no axis \(3,\) in shape \(None, 6, 3\)"),
    (lambda: built(Softmax(0)), "whose axis 0 is the batch"),
    (lambda: built(TimeDistributed(Dense(2)), X[:, 0]), r"takes x of shape \(B, T, ...\) with time steps, got shape"),
    (lambda: TimeDistributed(LSTM(2, stateful=True)), "LSTM is stateful, but each step here is an example of its own"),
    (lambda: built(TimeDistributed(LSTM(2))).forward(X), "takes sequences"),
    (lambda: built(TimeDistributed(Dense(2))).forward(X[..., :2]), r"built for x of shape .* got .*2"),
    (lambda: built(LayerNormalization()).forward(X[..., :2]), r"built for x of shape .* got .*2"),
    (lambda: built(TimeDistributed(LSTM(2, return_state=True)), X[None]), "several outputs; leave out return_state"),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES, ids=[message for _, message in MESSAGES])
def test_messages(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert re.search(message, str(caught.value)), str(caught.value)


@pytest.mark.parametrize("layer", [*all_of_them()[:18], Activation("relu")], ids=lambda layer: layer.label)
def test_a_gradient_of_another_shape_is_refused(layer: Layer) -> None:
    layer = built(layer, np.ones((B, T, 4)))
    y, cache = layer.forward(np.ones((B, T, 4)))
    with pytest.raises(ValueError, match=r"dy must have the shape of y, .*, got"):
        layer.backward(np.ones((*y.shape, 1)), cache)


def test_copies_of_a_model_are_models_of_their_own() -> None:
    """A layer inside a layer, its penalties, and functions: equal numbers, and nothing shared."""
    layers = [TimeDistributed(Dense(4, "tanh", kernel_regularizer="l2")), Lambda(scaled, backward=scaled_backward)]
    model = Sequential([Input((T, D)), *layers, LSTM(3), Dense(1)], seed=1)
    model.compile("adam", "mse")
    model.fit(X, X[:, 0, :1], verbose=0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert all(param is other.layers[0].layer.params[name] for name, param in other.layers[0].params.items())
        before = model.get_weights()
        first = copy.deepcopy(model).fit(X, X[:, 0, :1], epochs=2, verbose=0).history["loss"]
        assert other.fit(X, X[:, 0, :1], epochs=2, verbose=0).history["loss"] == first
        assert all(np.array_equal(now, then) for now, then in zip(model.get_weights(), before, strict=True))
    for layer in layers:
        clone = layer.clone()
        assert not clone.built and clone.get_config() == layer.get_config()
    assert layers[0].clone().layer is not layers[0].layer  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "layer",
    [
        TimeDistributed(Dense(2)), LayerNormalization(), PReLU(shared_axes=[1]), Masking(), AveragePooling1D(2),
        Reshape((-1,)), Permute((2, 1)), Lambda(np.sin, backward=lambda dy, x: dy * np.cos(x)), Softmax(), ReLU(),
        SpatialDropout1D(0.5), UpSampling1D(2), Cropping1D(1), ZeroPadding1D(1),
    ],
    ids=lambda layer: layer.label,
)  # fmt: skip
def test_sequences_of_another_length_are_taken(layer: Layer) -> None:
    """As in Keras: a layer is bound to the shapes of its parameters."""
    layer = built(layer)
    for x in (X[:, :4], np.concatenate([X, X], axis=1), X):
        y, cache = layer.forward(x)
        assert y.shape == layer.compute_output_shape(x.shape)
        assert layer.backward(np.ones(y.shape), cache)[0].shape == x.shape
