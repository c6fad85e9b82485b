"""Every activation over the whole range of float32, on every backend: how many units in the last place it is off.

On a device numbers below 2^-126 are 0, and the emulated device is worse than a real one: see cuda_on_cpu.h.
"""

import numpy as np
import pytest
from scratchnn_kernels import gpu
from scratchnn_kernels.cpu.activations import NUMBERS, activate

from scratchnn import activations
from tests.gpu.emulator import Emulator
from tests.gpu.on_device import to_device, to_host

SMALLEST = 2.0**-126  # of normal numbers: below it, an error may be as large as the number
# At most so many units, for reference, cpu and gpu.
LIMITS = {
    "linear": (0, 0, 0),
    "relu": (0, 0, 0),
    "tanh": (3, 5, 5),
    "sigmoid": (4, 5, 64),  # the device's power of two is of a rounded number: the larger that is, the less exact
    "hard_sigmoid": (6, 160, 6),  # near its corner at -3, where digits cancel
    "softsign": (2, 2, 2),
    "softplus": (4, 2, 2),
    "elu": (3, 2, 2),
    "selu": (4, 3, 3),
    "leaky_relu": (1, 1, 1),
    "exponential": (4, 1, 1),
}
# Where a number is smaller than this, a unit is that of this number. The cpu's sigmoid is half of 1 + tanh(a / 2).
FLOORS = {("sigmoid", "cpu"): 0.5}


@pytest.fixture(scope="module")
def numbers() -> np.ndarray:
    """Of both signs, of every exponent; and many where the functions bend."""
    mantissas = np.random.default_rng(0).integers(0, 2**23, 24, dtype=np.uint32)
    bits = (np.arange(1, 255, dtype=np.uint32)[:, None] << 23) | mantissas
    positive = np.concatenate([[0], bits.ravel().view(np.float32), np.linspace(0, 90, 9001, dtype=np.float32)])
    return np.concatenate([-positive, positive]).astype(np.float32)


def units_off(got: np.ndarray, exact: np.ndarray, floor: float) -> float:
    with np.errstate(over="ignore"):
        near = exact.astype(np.float32)
    finite = np.isfinite(near)
    assert np.array_equal(got[~finite], near[~finite])
    error, size = np.abs(got[finite].astype(np.float64) - exact[finite]), np.abs(exact[finite])
    assert (error[size < SMALLEST] <= SMALLEST).all()
    unit = np.spacing(np.maximum(size, floor).astype(np.float32))
    return float((error / unit)[size >= SMALLEST].max())


def of_backend(backend: str, name: str, v: np.ndarray) -> np.ndarray:
    if backend == "reference":
        return activations.get(name)(v)
    if backend == "cpu":
        y = v.copy()
        activate(NUMBERS[name], y)
        return y
    y = to_device(v.reshape(-1, 1))
    gpu.pointwise.activate(y, to_device(np.zeros(1, np.float32)), activations.get(name))
    return to_host(y).ravel()


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("backend", ["reference", "cpu", "gpu"])
@pytest.mark.parametrize("name", NUMBERS)
def test_an_activation_is_off_by_so_many_units(
    name: str, backend: str, numbers: np.ndarray, emulator: Emulator
) -> None:
    exact = activations.get(name)(numbers.astype(np.float64))
    most = LIMITS[name][("reference", "cpu", "gpu").index(backend)]
    assert units_off(of_backend(backend, name, numbers), exact, FLOORS.get((name, backend), SMALLEST)) <= most


def test_small_numbers_keep_their_digits(emulator: Emulator) -> None:
    """2 sigmoid(2a) - 1, which is tanh, is off by 14% where |a| is 1e-6."""
    a = np.geomspace(1e-30, 0.1, 1000, dtype=np.float32)
    relative = np.abs(of_backend("gpu", "tanh", a) / np.tanh(a.astype(np.float64)) - 1)
    assert relative.max() < 2e-7
