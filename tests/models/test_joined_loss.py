"""A cross-entropy behind its own sigmoid or softmax goes through the pre-activation, so that certainty has a gradient.

The numbers are those of Keras 3.15.1 on TensorFlow: `evaluate`, then the weights after one step of SGD(0.01).
"""

from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential
from scratchnn.layers import (
    Activation,
    AlphaDropout,
    Conv1D,
    Dense,
    Dropout,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    SimpleRNN,
    Softmax,
)
from scratchnn.losses import BinaryCrossentropy, CategoricalCrossentropy
from scratchnn.optimizers import SGD

X, T = np.array([[1.0], [2.0], [-0.5]]), np.array([[0.0], [1.0], [1.0]])
STEPS, STEP_TARGETS = np.array([[[1.0], [2.0]], [[-0.5], [3.0]]]), np.array([[[0.0], [1.0]], [[1.0], [0.0]]])
CLASSES = np.array([1, 2, 0])
ONE_W, ONE_AFTER = [np.array([[100.0]]), np.zeros(1)], [[[99.995]], [0.0]]
THREE_W = [np.array([[100.0, 0.0, -50.0]]), np.array([0.0, 1.0, 2.0])]
THREE_AFTER = [[[100 - 7 / 600, 1 / 300, -50 + 1 / 120]], [-1 / 300, 1 + 1 / 300, 2.0]]
STEPS_AFTER = [[[99.98875]], [-0.0025]]

CASES: dict[str, tuple[Any, ...]] = {  # layers, loss, x, targets, weights; loss and weights after a step
    "dense": (lambda: [Dense(1, "sigmoid")], "binary_crossentropy", X, T, ONE_W, 50.0, ONE_AFTER),
    "activation": (lambda: [Dense(1), Activation("sigmoid")], "binary_crossentropy", X, T, ONE_W, 50.0, ONE_AFTER),
    "softmax": (
        lambda: [Dense(3, "softmax")], "categorical_crossentropy", X, np.eye(3)[CLASSES], THREE_W, 158.0, THREE_AFTER,
    ),
    "class numbers": (
        lambda: [Dense(3, "softmax")], "sparse_categorical_crossentropy", X, CLASSES, THREE_W, 158.0, THREE_AFTER,
    ),
    "softmax, activation": (
        lambda: [Dense(3), Activation("softmax")], "sparse_categorical_crossentropy", X, CLASSES, THREE_W, 158.0,
        THREE_AFTER,
    ),
    "softmax, layer": (
        lambda: [Dense(3), Softmax()], "categorical_crossentropy", X, np.eye(3)[CLASSES], THREE_W, 158.0, THREE_AFTER,
    ),
    "steps": (lambda: [Dense(1, "sigmoid")], "binary_crossentropy", STEPS, STEP_TARGETS, ONE_W, 112.5, STEPS_AFTER),
    "convolution": (
        lambda: [Conv1D(1, 1, activation="sigmoid")], "binary_crossentropy", STEPS, STEP_TARGETS,
        [np.array([[[100.0]]]), np.zeros(1)], 112.5, [[STEPS_AFTER[0]], STEPS_AFTER[1]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("case", CASES)
def test_keras_numbers(case: str, backend: str, dtype: str) -> None:
    layers, loss, x, target, weights, expected, after = CASES[case]
    model = Sequential([Input(x.shape[1:]), *layers()], backend=backend, dtype=dtype, seed=0)
    model.compile(SGD(0.01), loss, ["accuracy"])
    model.set_weights(weights)
    results = model.evaluate(x, target, verbose=0)
    assert isinstance(results, list) and results[0] == pytest.approx(expected, rel=1e-6)
    assert model.train_on_batch(x, target) == pytest.approx(expected, rel=1e-6)
    for weight, wanted in zip(model.get_weights(), after, strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-6, atol=1e-8)


def saturated(**settings: Any) -> Sequential:
    model = Sequential([Input((1,)), Dense(1, "sigmoid")], seed=0)
    model.compile("sgd", "binary_crossentropy", ["accuracy", "mae"], **settings)
    model.set_weights(ONE_W)
    return model


def test_metrics_predict_and_forward_see_probabilities() -> None:
    model = saturated()
    history = model.fit(X, T, batch_size=3, validation_data=(X, T), verbose=0).history
    assert history["accuracy"] == history["val_accuracy"] == [pytest.approx(1 / 3)]
    assert history["mae"] == [pytest.approx(2 / 3)]
    assert history["val_loss"] == [pytest.approx(49.9975)]  # clipped probabilities: 10.69
    np.testing.assert_allclose(model.predict(X), [[1], [1], [0]], atol=1e-20)
    np.testing.assert_allclose(model.forward(model.check_input(X))[0], [[1], [1], [0]], atol=1e-20)


def test_the_loss_of_plain_arrays_stays_clipped() -> None:
    model = saturated()
    y = model.predict(X)
    assert model.loss is not None
    assert model.loss.forward(y, T.astype("float32"))[0] == pytest.approx(10.686826, rel=1e-5)
    assert model.loss.get_config()["from_logits"] is False


def test_what_does_not_end_in_it_is_clipped() -> None:
    """Keras: 10.6868, 7.9712. Behind Flatten and a recurrent layer there is no pre-activation to take."""
    flat = Sequential([Input((1,)), Dense(1, "sigmoid"), Flatten()], seed=0)
    flat.compile("sgd", "binary_crossentropy")
    flat.set_weights(ONE_W)
    assert flat.evaluate(X, T, verbose=0) == pytest.approx(10.686826, rel=1e-5)
    recurrent = Sequential([Input((2, 1)), SimpleRNN(1, activation="sigmoid")], seed=0)
    recurrent.compile("sgd", "binary_crossentropy")
    recurrent.set_weights([np.array([[100.0]]), np.zeros((1, 1)), np.zeros(1)])
    assert recurrent.evaluate(STEPS, np.array([0, 1]), verbose=0) == pytest.approx(7.971192, rel=1e-5)


def test_a_loss_joins_its_own_activation_only() -> None:
    """A softmax under binary cross-entropy is a probability like any other."""
    model = Sequential([Input((1,)), Dense(3, "softmax")], seed=0)
    model.compile("sgd", "binary_crossentropy")
    assert not model.joins_loss
    model.compile("sgd", "categorical_crossentropy")
    assert model.joins_loss


def test_functional_models_join_too() -> None:
    start = Input((1,))
    model = Model(start, Dense(1, "sigmoid")(start), seed=0)
    model.compile("sgd", "binary_crossentropy")
    model.set_weights(ONE_W)
    assert model.evaluate(X, T, verbose=0) == pytest.approx(50, rel=1e-6)


@pytest.mark.parametrize("where", ["loss", "layer", "model"])
def test_code_of_ones_own_is_called_as_it_was_written(where: str) -> None:
    """A class derived from ours may compute something else, so it gets y and nothing but y."""

    class OwnLoss(BinaryCrossentropy):
        def values(self, y: Any, target: Any) -> Any:
            assert not self.from_logits
            return super().values(y, target)

        def gradient(self, y: Any, target: Any) -> Any:
            return super().gradient(y, target)

    class OwnDense(Dense):
        def forward(self, x: Any, **options: Any) -> Any:
            assert "pre_activation" not in options
            return super().forward(x, **options)

    class OwnModel(Sequential):
        def forward(self, x: Any, **options: Any) -> Any:
            assert "pre_activation" not in options
            return super().forward(x, **options)

    layer = (OwnDense if where == "layer" else Dense)(1, "sigmoid")
    model = (OwnModel if where == "model" else Sequential)([Input((1,)), layer], seed=0)
    model.compile("sgd", OwnLoss() if where == "loss" else BinaryCrossentropy())
    model.set_weights(ONE_W)
    assert model.evaluate(X, T, verbose=0) == pytest.approx(10.686826, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "layer", "target"),
    [
        (BinaryCrossentropy(from_logits=True), Dense(1, "sigmoid"), T),
        (CategoricalCrossentropy(from_logits=True), Dense(3, "softmax"), np.eye(3)[CLASSES]),
    ],
)
def test_from_logits_behind_an_activation_warns_and_takes_the_logits(loss: Any, layer: Any, target: Any) -> None:
    """As Keras does: the sigmoid is not applied twice."""
    model = Sequential([Input((1,)), layer], seed=0)
    model.compile("sgd", loss)
    model.set_weights(ONE_W if layer.units == 1 else THREE_W)
    with pytest.warns(UserWarning, match="from_logits=True, but the model ends in"):
        assert model.evaluate(X, target, verbose=0) == pytest.approx(50 if layer.units == 1 else 158, rel=1e-6)


def test_a_layer_alone_returns_either() -> None:
    layer = Dense(2, "sigmoid")
    layer.build((None, 3), backend="reference", dtype=np.float64, seed=1)
    x = np.random.default_rng(0).normal(size=(4, 3))
    a, cache = layer.forward(x, pre_activation=True)
    y, _ = layer.forward(x)
    np.testing.assert_allclose(y, 1 / (1 + np.exp(-a)), rtol=1e-12)
    dx, grads = layer.backward(np.ones((4, 2)), cache)
    np.testing.assert_allclose(grads["b"], [4, 4])  # no derivative of the sigmoid in it
    np.testing.assert_allclose(dx, np.ones((4, 2)) @ layer.params["W"].T)


@pytest.mark.parametrize("where", ["loss", "layer", "model", "all"])
def test_a_class_that_adds_nothing_changes_nothing(where: str) -> None:
    """Keras: 100, and a gradient of 1 for b."""

    class OwnLoss(BinaryCrossentropy):
        pass

    class OwnDense(Dense):
        extra = 1

    class OwnModel(Sequential):
        def describe(self) -> str:
            return "a model"

    chosen = {name: where in (name, "all") for name in ("loss", "layer", "model")}
    layer = (OwnDense if chosen["layer"] else Dense)(1, "sigmoid")
    model = (OwnModel if chosen["model"] else Sequential)([Input((1,)), layer], seed=0)
    model.compile(SGD(0.01), (OwnLoss if chosen["loss"] else BinaryCrossentropy)())
    model.set_weights(ONE_W)
    assert model.evaluate(X[:1], T[:1], verbose=0) == pytest.approx(100, rel=1e-6)
    assert model.train_on_batch(X[:1], T[:1]) == pytest.approx(100, rel=1e-6)
    np.testing.assert_allclose(model.get_weights()[1], [-0.01], rtol=1e-6)


@pytest.mark.parametrize("method", ["values", "gradient", "forward", "backward"])
def test_a_loss_that_computes_for_itself_gets_probabilities(method: str) -> None:
    """Also where a class between ours and the last one does."""

    class Computes(BinaryCrossentropy):
        pass

    def own(self: Any, *args: Any) -> Any:
        return getattr(BinaryCrossentropy, method)(self, *args)

    setattr(Computes, method, own)
    if method == "values":  # which needs its gradient beside it
        Computes.gradient = lambda self, *args: BinaryCrossentropy.gradient(self, *args)

    class OwnLoss(Computes):
        pass

    model = saturated()
    model.compile("sgd", OwnLoss())
    assert not model.joins_loss
    assert model.evaluate(X, T, verbose=0) == pytest.approx(10.686826, rel=1e-5)


IDENTITIES = {
    "dropout": lambda: [Dropout(0.0)], "linear": lambda: [Activation("linear")],
    "two": lambda: [Activation("linear"), Dropout(0.0)], "noise": lambda: [GaussianNoise(0.0)],
    "gaussian dropout": lambda: [GaussianDropout(0.0)], "alpha dropout": lambda: [AlphaDropout(0.0)],
}  # fmt: skip


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("name", IDENTITIES)
@pytest.mark.parametrize("end", ["dense", "activation"])
def test_layers_that_change_nothing_are_looked_through(end: str, name: str, backend: str) -> None:
    """Keras: 100, and a gradient of 1 for b."""
    ends = [Dense(1, "sigmoid")] if end == "dense" else [Dense(1), Activation("sigmoid")]
    model = Sequential([Input((1,)), *ends, *IDENTITIES[name]()], seed=0, backend=backend)
    model.compile(SGD(0.01), "binary_crossentropy", ["accuracy"])
    model.set_weights(ONE_W)
    assert model.evaluate(X[:1], T[:1], verbose=0) == [pytest.approx(100, rel=1e-6), 0]
    assert model.predict(X[:1], verbose=0) == pytest.approx(1)
    history = model.fit(X[:1], T[:1], verbose=0).history
    assert history["loss"] == [pytest.approx(100, rel=1e-6)] and history["accuracy"] == [0]
    np.testing.assert_allclose(model.get_weights()[1], [-0.01], rtol=1e-6)


def test_what_may_change_something_is_not_looked_through() -> None:
    """Dropout after the sigmoid drops probabilities; a layer of one's own may do anything; a tanh is no identity."""

    class OwnLinear(Activation):
        def forward(self, x: Any, **options: Any) -> Any:
            return super().forward(x, **options)

    for last in (Dropout(0.5), GaussianNoise(0.5), OwnLinear("linear"), Activation("tanh"), Flatten()):
        model = Sequential([Input((1,)), Dense(1, "sigmoid"), last], seed=0)
        model.compile("sgd", "binary_crossentropy")
        assert not model.joins_loss
    only = Sequential([Input((1,)), Activation("linear")], seed=0)
    only.compile("sgd", "binary_crossentropy")
    assert only.evaluate(X * 0 + 0.5, T, verbose=0) == pytest.approx(np.log(2), rel=1e-6)


def test_a_rate_that_is_set_later_counts() -> None:
    model = Sequential([Input((1,)), Dense(1, "sigmoid"), Dropout(0.0)], seed=0)
    model.compile("sgd", "binary_crossentropy")
    assert model.joins_loss
    model.layers[-1].rate = 0.5
    assert not model.joins_loss
