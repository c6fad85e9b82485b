"""Initializers: their bounds, variances and fans, orthogonality, and names."""

import copy
import json
import math

import numpy as np
import pytest

from scratchnn import initializers
from scratchnn.initializers import Constant, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling


def draw(identifier: object, shape: tuple[int, ...], dtype: type = np.float64, seed: int = 3) -> np.ndarray:
    return initializers.get(identifier)(shape, np.random.default_rng(seed), dtype)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("shape", "fan_in", "fan_out"),
    [((), 1, 1), ((7,), 7, 7), ((5, 12), 5, 12), ((3, 5, 8), 15, 24), ((2, 3, 5, 8), 30, 48)],
)
def test_fans(shape: tuple[int, ...], fan_in: int, fan_out: int) -> None:
    assert initializers.fans(shape) == (fan_in, fan_out)


# (k, D, F) = (3, 40, 20): fan in 120, fan out 60, mean 90.
VARIANCES = [
    ("glorot_uniform", 1 / 90, math.sqrt(3 / 90)),
    ("he_uniform", 2 / 120, math.sqrt(6 / 120)),
    ("lecun_uniform", 1 / 120, math.sqrt(3 / 120)),
    ("glorot_normal", 1 / 90, 2 * math.sqrt(1 / 90) / 0.87962566103423978),
    ("he_normal", 2 / 120, 2 * math.sqrt(2 / 120) / 0.87962566103423978),
    ("lecun_normal", 1 / 120, 2 * math.sqrt(1 / 120) / 0.87962566103423978),
    (VarianceScaling(3.0, "fan_out", "untruncated_normal"), 3 / 60, math.inf),
    ("uniform", 0.05**2 / 3, 0.05),
    ("random_uniform", 0.05**2 / 3, 0.05),
    ("normal", 0.05**2, math.inf),
    ("random_normal", 0.05**2, math.inf),
    ("truncated_normal", (0.05 * 0.87962566103423978) ** 2, 0.1),
]


@pytest.mark.parametrize(("identifier", "variance", "bound"), VARIANCES, ids=[str(row[0])[:24] for row in VARIANCES])
def test_variance_and_bound(identifier: object, variance: float, bound: float) -> None:
    w = np.concatenate([draw(identifier, (3, 40, 20), seed=seed) for seed in range(20)])  # 48 000 numbers
    assert abs(w.mean()) < 4 * math.sqrt(variance / w.size)
    assert w.var() == pytest.approx(
        variance, rel=0.03
    )  # four deviations of a normal sample's variance: 4 sqrt(2 / 48 000)
    largest = np.abs(w).max()
    if math.isfinite(bound):
        assert 0.99 * bound < largest <= bound
    else:
        assert largest > 3 * math.sqrt(variance)  # nothing was cut off


def test_mean_and_bounds_are_used() -> None:
    assert draw(RandomNormal(5.0, 0.1), (1000,)).mean() == pytest.approx(5, abs=0.02)
    w = draw(TruncatedNormal(5.0, 0.1), (1000,))
    assert w.mean() == pytest.approx(5, abs=0.02) and 4.8 <= w.min() < w.max() <= 5.2
    w = draw(RandomUniform(2.0, 3.0), (1000,))
    assert 2 <= w.min() < 2.01 and 2.99 < w.max() <= 3


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 16), (3, 5, 7), (2, 3, 20), (1, 1)])
@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_orthogonal(shape: tuple[int, ...], gain: float) -> None:
    w = draw(Orthogonal(gain), shape).reshape(-1, shape[-1])
    rows, columns = w.shape
    product = w @ w.T if rows <= columns else w.T @ w
    np.testing.assert_allclose(product, gain**2 * np.eye(min(rows, columns)), atol=1e-14)


def test_orthogonal_matrices_are_uniform_over_signs() -> None:
    # LAPACK's own signs would make the diagonal of q (almost) always negative.
    traces = [np.trace(draw("orthogonal", (3, 3), seed=seed)) for seed in range(400)]
    assert abs(np.mean(traces)) < 4 / math.sqrt(400)  # the trace of a uniform orthogonal matrix has mean 0, variance 1


def test_constants() -> None:
    np.testing.assert_array_equal(draw("zeros", (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(draw("ones", (2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(draw(Constant(-2.5), (2,)), [-2.5, -2.5])


@pytest.mark.parametrize("name", initializers.INITIALIZERS)
def test_draws_are_named_by_the_generator_and_float32_rounds_float64(name: str) -> None:
    w = draw(name, (4, 6), np.float64)
    np.testing.assert_array_equal(w, draw(name, (4, 6), np.float64))
    w32 = draw(name, (4, 6), np.float32)
    assert w32.dtype == np.float32
    np.testing.assert_array_equal(w32, w.astype(np.float32))


@pytest.mark.parametrize("name", initializers.INITIALIZERS)
def test_config_brings_the_same_initializer_back(name: str) -> None:
    initializer = initializers.get(name)
    assert initializers.get(initializer) is initializer
    assert initializers.get(initializer.get_config()) == initializer


def test_keras_class_spelling_is_understood() -> None:
    assert initializers.get("GlorotUniform") == VarianceScaling(1.0, "fan_avg", "uniform")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: initializers.get("glorot_unifrom"),
            r"unknown initializer 'glorot_unifrom'; did you mean 'glorot_uniform'\?",
        ),
        (lambda: VarianceScaling(0.0), r"scale must be positive, got 0\.0"),
        (lambda: initializers.get({"name": "variance_scaling", "scale": -1.0}), r"scale must be positive, got -1\.0"),
        (lambda: RandomUniform(1.0, 0.0), r"minval must not be above maxval, got minval=1\.0, maxval=0\.0"),
        (lambda: RandomNormal(0.0, -1.0), r"stddev must be 0 or more, got -1\.0"),
        (lambda: draw("orthogonal", (5,)), r"orthogonal .* at least two axes, got shape \(5,\)"),
    ],
)
def test_what_is_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# ---- given values

MATRIX = np.arange(12, dtype=np.float32).reshape(4, 3) / 7


def test_constant_takes_an_array() -> None:
    assert np.array_equal(draw(Constant(MATRIX), (4, 3), np.float32), MATRIX)
    assert np.array_equal(draw(Constant(MATRIX.tolist()), (4, 3)), MATRIX)
    assert draw(Constant(MATRIX), (4, 3)).dtype == np.float64
    # As in Keras: repeated along axes that it has not, or of length 1. Else Keras has an error of TensorFlow's.
    assert np.array_equal(draw(Constant(MATRIX[0]), (4, 3)), np.tile(MATRIX[0], (4, 1)))
    assert np.array_equal(draw(Constant(MATRIX[:1]), (4, 3)), np.tile(MATRIX[0], (4, 1)))
    for wrong in (MATRIX[:2], MATRIX.T, MATRIX[None]):
        with pytest.raises(ValueError, match=r"which does not fit shape \(4, 3\)"):
            draw(Constant(wrong), (4, 3))


def test_constant_keeps_a_copy_and_gives_copies() -> None:
    mine = MATRIX.copy()
    constant = Constant(mine)
    mine[:] = 0
    drawn = draw(constant, (4, 3), np.float32)
    drawn[:] = 0
    assert np.array_equal(draw(constant, (4, 3), np.float32), MATRIX)


def test_constants_are_equal_where_their_values_are() -> None:
    assert Constant(MATRIX) == Constant(MATRIX.copy()) and hash(Constant(MATRIX)) == hash(Constant(MATRIX.copy()))
    assert Constant(MATRIX) != Constant(-MATRIX) and Constant(MATRIX) != Constant(MATRIX[:2])
    assert Constant(1.0) == Constant(1) and Constant(1.0) != Constant(2.0) and Constant(1.0) != RandomNormal(1.0)
    assert Constant(np.float32(2)).value == 2.0 and type(Constant(np.float32(2)).value) is float


def test_the_description_of_an_array_is_short_and_remembers_it() -> None:
    config = Constant(MATRIX).get_config()
    assert config == {"name": "constant", "value": {"shape": [4, 3]}}
    assert len(json.dumps(config)) < 60
    assert initializers.get(copy.deepcopy(config)) == Constant(MATRIX)
    # Out of a file the array is not to be had: its values are the model's parameters.
    from_file = initializers.get(json.loads(json.dumps(config)))
    with pytest.raises(ValueError, match=r"of shape \(4, 3\), is not in the model file"):
        draw(from_file, (4, 3))
    assert from_file.get_config() == config
    with initializers.values_follow():
        assert draw(from_file, (4, 3)).shape == (4, 3)
    with pytest.raises(ValueError, match="is not in the model file"):
        draw(from_file, (4, 3))
