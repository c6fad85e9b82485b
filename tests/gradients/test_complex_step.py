"""The complex step: where it is taken, where kinks are noticed, and what it finds that differences cannot."""

from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.contract import Array

from scratchnn.activations import ACTIVATIONS
from scratchnn.gradients import check
from scratchnn.gradients.complex_step import STEP, Branching, NotSmooth, Traced
from scratchnn.gradients.errors import CENTRAL, COMPLEX, ArrayError
from scratchnn.layers import Activation, Dense, Layer

pytestmark = pytest.mark.usefixtures("complex_numbers_are_taken")

X = np.random.default_rng(0).normal(size=(3, 4))
KINKED = ("relu", "leaky_relu", "hard_sigmoid", "selu")


def traced(kind: type[Traced] = Traced) -> Any:
    return (X + 1j * STEP).view(kind)


@pytest.mark.parametrize(
    "branch",
    [
        lambda z: np.maximum(z, 0),
        lambda z: z.max(axis=1),
        lambda z: np.where(z > 0, z, 0),
        lambda z: np.clip(z, 0, 1),
        lambda z: z.clip(0, 1),
        lambda z: np.abs(z),
        lambda z: np.stack([np.split(z @ z.T, 3)[0] ** 2, z[:1, :3]]) > 1,
        lambda z: np.concatenate([np.where(np.ones((3, 4), bool), z, 0), z]) > 1,
    ],
)
def test_a_branch_on_a_number_is_noticed(branch: Any) -> None:
    with pytest.raises(NotSmooth):
        branch(traced())


def test_a_look_at_the_real_part_is_no_branch_and_arrays_stay_traced() -> None:
    z = traced()
    same = z
    z += 1
    assert z is same and type(np.exp(z) * 2) is Traced
    assert (np.asarray(z.real) >= 0).shape == (3, 4)
    assert z.real.max() == X.max() + 1


def test_a_branch_is_allowed_where_kinks_are() -> None:
    y = np.maximum(traced(Branching), 0)
    assert np.array_equal(np.imag(y) / STEP, (X > 0).astype(float))
    with pytest.raises(NotSmooth):
        np.abs(traced(Branching))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_smooth_activations_take_complex_numbers(name: str) -> None:
    activation, a = ACTIVATIONS[name], 3 * X
    if name in KINKED:
        with pytest.raises(NotSmooth):
            activation.forward((a + 0j).view(Traced))
        return
    dy = np.random.default_rng(1).normal(size=a.shape)
    for index in np.ndindex(a.shape):
        z = a + 0j
        z[index] += 1j * STEP
        y: Any = np.asarray(activation.forward(z.view(Traced)))
        assert np.allclose(y.real, activation.forward(a), rtol=1e-14, atol=1e-15)
        expected = activation.backward(dy, activation.forward(a))[index]
        assert (dy * y.imag).sum() / STEP == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_numbers_keep_their_bits(dtype: Any) -> None:
    a = np.concatenate([[0.0, -0.0, np.inf, -np.inf, 1e-40, -88.8, 88.8], 20 * X.ravel()]).astype(dtype)
    e = np.exp(-np.abs(a))
    before = {
        "sigmoid": np.where(a >= 0, 1, e) / (1 + e),
        "softplus": np.maximum(a, 0) + np.log1p(e),
        "elu": np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
    }
    for name, y in before.items():
        assert ACTIVATIONS[name].forward(a).tobytes() == y.tobytes(), name


class OffByABillionth(Dense):
    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        dx, grads = super().backward(dy, cache)
        return dx, grads | {"W": grads["W"] * (1 + 1e-9)}


def methods(errors: list[ArrayError]) -> set[str]:
    return {error.method.name for error in errors}


def test_what_differences_cannot_see_is_off() -> None:
    errors = check(OffByABillionth(2, "tanh"), X)
    assert methods(errors) == {COMPLEX.name}
    assert [error.name for error in errors if not error.ok] == ["W"]
    assert all(error.ok for error in check(Dense(2, "tanh"), X))
    assert all(error.ok for error in check(OffByABillionth(2, "relu"), X))  # within what central differences reach


class OwnLayer(Layer):
    """y = f(x), number by number, with its derivative."""

    def __init__(self, f: Any, derivative: Any) -> None:
        super().__init__()
        self.f, self.derivative = f, derivative

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Array, **options: Any) -> tuple[Array, Any]:
        return self.f(self.as_input(x)), x

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return dy * self.derivative(cache), {}


def test_a_layer_of_your_own_that_loses_the_imaginary_part_is_measured_by_differences() -> None:
    for f, derivative in (
        (lambda x: np.real(x) ** 2, lambda x: 2 * x),
        (lambda x: x.astype(np.float64) ** 2, lambda x: 2 * x),
        (lambda x: np.array([[float(v) for v in row] for row in x]) * 3, lambda x: 3 + 0 * x),
    ):
        errors = check(OwnLayer(f, derivative), X)
        assert methods(errors) == {CENTRAL.name}
        assert all(error.ok for error in errors)
    assert methods(check(OwnLayer(lambda x: x**3, lambda x: 3 * x**2), X)) == {COMPLEX.name}


def test_kinks_are_still_counted() -> None:
    (error,) = check(Activation("relu"), np.array([[0.0, 1e-5, 0.3, -0.3]]))
    assert (error.ok, error.kinks, error.method) == (True, 2, CENTRAL)
