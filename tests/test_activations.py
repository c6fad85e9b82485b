"""Activations against central differences, at extreme values, and by name."""

import re

import numpy as np
import pytest

from scratchnn import activations
from scratchnn.activations import ACTIVATIONS, Activation

KINKS = {"relu": [0.0], "leaky_relu": [0.0], "hard_sigmoid": [-3.0, 3.0], "selu": [0.0]}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_backward_agrees_with_central_differences(name: str) -> None:
    generator = np.random.default_rng(1)
    a = generator.normal(0, 2.5, (3, 4, 5))
    for kink in KINKS.get(name, []):  # there is no derivative at a kink: step aside
        a[np.abs(a - kink) < 1e-3] += 1e-2
    dy = generator.normal(size=a.shape)
    activation = activations.get(name)

    da = activation.backward(dy, activation(a))

    expected = np.empty_like(a)
    for index in np.ndindex(a.shape):
        step = np.zeros_like(a)
        step[index] = 1e-6
        expected[index] = ((activation(a + step) - activation(a - step)) * dy).sum() / 2e-6
    np.testing.assert_allclose(da, expected, rtol=1e-6, atol=1e-8)


# Values worked out by hand, so that a forward and backward that are wrong together are noticed.
VALUES = [
    ("linear", [-2.0, 3.0], [-2.0, 3.0]),
    ("relu", [-2.0, 0.0, 3.0], [0.0, 0.0, 3.0]),
    ("leaky_relu", [-2.0, 0.0, 3.0], [-0.4, 0.0, 3.0]),
    ("tanh", [np.arctanh(0.5)], [0.5]),
    ("sigmoid", [0.0, np.log(3.0), -np.log(3.0)], [0.5, 0.75, 0.25]),
    ("hard_sigmoid", [-4.0, -1.5, 0.0, 3.0, 9.0], [0.0, 0.25, 0.5, 1.0, 1.0]),
    ("softsign", [-3.0, 0.0, 1.0], [-0.75, 0.0, 0.5]),
    ("softplus", [0.0, np.log(3.0)], [np.log(2.0), np.log(4.0)]),
    ("elu", [-np.log(4.0), 2.0], [-0.75, 2.0]),
    ("selu", [-np.log(4.0), 2.0], [-0.75 * 1.7580993408473766, 2 * 1.0507009873554805]),
    ("exponential", [0.0, np.log(5.0)], [1.0, 5.0]),
    ("softmax", [0.0, np.log(3.0)], [0.25, 0.75]),
]


@pytest.mark.parametrize(("name", "a", "y"), VALUES, ids=[name for name, _, _ in VALUES])
def test_forward_gives_the_values_of_its_definition(name: str, a: list[float], y: list[float]) -> None:
    np.testing.assert_allclose(activations.get(name)(np.array(a)), y, rtol=1e-14, atol=1e-16)


def test_every_activation_has_values_of_its_definition() -> None:
    assert {name for name, _, _ in VALUES} == set(ACTIVATIONS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"exponential"}))  # exp(1e4) has no float
def test_extreme_values_stay_finite_and_keep_their_dtype(name: str, dtype: type) -> None:
    a = np.array([[-1e4, -100.0, -0.0, 0.0, 100.0, 1e4]], dtype=dtype)
    activation = activations.get(name)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = activation(a)
        da = activation.backward(np.full_like(a, -0.7), y)
    assert y.dtype == da.dtype == dtype
    assert y.shape == da.shape == a.shape
    assert np.isfinite(y).all() and np.isfinite(da).all()


def test_sigmoid_keeps_the_digits_of_small_results() -> None:
    y = activations.get("sigmoid")(np.array([-50.0, -500.0]))
    np.testing.assert_allclose(y, np.exp([-50.0, -500.0]), rtol=1e-14)


def test_get_takes_a_name_an_object_a_config_or_none() -> None:
    tanh = ACTIVATIONS["tanh"]
    assert activations.get("tanh") is tanh
    assert activations.get(tanh) is tanh
    assert activations.get(tanh.get_config()) is tanh
    assert activations.get(None) is ACTIVATIONS["linear"]
    assert activations.get("LeakyReLU") is ACTIVATIONS["leaky_relu"]


def test_an_activation_of_your_own_is_taken_and_marked_in_its_config() -> None:
    mine = Activation("cube", lambda a: a**3, lambda dy, y: dy * 3 * np.cbrt(y) ** 2)
    assert activations.get(mine) is mine
    np.testing.assert_allclose(mine(np.array([2.0])), [8.0])
    with pytest.raises(ValueError, match=re.escape("'cube' is not one of scratchnn's own")):
        activations.get(mine.get_config())


def test_an_activation_of_your_own_cannot_borrow_a_known_name() -> None:
    # Compiled kernels choose their code by the name.
    with pytest.raises(ValueError, match="'tanh' is the name of one of scratchnn's own"):
        activations.get(Activation("tanh", lambda a: a**3, lambda dy, y: dy))


@pytest.mark.parametrize(
    ("identifier", "error", "message"),
    [
        ("tahn", ValueError, r"unknown activation 'tahn'; did you mean 'tanh'\? Known: .*relu.*tanh"),
        ("gelu", ValueError, r"unknown activation 'gelu'\. Known: "),
        ("xyzzy", ValueError, r"unknown activation 'xyzzy'\. Known: "),
        (np.tanh, TypeError, r"needs its derivative as well, got only .*tanh.*Activation\(name, forward, backward\)"),
    ],
)
def test_what_get_refuses(identifier: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        activations.get(identifier)  # pyright: ignore[reportArgumentType]
