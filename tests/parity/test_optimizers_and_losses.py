"""Optimizers, losses, metrics and activations against Keras itself, in float32, on the same arrays."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import activations, initializers, losses, metrics, optimizers

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.long]
tf: Any
keras: Any


@pytest.fixture(autouse=True, scope="module")
def import_them(frameworks: tuple[Any, Any]) -> None:
    global tf, keras
    tf, keras = frameworks


SHAPES = [(3, 4), (5,), (2, 3)]
SEGMENTS = [slice(0, 12), slice(12, 17), slice(17, 23)]

CONFIGS: list[dict[str, Any]] = [
    {"name": "sgd"},
    {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
    {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
    {"name": "sgd", "learning_rate": 0.1, "weight_decay": 0.1},
    {"name": "rmsprop"},
    {"name": "rmsprop", "learning_rate": 0.01, "rho": 0.8, "momentum": 0.7, "centered": True, "epsilon": 1e-4},
    {"name": "adam"},
    {"name": "adam", "learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
    {"name": "adamw", "learning_rate": 0.01},
    {"name": "adam", "clipnorm": 0.5},
    {"name": "adam", "clipvalue": 0.2},
    {"name": "adam", "global_clipnorm": 0.5},
    {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.1, "clipnorm": 0.5},
    {"name": "adam", "learning_rate": 0.01, "beta_2": 0.8, "amsgrad": True},
    {"name": "adamw", "learning_rate": 0.01, "beta_2": 0.8, "amsgrad": True, "global_clipnorm": 0.5},
    {"name": "nadam"},
    {"name": "nadam", "learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3, "weight_decay": 0.1},
    {"name": "adamax"},
    {"name": "adamax", "learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.7, "epsilon": 1e-3, "clipvalue": 0.5},
    {"name": "adagrad", "learning_rate": 0.01},
    {"name": "adagrad", "learning_rate": 0.1, "initial_accumulator_value": 0.5, "epsilon": 1e-3},
    {"name": "adadelta", "learning_rate": 0.1},
    {"name": "adadelta", "learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3, "clipnorm": 0.5},
    {"name": "ftrl", "learning_rate": 0.1},
    {
        "name": "ftrl",
        "learning_rate": 0.1,
        "learning_rate_power": -0.7,
        "initial_accumulator_value": 0.2,
        "beta": 0.3,
        "l1_regularization_strength": 0.01,
        "l2_regularization_strength": 0.1,
        "l2_shrinkage_regularization_strength": 0.05,
    },
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_ten_optimizer_steps(config: dict[str, Any]) -> None:
    generator = np.random.default_rng(4)
    w = generator.normal(size=23).astype(np.float32)
    theirs = [keras.Variable(w[segment].reshape(shape)) for segment, shape in zip(SEGMENTS, SHAPES, strict=True)]
    options = {key: value for key, value in config.items() if key != "name"}
    optimizer = optimizers.get(config)
    keras_optimizer = getattr(keras.optimizers, type(optimizer).__name__)(**options)
    optimizer.init(w.size, np.float32)

    start = w.copy()
    for step in range(10):
        g = (generator.normal(size=23) * 0.7**step).astype(np.float32)
        optimizer.step(w, g, SEGMENTS)
        parts = [tf.constant(g[segment].reshape(shape)) for segment, shape in zip(SEGMENTS, SHAPES, strict=True)]
        keras_optimizer.apply(parts, theirs)
        expected = np.concatenate([np.ravel(keras.ops.convert_to_numpy(variable)) for variable in theirs])
        # Compared by the way gone since the start, which is small beside w. Keras' float32 powers of beta cost digits.
        np.testing.assert_allclose(w - start, expected - start, rtol=1e-4, atol=1e-6)
    assert np.abs(w - start).min() > 1e-5  # everything has moved


def keras_value_and_gradient(loss: Any, target: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    y_tensor = tf.constant(y)
    with tf.GradientTape() as tape:
        tape.watch(y_tensor)
        value = loss(target, y_tensor)
    return float(value), tape.gradient(value, y_tensor).numpy()


LABELS = [1, 0, 0, 1, 1]
ROWS = [[0.1, 0.7, 0.2], [1, 0, 0], [0, 0, 1], [0, 1, 0], [0.5, 0.25, 0.25]]
LOSSES: list[tuple[str, tuple[int, ...], Any]] = [
    ("MeanSquaredError", (5, 3), np.linspace(-2, 2, 15).reshape(5, 3)),
    ("BinaryCrossentropy", (5, 1), LABELS),
    ("BinaryCrossentropy", (5, 1), [[label] for label in LABELS]),
    ("BinaryCrossentropy", (5, 3), ROWS),
    ("CategoricalCrossentropy", (5, 3), ROWS),
    ("SparseCategoricalCrossentropy", (5, 3), [2, 1, 0, 1, 1]),
    ("SparseCategoricalCrossentropy", (5, 3), [[2], [1], [0], [1], [1]]),
]


def outputs(shape: tuple[int, ...], as_logits: bool, sums_to_1: bool) -> np.ndarray:
    a = np.random.default_rng(6).normal(0, 2, shape).astype(np.float32)
    if as_logits:
        return a
    return activations.get("softmax" if sums_to_1 else "sigmoid")(a)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize(("name", "shape", "target"), LOSSES, ids=[f"{name}-{shape}" for name, shape, _ in LOSSES])
def test_losses_and_their_gradients(name: str, shape: tuple[int, ...], target: Any, from_logits: bool) -> None:
    options = {} if name == "MeanSquaredError" else {"from_logits": from_logits}
    y = outputs(shape, from_logits, "Categorical" in name)
    theirs = np.asarray(target, np.int64 if "Sparse" in name else np.float32)
    expected, expected_dy = keras_value_and_gradient(getattr(keras.losses, name)(**options), theirs, y)

    loss = losses.get({"name": name, **options})
    value, cache = loss.forward(y, loss.validate(y.shape, target))
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(loss.backward(cache), expected_dy, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["BinaryCrossentropy", "CategoricalCrossentropy"])
def test_clipped_probabilities_have_keras_gradient(name: str) -> None:
    y = np.array([[0.0, 1.0], [1.0, 0.0], [0.25, 0.75]], np.float32)
    target = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], np.float32)
    expected, expected_dy = keras_value_and_gradient(getattr(keras.losses, name)(), target, y)
    loss = losses.get(name)
    value, cache = loss.forward(y, target)
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(loss.backward(cache), expected_dy, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "shape", "target"),
    [
        ("binary_crossentropy", (5, 1), [[1], [0], [1], [1], [0]]),
        ("binary_crossentropy", (5, 1), [[1], [0], [0.7], [1], [0.2]]),
        ("categorical_crossentropy", (5, 3), ROWS),
        ("sparse_categorical_crossentropy", (5, 3), [2, 1, 0, 1, 1]),
    ],
)
@pytest.mark.parametrize("as_logits", [False, True])
def test_accuracy(loss: str, shape: tuple[int, ...], target: Any, as_logits: bool) -> None:
    y = outputs(shape, as_logits, sums_to_1=loss != "binary_crossentropy")
    target = np.asarray(target, np.float32)
    choose: Callable = keras.src.trainers.compile_utils.get_metric
    theirs = choose("accuracy", target, y)
    theirs.update_state(target, y)
    metric = metrics.get("accuracy")
    metric.update_state(target, y)
    assert metric.result() == pytest.approx(float(theirs.result()))


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_activations_and_their_gradients(name: str) -> None:
    generator = np.random.default_rng(8)
    a = np.concatenate([generator.normal(0, 3, (4, 6)), [[-20, -3, 0, 3, 8, 20]]]).astype(np.float32)
    if name == "selu":  # at its kink Keras' backends disagree: TensorFlow takes the right-hand slope, JAX the left
        a[a == 0] = 1e-3
    dy = generator.normal(size=a.shape).astype(np.float32)
    a_tensor = tf.constant(a)
    with tf.GradientTape() as tape:
        tape.watch(a_tensor)
        expected = keras.activations.get(name)(a_tensor)
    expected_da = tape.gradient(expected, a_tensor, output_gradients=tf.constant(dy)).numpy()

    activation = activations.get(name)
    y = activation(a)
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(activation.backward(dy, y), expected_da, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(initializers.INITIALIZERS) - {"zeros", "ones", "constant"}))
@pytest.mark.parametrize("shape", [(200, 300), (5, 60, 200)])
def test_initial_values_have_keras_spread(name: str, shape: tuple[int, ...]) -> None:
    w = initializers.get(name)(shape, np.random.default_rng(9), np.float32)
    theirs = keras.initializers.get(name)
    theirs = type(theirs)(**(theirs.get_config() | {"seed": 9}))(shape)
    expected = keras.ops.convert_to_numpy(theirs)
    assert w.std() == pytest.approx(float(expected.std()), rel=0.02)
    if re.search("uniform|truncated|glorot|he_|lecun", name):
        assert np.abs(w).max() == pytest.approx(float(np.abs(expected).max()), rel=0.01)
