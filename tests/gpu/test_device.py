"""Link 3 on a device, where there is one: pytest -m gpu."""

from typing import Any

import numpy as np
import pytest
from scratchnn_kernels import gpu, reference
from scratchnn_kernels.gpu import availability, device

from tests.gpu.cases import LARGE, OTHERS
from tests.gpu.on_device import OnDevice
from tests.gpu.training import DROPPED, SMALL, assert_ten_steps_agree
from tests.kernels.pairs import GATES, STATES, Case, Recurrent, name_of, variants
from tests.parity.training_cases import TrainingCase

PROBLEM = availability.problem()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(PROBLEM is not None, reason=f"{PROBLEM}")]

CASES: list[Case] = [
    *(case for kernel in STATES for case in variants(Recurrent(kernel, B=3, T=5, D=5, H=7))),
    *(Recurrent(kernel, B=33, T=100, D=16, H=H, mask="rows") for kernel in STATES for H in (32, 64, 128)),
    *(Recurrent(kernel, B=5, H=H, dropout_x=GATES[kernel], dropout_h=True) for kernel in STATES for H in (31, 65)),
    Recurrent("gru", B=33, T=100, D=16, H=32, mask="rows", reset_after=False),
    *LARGE,
    *OTHERS,
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_gpu_gives_what_the_reference_gives(case: Case, dtype: Any) -> None:
    expected_y, expected = case.run(getattr(reference, case.kernel))
    first, again = (case.run(OnDevice(getattr(gpu, case.kernel)), dtype) for _ in range(2))
    outputs, gradients = first
    pairs = [*zip(outputs, expected_y, strict=True), *((gradients[name], expected[name]) for name in expected)]
    for got, wanted in pairs:
        assert (got.shape, got.dtype) == (wanted.shape, dtype)
        rtol, margin = (1e-4, 1e-5) if dtype == np.float32 else (1e-9, 1e-10)
        np.testing.assert_allclose(got, wanted, rtol=rtol, atol=margin * max(1, np.abs(wanted).max(initial=0)))
    assert all(np.array_equal(a, b) for a, b in zip(outputs, again[0], strict=True))
    assert all(np.array_equal(gradients[name], again[1][name]) for name in gradients)


@pytest.mark.parametrize("case", [*SMALL, DROPPED], ids=lambda case: case.name)
def test_ten_steps(case: TrainingCase) -> None:
    assert_ten_steps_agree(case)


def test_masks_are_bit_equal() -> None:
    key = np.array([5, 6], np.uint64)
    for dtype in (np.float32, np.float64):
        got = device.xp().asnumpy(gpu.dropout.mask(key, 0.2, (40, 100, 64), dtype))
        assert np.array_equal(got, reference.dropout.mask(key, 0.2, (40, 100, 64), dtype))


def test_a_step_of_adam_and_the_norm() -> None:
    w, g, m, v = np.random.default_rng(0).normal(size=(4, 70_001)).astype(np.float32)
    v = np.abs(v)
    ours = [device.xp().asarray(each) for each in (w, g, m, v)]
    norm = float(gpu.optimizer.squared_norm(ours[1]))
    assert norm == pytest.approx(reference.optimizer.squared_norm(g), rel=1e-13)
    gpu.optimizer.adam(*ours, 0.01, 0.9, 0.999, 1e-7)
    reference.optimizer.adam(w, g, m, v, 0.01, 0.9, 0.999, 1e-7)
    for got, wanted in zip(ours, (w, g, m, v), strict=True):
        np.testing.assert_allclose(device.xp().asnumpy(got), wanted, rtol=1e-5, atol=1e-6)
