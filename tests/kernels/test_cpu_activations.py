"""The cpu activations over the whole range of float32, and their derivatives."""

import numpy as np
import pytest
from scratchnn_kernels.contract import Array
from scratchnn_kernels.cpu.activations import NUMBERS, activate, number_of, times_derivative

from scratchnn import activations

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


def of(name: str, v: Array) -> Array:
    """act(v), with v left alone."""
    y = v.copy()
    activate(NUMBERS[name], y)
    return y


@pytest.fixture(scope="module")
def every_exponent() -> Array:
    """Of both signs and for every exponent of float32, denormals too: the first, the last and 253 other mantissas."""
    mantissas = np.unique(np.r_[0, 2**23 - 1, np.random.default_rng(0).integers(0, 2**23, 253)]).astype(np.uint32)
    bits = (np.arange(255, dtype=np.uint32)[:, None] << 23) | mantissas
    positive = np.sort(bits.ravel().view(np.float32))
    assert positive[0] == 0 and 0 < positive[1] < 1e-40 and positive[-1] == np.finfo(np.float32).max
    return np.concatenate([-positive[::-1], positive])


@pytest.fixture(scope="module")
def where_tanh_bends() -> Array:
    return np.linspace(-20, 20, 2_000_001, dtype=np.float32)


@pytest.mark.parametrize("range_name", ["every_exponent", "where_tanh_bends"])
def test_tanh_has_a_relative_error_of_at_most_3_3e_7(range_name: str, request: pytest.FixtureRequest) -> None:
    v = request.getfixturevalue(range_name)
    y, exact = of("tanh", v), np.tanh(v.astype(np.float64))
    error = np.abs(y - exact)
    # A denormal result has no more digits than its distance to the next.
    assert (error <= 3.3e-7 * np.abs(exact) + 1.5e-45).all()
    assert (np.abs(y) <= 1).all()
    assert np.array_equal(of("tanh", -v), -y)


@pytest.mark.parametrize("range_name", ["every_exponent", "where_tanh_bends"])
def test_sigmoid_has_an_error_of_at_most_2e_7(range_name: str, request: pytest.FixtureRequest) -> None:
    v = request.getfixturevalue(range_name)
    y = of("sigmoid", v)
    exact = np.exp(-np.logaddexp(0, -v.astype(np.float64)))
    assert (np.abs(y - exact) <= 2e-7).all()
    assert ((y >= 0) & (y <= 1)).all()


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_saturation_is_complete_and_never_turns_back(name: str) -> None:
    """It rises, to within two errors of opposite sign, and reaches its limit."""
    v = np.linspace(0, 40, 400_001, dtype=np.float32)
    for side in (v, -v):
        y = of(name, side)
        rising = y if side is v else -y
        highest = np.maximum.accumulate(rising)
        assert (highest - rising).max() <= 2 * 3.3e-7
        assert y[-1] == activations.get(name)(np.float64(side[-1])).round(15)
        assert (y[200_000:] == y[-1]).all()


@DTYPES
@pytest.mark.parametrize("name", NUMBERS)
def test_forward_is_the_reference_activation(name: str, dtype: type) -> None:
    v = np.concatenate([np.linspace(-12, 12, 10_001), [-1e-20, 0.0, 1e-20]])
    expected = activations.get(name)(v.astype(dtype).astype(np.float64))
    tolerance = {"rtol": 1e-6, "atol": 2e-7} if dtype is np.float32 else {"rtol": 1e-14, "atol": 2e-16}
    np.testing.assert_allclose(of(name, v.astype(dtype)), expected, **tolerance)


@DTYPES
@pytest.mark.parametrize("name", NUMBERS)
def test_backward_is_the_reference_derivative(name: str, dtype: type) -> None:
    v = np.concatenate([np.linspace(-12, 12, 10_001), [0.0]]).astype(dtype)
    y = activations.get(name)(v)
    d = np.random.default_rng(0).normal(size=v.shape).astype(dtype)
    expected = activations.get(name).backward(d.astype(np.float64), y.astype(np.float64))
    got = d.copy()
    times_derivative(NUMBERS[name], got, y)
    tolerance = {"rtol": 1e-6, "atol": 2e-7} if dtype is np.float32 else {"rtol": 1e-14, "atol": 1e-15}
    np.testing.assert_allclose(got, expected, **tolerance)


@DTYPES
@pytest.mark.parametrize("name", NUMBERS)
def test_nan_stays_nan_and_infinity_gives_the_limit(name: str, dtype: type) -> None:
    v = np.array([np.nan, np.inf, -np.inf] * 7, dtype)  # more than one vector register of them
    y = of(name, v)
    assert np.isnan(y[0::3]).all()
    if name == "softsign":
        assert np.isnan(y).all()  # inf / inf, in the reference as well
        return
    limits = {
        "tanh": (1, -1),
        "sigmoid": (1, 0),
        "hard_sigmoid": (1, 0),
        "relu": (np.inf, 0),
        "softplus": (np.inf, 0),
        "elu": (np.inf, -1),
        "selu": (np.inf, -1.0507009873554805 * 1.6732632423543772),
        "exponential": (np.inf, 0),
    }
    above, below = limits.get(name, (np.inf, -np.inf))
    np.testing.assert_allclose(y[1::3], above, rtol=1e-6)
    np.testing.assert_allclose(y[2::3], below, rtol=1e-6)


@pytest.mark.parametrize("size", [0, 1, 3, 7, 8, 9, 15, 16, 17, 33, 1000])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_gives_the_same_bits_wherever_it_stands(name: str, size: int) -> None:
    """In the body of a vector loop or in the rest behind it: else a result would depend on the shape of the batch."""
    v = np.random.default_rng(size).normal(0, 3, size).astype(np.float32)
    alone = np.array([of(name, v[n : n + 1])[0] for n in range(size)], np.float32)
    assert of(name, v).tobytes() == alone.tobytes()


def test_the_cpu_has_every_activation_that_looks_at_one_number_at_a_time() -> None:
    assert set(NUMBERS) == set(activations.ACTIVATIONS) - {"softmax"}
    with pytest.raises(ValueError, match=r"no activation 'softmax', only linear, .*backend=\"reference\" takes any"):
        number_of(activations.get("softmax"))
