"""Losses against central differences and hand-made values, at extreme values, and at the door."""

import json
import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scratchnn_kernels import cpu, reference

from scratchnn import Sequential, losses
from scratchnn.layers import Dense
from scratchnn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

ALL = [
    MeanSquaredError(),
    BinaryCrossentropy(),
    BinaryCrossentropy(from_logits=True),
    CategoricalCrossentropy(),
    CategoricalCrossentropy(from_logits=True),
    SparseCategoricalCrossentropy(),
    SparseCategoricalCrossentropy(from_logits=True),
]


def batch(loss: Loss, shape: tuple[int, ...], seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and targets that fit the loss; soft targets, and rows of y that do not quite sum to 1."""
    generator = np.random.default_rng(seed)
    if isinstance(loss, SparseCategoricalCrossentropy):
        target = generator.integers(0, shape[-1], shape[:-1])
    else:
        target = generator.uniform(0.05, 0.95, shape)
        if isinstance(loss, CategoricalCrossentropy):
            target /= target.sum(axis=-1, keepdims=True)
    if isinstance(loss, MeanSquaredError) or getattr(loss, "from_logits", False):
        return generator.normal(0, 2, shape), target
    return generator.uniform(0.05, 0.95, shape), target


@pytest.mark.parametrize("shape", [(1, 2), (5, 3), (2, 3, 4)])
@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_backward_agrees_with_central_differences(loss: Loss, shape: tuple[int, ...]) -> None:
    y, target = batch(loss, shape)
    dy = loss.backward(loss.forward(y, target)[1])
    expected = np.empty_like(y)
    for index in np.ndindex(y.shape):
        step = np.zeros_like(y)
        step[index] = 1e-6
        expected[index] = (loss.forward(y + step, target)[0] - loss.forward(y - step, target)[0]) / 2e-6
    np.testing.assert_allclose(dy, expected, rtol=1e-6, atol=1e-8)


# Worked out by hand: probabilities 1/4, 1/2 ... make every loss a sum of log 2.
LOG2 = math.log(2)
VALUES = [
    (MeanSquaredError(), [[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [3.0, 1.0]], (1 + 4 + 0 + 9) / 4),
    (BinaryCrossentropy(), [[0.25], [0.5], [0.75]], [[1.0], [0.0], [0.0]], (2 + 1 + 2) * LOG2 / 3),
    (BinaryCrossentropy(), [[0.25, 0.5]], [[0.5, 1.0]], (LOG2 - (math.log(0.75)) / 2 + LOG2) / 2),
    (BinaryCrossentropy(from_logits=True), [[0.0], [math.log(3)]], [[1.0], [0.0]], (1 + 2) * LOG2 / 2),
    (CategoricalCrossentropy(), [[0.5, 0.25, 0.25], [1.0, 2.0, 1.0]], [[1, 0, 0], [0, 0, 1.0]], (1 + 2) * LOG2 / 2),
    (CategoricalCrossentropy(from_logits=True), [[0.0, LOG2, 0.0]], [[0.5, 0.0, 0.5]], 2 * LOG2),
    (SparseCategoricalCrossentropy(), [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], [0, 2], (1 + 2) * LOG2 / 2),
    (SparseCategoricalCrossentropy(), [[0.2, 0.4, 0.2], [2.0, 3.0, 4.0]], [0, 2], (2 * LOG2 + math.log(3)) / 2),
    (SparseCategoricalCrossentropy(from_logits=True), [[0.0, LOG2, 0.0]], [2], 2 * LOG2),
]


@pytest.mark.parametrize(("loss", "y", "target", "expected"), VALUES, ids=[repr(row[0]) for row in VALUES])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_forward_gives_the_values_of_its_definition(
    loss: Loss, y: list, target: list, expected: float, dtype: type, rtol: float
) -> None:
    y_array = np.array(y, dtype=dtype)
    value, cache = loss.forward(y_array, loss.validate(y_array.shape, target, dtype))
    assert value == pytest.approx(expected, rel=rtol)
    assert loss.backward(cache).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("loss", "y", "target"),
    [
        (BinaryCrossentropy(), [[0.0], [1.0], [0.0], [1.0]], [[0.0], [0.0], [1.0], [1.0]]),
        (BinaryCrossentropy(from_logits=True), [[-1e4], [1e4], [-1e4], [1e4]], [[0.0], [0.0], [1.0], [1.0]]),
        (CategoricalCrossentropy(), [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]),
        (CategoricalCrossentropy(from_logits=True), [[1e4, -1e4], [-1e4, 1e4]], [[1.0, 0.0], [1.0, 0.0]]),
        (SparseCategoricalCrossentropy(), [[1.0, 0.0], [0.0, 1.0]], [0, 0]),
        (SparseCategoricalCrossentropy(from_logits=True), [[1e4, -1e4], [-1e4, 1e4]], [0, 0]),
    ],
    ids=repr,
)
def test_certainty_right_or_wrong_stays_finite(loss: Loss, y: list, target: list, dtype: type) -> None:
    y_array = np.array(y, dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value, cache = loss.forward(y_array, loss.validate(y_array.shape, target, dtype))
        dy = loss.backward(cache)
    # Half of the answers are wrong, each at the price of certainty: 2e4 or 1e4 of logits, or -log(1e-7) of probability.
    logits = getattr(loss, "from_logits", False)
    price = (1e4 if isinstance(loss, BinaryCrossentropy) else 2e4) if logits else -math.log(1e-7)
    assert value == pytest.approx(price / 2, rel=0.02)  # in float32, 1 - (1 - 1e-7) is 1.2e-7
    assert np.isfinite(dy).all()
    if logits:
        assert np.abs(dy).max() == pytest.approx(1 / len(y))
    else:
        np.testing.assert_array_equal(dy, 0)  # what was moved to 1e-7 no longer depends on y


def test_the_cache_cannot_be_changed() -> None:
    _, cache = MeanSquaredError().forward(np.zeros((1, 1)), np.ones((1, 1)))
    with pytest.raises(FrozenInstanceError):
        cache.y = np.ones((1, 1))  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("loss", "y_shape", "target", "shape", "dtype"),
    [
        (BinaryCrossentropy(), (3, 1), [0, 1, 1], (3, 1), np.float32),
        (BinaryCrossentropy(), (3, 1), [[0], [1], [1]], (3, 1), np.float32),
        (BinaryCrossentropy(), (3,), [[0], [1], [1]], (3,), np.float32),
        (BinaryCrossentropy(), (3, 1), [False, True, True], (3, 1), np.float64),
        (BinaryCrossentropy(), (3, 1), [0.25, 0.5, 1.0], (3, 1), np.float64),
        (MeanSquaredError(), (2, 1), np.array([-7, 300], dtype=np.int16), (2, 1), np.float32),
        (CategoricalCrossentropy(), (2, 3), [[0, 0, 1], [1, 0, 0]], (2, 3), np.float32),
        (SparseCategoricalCrossentropy(), (2, 3), [2, 0], (2,), np.int64),
        (SparseCategoricalCrossentropy(), (2, 3), [[2.0], [0.0]], (2,), np.int64),
        (SparseCategoricalCrossentropy(), (1, 2, 3), [[2, 0]], (1, 2), np.int64),
    ],
)
def test_validate_gives_the_targets_the_form_that_forward_wants(
    loss: Loss, y_shape: tuple[int, ...], target: object, shape: tuple[int, ...], dtype: type
) -> None:
    validated = loss.validate(y_shape, target, np.float64 if dtype == np.float64 else np.float32)
    assert validated.shape == shape and validated.dtype == dtype
    np.testing.assert_array_equal(validated.ravel(), np.ravel(np.asarray(target)))


@pytest.mark.parametrize(
    ("name", "y_shape", "target", "message"),
    [
        ("bce", (3, 1), [0, 1], r"expects targets of shape \(3, 1\) or \(3,\), got \(2,\)"),
        ("bce", (2, 2), [0, 1], r"expects targets of shape \(2, 2\), got \(2,\)"),
        ("bce", (2, 1), [-1, 1], r"expects labels 0 or 1, or probabilities .*, got values from -1 to 1"),
        ("bce", (2, 1), [1, 2], r"expects labels 0 or 1, .* got values from 1 to 2"),
        ("bce", (2, 1), [0.0, np.nan], r"binary_crossentropy expects finite targets, got 1 NaN"),
        ("bce", (2, 1), ["pos", "neg"], r"binary_crossentropy: y must be an array of numbers, got dtype <U3"),
        ("bce", (0, 1), [], r"expects at least one target, got shape \(0,\)"),
        ("mse", (2, 1), [0.0, np.inf], r"mean_squared_error expects finite targets, got 1 "),
        ("categorical_crossentropy", (2, 3), [0, 2], r"shape \(2, 3\), got \(2,\); .* sparse_categorical_crossentropy"),
        ("categorical_crossentropy", (2, 3), [[1, 0], [0, 1]], r"shape \(2, 3\), got \(2, 2\)$"),
        ("categorical_crossentropy", (1, 3), [[1, 1, 0]], r"row of targets to sum to 1, got a row that sums to 2"),
        ("categorical_crossentropy", (1, 3), [[2, -1, 0]], r"got values from -1 to 2"),
        ("categorical_crossentropy", (2, 1), [[1], [1]], r"at least two classes, got \(2, 1\); .* binary_crossentropy"),
        ("sparse_categorical_crossentropy", (2, 3), [0, 3], r"class numbers from 0 to 2, got values from 0 to 3"),
        ("sparse_categorical_crossentropy", (2, 3), [-1, 2], r"class numbers from 0 to 2, got values from -1 to 2"),
        ("sparse_categorical_crossentropy", (2, 3), [0, 1.7], r"expects whole class numbers, got 1\.7"),
        ("sparse_categorical_crossentropy", (2, 3), [0, 1, 2], r"targets of shape \(2,\), got \(3,\)"),
        ("sparse_categorical_crossentropy", (1, 2), [[0, 1]], r"one-hot rows belong to categorical_crossentropy"),
        ("sparse_categorical_crossentropy", (2, 1), [0, 0], r"at least two classes"),
    ],
)
def test_what_validate_refuses(name: str, y_shape: tuple[int, ...], target: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        losses.get(name).validate(y_shape, target)


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_config_brings_the_same_loss_back(loss: Loss) -> None:
    assert losses.get(loss) is loss
    assert losses.get(loss.get_config()) == loss
    assert losses.get(type(loss).__name__) == type(loss)()  # Keras' class spelling


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_other_kernels_make_no_other_loss(loss: Loss) -> None:
    there = loss.on(cpu)
    assert there == loss and hash(there) == hash(loss) and repr(there) == repr(loss)
    assert there.get_config() == loss.get_config() and json.dumps(loss.get_config())
    y, target = batch(loss, (5, 3))
    (expected, expected_cache), (value, cache) = (each.forward(y, target) for each in (loss, there))
    assert isinstance(value, float) and value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(there.backward(cache), loss.backward(expected_cache), rtol=1e-12)


def test_binary_crossentropy_is_computed_by_the_kernels_of_the_model() -> None:
    for backend, kernels in (("reference", reference), ("cpu", cpu)):
        model = Sequential([Dense(1)], backend=backend)
        model.compile(loss="bce")
        assert isinstance(model.loss, BinaryCrossentropy) and model.loss.pair is kernels.binary_crossentropy


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"unknown loss 'binary_crosentropy'; did you mean 'binary_crossentropy'\?"):
        losses.get("binary_crosentropy")
