"""Regularizers: their penalties are in the loss, their gradients in training, and Keras has the same numbers."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, load_model, regularizers
from scratchnn.core.names import described
from scratchnn.gradients import check_regularizer
from scratchnn.initializers import Constant
from scratchnn.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Embedding,
    GlobalMaxPooling1D,
    Layer,
    LayerNormalization,
    PReLU,
    SimpleRNN,
    TimeDistributed,
)
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.optimizers import SGD
from scratchnn.regularizers import L1, L1L2, L2, Regularizer
from scratchnn.training.progress import NonFiniteError, Progress

BACKENDS = ["reference", "cpu"]
X = np.linspace(-1, 1, 12).reshape(6, 2).astype(np.float32)
Y = np.linspace(0, 1, 6).reshape(6, 1).astype(np.float32)


def dense(backend: str = "cpu", dtype: str = "float32", **settings: Any) -> Sequential:
    layer = Dense(1, kernel_initializer=Constant(0.5), bias_initializer=Constant(0.25), **settings)
    model = Sequential([Input((2,)), layer], backend=backend, dtype=dtype)
    model.compile(SGD(0.1), "mse", ["mae"])
    return model


# Keras 3.15.1: the same model; evaluate(X, Y), then fit(X, Y, batch_size=4, epochs=2, shuffle=False,
# validation_data=(X, Y)): loss, val_loss and mae of both epochs, and the weights after them.
KERAS: dict[str, tuple[dict[str, Any], float, list[float], list[float], list[float], list[float]]] = {
    "none": (
        {}, 0.14059918, [0.1408764, 0.0758478], [0.0757208, 0.0407477], [0.3077486, 0.2251958],
        [0.3842122, 0.4044119, 0.3610986],
    ),
    "l1": (
        {"kernel_regularizer": "l1"}, 0.15059918, [0.1504619, 0.0832743], [0.0834579, 0.0472963],
        [0.3072637, 0.2228963], [0.3811798, 0.4015102, 0.3618172],
    ),
    "l2": (
        {"kernel_regularizer": "L2"}, 0.14559917, [0.1454763, 0.0784499], [0.0785867, 0.0426823],
        [0.3072637, 0.2230461], [0.3815855, 0.4018088, 0.3617691],
    ),
    "both, and the bias": (
        {"kernel_regularizer": L1L2(0.1, 0.2), "bias_regularizer": regularizers.l2(0.3)}, 0.35934916,
        [0.3461944, 0.2230198], [0.2283441, 0.171142], [0.2939444, 0.2201025], [0.3105534, 0.3355892, 0.3275211],
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", KERAS)
def test_loss_and_training_have_keras_numbers(name: str, backend: str, dtype: str) -> None:
    settings, evaluated, losses, val_losses, maes, weights = KERAS[name]
    model = dense(backend, dtype, **settings)
    near = {"rel": 1e-5, "abs": 1e-7}
    for batch_size in (32, 4):
        loss, mae = model.evaluate(X, Y, batch_size, verbose=0)  # type: ignore[misc]
        assert loss == pytest.approx(evaluated, **near) and mae == pytest.approx(0.3030303, **near)
    history = model.fit(X, Y, 4, 2, shuffle=False, verbose=0, validation_data=(X, Y)).history
    assert history["loss"] == pytest.approx(losses, **near)
    assert history["val_loss"] == pytest.approx(val_losses, **near)
    assert history["mae"] == pytest.approx(maes, **near)
    np.testing.assert_allclose(np.concatenate([w.ravel() for w in model.get_weights()]), weights, rtol=1e-6)


def test_the_loss_of_a_single_step_has_the_penalty() -> None:
    assert dense(kernel_regularizer="l2").train_on_batch(X, Y) == pytest.approx(0.14559917, rel=1e-6)


def test_clipping_sees_the_gradient_with_the_penalty() -> None:
    """As in Keras: the gradients that are clipped are those of the whole loss."""
    model = dense(kernel_regularizer=L2(50.0))
    model.compile(SGD(1.0, global_clipnorm=1e-3), "mse")
    before = model.flat_params.copy()
    model.train_on_batch(X, Y)
    assert np.linalg.norm(model.flat_params - before) == pytest.approx(1e-3, rel=1e-4)


ALL: dict[str, tuple[Layer, dict[str, float]]] = {
    "Dense": (Dense(3, kernel_regularizer=L2(0.1), bias_regularizer=L1(0.2)), {"W": 0.1, "b": 0.2}),
    "Conv1D": (Conv1D(3, 2, kernel_regularizer=L2(0.1), bias_regularizer=L1(0.2)), {"W": 0.1, "b": 0.2}),
    "SimpleRNN": (
        SimpleRNN(3, kernel_regularizer=L2(0.1), recurrent_regularizer=L2(0.3), bias_regularizer=L1(0.2)),
        {"Wx": 0.1, "Wh": 0.3, "b": 0.2},
    ),
    "LSTM": (LSTM(3, recurrent_regularizer=L2(0.3)), {"Wh": 0.3}),
    "GRU": (GRU(3, bias_regularizer=L1(0.2)), {"bx": 0.2, "bh": 0.2}),
    "GRU before": (GRU(3, reset_after=False, bias_regularizer=L1(0.2)), {"bx": 0.2}),
    "Bidirectional": (
        Bidirectional(LSTM(3, kernel_regularizer=L2(0.1))), {"forward.Wx": 0.1, "backward.Wx": 0.1},
    ),
    "TimeDistributed": (TimeDistributed(Dense(3, kernel_regularizer=L2(0.1))), {"W": 0.1}),
    "LayerNormalization": (
        LayerNormalization(gamma_regularizer=L2(0.1), beta_regularizer=L1(0.2)), {"gamma": 0.1, "beta": 0.2},
    ),
    "PReLU": (PReLU(alpha_regularizer=L2(0.1), shared_axes=[1]), {"alpha": 0.1}),
    "no bias": (Dense(3, use_bias=False, bias_regularizer=L1(0.2)), {}),
    "none": (LSTM(3), {}),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ALL)
def test_every_layer_takes_them(name: str, backend: str) -> None:
    """Penalties and gradients, written out a second time; without regularizers nothing changes, to the bit."""
    layer, strengths = ALL[name]
    x = np.random.default_rng(0).normal(size=(4, 5, 2))
    models = []
    for made in (layer.clone(), _without(layer)):
        model = Sequential([Input((5, 2)), made], backend=backend, seed=1)
        model.compile("sgd", "mse")
        model.set_weights([np.random.default_rng(2).normal(size=w.shape) for w in model.get_weights()])
        models.append(model)
    with_penalty = models[0]
    results = []
    for model in models:
        y, caches = model.forward(x.astype(np.float32))
        results.append(model.backward(np.ones_like(y), caches)[1].copy())
    expected, penalty = results[1], 0.0
    made = with_penalty.layers[0]
    for (param_name, param), segment in zip(made.params.items(), with_penalty.segments, strict=True):
        strength, w = strengths.get(param_name, 0.0), param.astype(np.float64)
        is_l1 = param_name in ("b", "bx", "bh", "beta")
        penalty += strength * (np.abs(w) if is_l1 else w**2).sum()
        expected[segment] += (strength * (np.sign(w) if is_l1 else 2 * w)).ravel().astype(np.float32)
    np.testing.assert_allclose(results[0], expected, rtol=1e-6, atol=1e-6)
    assert sum(made.losses) == pytest.approx(penalty)
    assert with_penalty.losses == made.losses and len(made.losses) == len(strengths)
    target = np.zeros(with_penalty.y_shape_of(x))
    losses = [model.evaluate(x, target, verbose=0) for model in models]
    assert losses[0] == pytest.approx(losses[1] + penalty, rel=1e-6)
    assert strengths or losses[0] == losses[1]


def _without(layer: Layer) -> Layer:
    config = layer.get_config()
    if "layer" in config:
        return type(layer)(_without(layer.layer))  # type: ignore[attr-defined, call-arg]
    return type(layer)(**{key: value for key, value in config.items() if not key.endswith("regularizer")})


def test_an_embedding_takes_one() -> None:
    model = Sequential([Input((3,)), Embedding(5, 2, embeddings_regularizer="l2"), GlobalMaxPooling1D(), Dense(1)])
    model.compile("sgd", "mse")
    assert model.losses == [pytest.approx(0.01 * (model.layers[0].params["E"].astype(float) ** 2).sum())]
    _, caches = model.forward(np.array([[1, 2, 1]]))
    _, grads = model.backward(np.zeros((1, 1), np.float32), caches)
    np.testing.assert_allclose(grads[model.segments[0]], 0.02 * model.layers[0].params["E"].ravel(), rtol=1e-6)


def test_weights_that_are_set_are_penalised() -> None:
    """The penalty reads the weights of this moment, whoever changed them."""
    model = dense(kernel_regularizer=L2(1.0))
    assert model.losses == [pytest.approx(0.5)]
    model.set_weights([np.array([[3.0], [4.0]]), np.zeros(1)])
    assert model.losses == [pytest.approx(25.0)]
    model.add(Dense(2, kernel_regularizer=L1(1.0), kernel_initializer="ones"))
    model.build((None, 2))
    assert model.losses == [pytest.approx(25.0), pytest.approx(2.0)]


# ---- names, files, and one of one's own


def test_they_are_found_by_keras_names() -> None:
    for identifier, expected in {"l1": L1(0.01), "L1": L1(0.01), "l2": L2(0.01), "L2": L2(0.01)}.items():
        assert regularizers.get(identifier) == expected
    assert regularizers.get(None) is None
    assert regularizers.get(L2) == L2(0.01) == L2(None)
    assert regularizers.get({"name": "l1_l2", "l1": 0.1, "l2": 0.2}) == L1L2(0.1, 0.2) == regularizers.l1_l2(0.1, 0.2)
    assert L1L2(l2=0.1).get_config() == {"name": "l1_l2", "l1": 0.0, "l2": 0.1}
    assert (regularizers.l1, regularizers.l2, regularizers.l1_l2) == (L1, L2, L1L2)
    assert (L1(0.5)(np.array([1.0, -3.0])), L2(0.5)(np.array([1.0, -3.0]))) == (2.0, 5.0)


@pytest.mark.parametrize(
    ("identifier", "error", "words"),
    [
        ("l12", ValueError, r"unknown regularizer 'l12'\. Known: l1, l1_l2, l2"),
        ("l1_l2", ValueError, r"'l1_l2' says no strength: give regularizers.L1L2\(l1=0.01, l2=0.01\)"),
        ("l1l2", ValueError, "'l1l2' says no strength"),
        (0.01, TypeError, "regularizer must be a name or an object, got 0.01"),
        (np.sum, TypeError, "needs its derivative as well, got only .* there is no autograd here. Derive a class"),
    ],
)
def test_others_are_refused(identifier: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Dense(1, kernel_regularizer=identifier)


@pytest.mark.parametrize("wrong", [-0.1, np.inf, np.nan, "0.1", True])
def test_a_strength_is_a_finite_number_of_at_least_0(wrong: Any) -> None:
    for kind in (L1, L2, lambda value: L1L2(l2=value)):
        with pytest.raises(ValueError, match=r"L.*: l. must be a finite number of at least 0, got"):
            kind(wrong)


def test_they_come_back_from_a_file_and_train_on_alike(tmp_path: Path) -> None:
    model = Sequential([Input((5, 2)), *(ALL[name][0].clone() for name in ("Bidirectional",)), Dense(1)], seed=1)
    model.compile("adam", "mse")
    x, y = np.random.default_rng(0).normal(size=(8, 5, 2)), np.zeros((8, 1))
    model.fit(x, y, verbose=0)
    save_checkpoint(model, Progress(), tmp_path / "checkpoint.npz")
    model.save(tmp_path / "model.npz")
    loaded, _ = load_checkpoint(tmp_path / "checkpoint.npz")
    assert load_model(tmp_path / "model.npz").get_config()["layers"] == model.get_config()["layers"]
    assert loaded.losses == model.losses != []
    assert loaded.train_on_batch(x, y) == model.train_on_batch(x, y)
    assert loaded.losses == model.losses


@dataclass(frozen=True)
class Decay(Regularizer):
    """strength Σ w⁴."""

    name = "decay"
    strength: float = 0.1

    def __call__(self, w: Any) -> Any:
        return self.strength * (w**4).sum()

    def gradient(self, w: Any) -> Any:
        return 4 * self.strength * w**3


def test_one_of_ones_own(tmp_path: Path) -> None:
    assert all(error.ok for error in check_regularizer(Decay(), np.random.default_rng(0).normal(size=(3, 2))))
    model = dense(kernel_regularizer=Decay(2.0))
    assert model.losses == [pytest.approx(0.25)]
    assert described(Decay(2.0))["custom"] is True
    path = tmp_path / "model.npz"
    with pytest.warns(UserWarning, match="will hold Decay by name only"):
        model.save(path)
    loaded = load_model(path, custom_objects={"Decay": Decay})
    assert loaded.layers[0].kernel_regularizer == Decay(2.0)  # type: ignore[attr-defined]


def test_a_wrong_gradient_is_found() -> None:
    class Wrong(Decay):
        def gradient(self, w: Any) -> Any:
            return super().gradient(w) / 2

    assert not all(error.ok for error in check_regularizer(Wrong(), np.ones((2, 2))))


def test_a_penalty_too_large_stops_training() -> None:
    model = dense(kernel_regularizer=L2(1e30))
    with pytest.raises(NonFiniteError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], [[0.5], [0.5]])


def test_what_is_frozen_is_not_penalised() -> None:
    """Keras 3.15.1 has these numbers for the same model, and the same changes of evaluate's loss."""
    rule = {"kernel_initializer": "ones", "kernel_regularizer": L2(0.1)}
    inner, both = Dense(2, **rule), Bidirectional(SimpleRNN(1, **rule))
    model = Sequential([Input((4, 3)), TimeDistributed(inner), both, Dense(1, **rule)], seed=0)
    x, y = np.ones((2, 4, 3), np.float32), np.zeros((2, 1), np.float32)

    def evaluated() -> float:
        model.compile(SGD(0.1), "mse")
        loss: Any = model.evaluate(x, y, verbose=0)
        return loss

    assert model.losses == pytest.approx([0.6, 0.2, 0.2, 0.2])
    whole = evaluated()
    frozen = ((inner, [0.2] * 3), (both.backward_layer, [0.2] * 2), (model.layers[-1], [0.2]), (model, []))
    for part, left in frozen:
        part.trainable = False
        assert model.losses == pytest.approx(left)
        assert evaluated() - whole == pytest.approx(sum(left) - 1.2, abs=1e-6)
    model.trainable = True
    assert model.losses == pytest.approx([0.6, 0.2, 0.2, 0.2]) and evaluated() == whole


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_leaves_the_frozen_alone_and_penalises_the_rest(backend: str) -> None:
    """A step with a loss of 0 follows the penalties alone: w - 0.5 * 2 * 0.1 * w = 0.9 w, where w is trained."""
    layers = [Dense(2, use_bias=False, kernel_regularizer=L2(0.1)) for _ in range(3)]
    layers[0].trainable = False
    model = Sequential([Input((2,)), *layers], backend=backend, seed=0)
    before = model.get_weights()
    model.compile(SGD(0.5), "mse")
    model.fit(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32), verbose=0)
    for w, now, factor in zip(before, model.get_weights(), (1, 0.9, 0.9), strict=True):
        np.testing.assert_allclose(now, factor * w, rtol=1e-6)
