"""Mistakes planted into the reference and the cpu kernels alike: nothing but numbers from outside can notice them.

Each link of our own chain compares one of the two with the other, or gradients with differences over a few steps.
"""

import os
import subprocess
import sys

import pytest

from tests.house import ROOT
from tests.parity import test_long_sequences as long
from tests.parity.long_cases import LONG, LongCase
from tests.parity.recording import Results, recorded
from tests.parity.test_layers import run_ours
from tests.parity.test_long_sequences import assert_is_keras
from tests.planting import plant

CARRIED = "d = choose(mask[t], through, d)"
SWAP = "        dh, dh_before, flat_dh, flat_dh_before = dh_before, dh, flat_dh_before, flat_dh\n"
# Of each backend a text of the walk back, and what replaces it.
FAULTS = {
    "the gradient is cut at multiples of 64 steps": {
        "reference": (CARRIED, f"{CARRIED} if t % 64 else zeros"),
        "cpu": (SWAP, f"        if t % 64 == 0:\n            dh_before[:], dc_before[:] = 0, 0\n{SWAP}"),
    },
    "only c's gradient is cut": {
        "reference": (CARRIED, f"{CARRIED}; d = d if t % 64 else (d[0], *zeros[1:])"),
        "cpu": (SWAP, f"        if t % 64 == 0:\n            dc_before[:] = 0\n{SWAP}"),
    },
    "the gradient is cut 128 steps before the end": {
        "reference": (CARRIED, f"{CARRIED} if t != len(x) - 128 else zeros"),
        "cpu": (SWAP, f"        if t == T - 128:\n            dh_before[:], dc_before[:] = 0, 0\n{SWAP}"),
    },
}
NAMES = ["LSTM, 200 steps", "LSTM, 200 steps, sequences, masked", "Bidirectional LSTM, 200 steps"]


def plant_in(backend: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = {"reference": "scratchnn_kernels.reference.recurrence", "cpu": "scratchnn_kernels.cpu.lstm"}[backend]
    plant(module, *FAULTS[fault][backend], monkeypatch)


def is_noticed(name: str, backend: str) -> bool:
    case = LONG[name]
    return differ(case, run_ours(case, backend), recorded("long", name, case))


def differ(case: LongCase, results: Results, expected: Results) -> bool:
    try:
        assert_is_keras(case, results, expected)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_reference_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_in("reference", fault, monkeypatch)
    assert [is_noticed(name, "reference") for name in NAMES] == [True] * len(NAMES)


def test_a_cut_beyond_what_is_recorded_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = f"{CARRIED} if t % 256 or t == 0 else zeros"
    plant("scratchnn_kernels.reference.recurrence", CARRIED, cut, monkeypatch)
    assert not is_noticed("LSTM, 200 steps", "reference")
    with pytest.raises(AssertionError):
        long.test_300_steps_are_three_times_100("LSTM", "reference")


PROGRAM = """
from tests.parity import test_planted_bugs as here
here.notice_each()
"""


def test_a_fault_in_the_reference_and_the_cpu_kernels_alike_is_noticed() -> None:
    """In a process of its own, where Numba leaves the kernels as Python."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def notice_each() -> None:
    """Plant each fault in both. The two agree with each other as before: it is Keras' numbers that notice."""
    for name in NAMES:
        assert not is_noticed(name, "cpu")
    for fault in FAULTS:
        with pytest.MonkeyPatch.context() as monkeypatch:
            for backend in ("reference", "cpu"):
                plant_in(backend, fault, monkeypatch)
            for name in NAMES:
                case = LONG[name]
                assert is_noticed(name, "cpu") and is_noticed(name, "reference"), (fault, name)
                assert not differ(case, run_ours(case, "cpu"), case.kept(run_ours(case, "reference"))), (fault, name)
