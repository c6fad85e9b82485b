"""benchmarks/gpu.py as far as it goes without a device: what it would time, and what it prints."""

import numpy as np
import pytest
from scratchnn_kernels.gpu import availability, dispatch

from benchmarks import gpu as benchmark
from tests.gpu.emulator import Emulator


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cell", benchmark.GATES)
def test_what_is_timed_runs(cell: str, masked: bool, emulator: Emulator) -> None:
    forward, both = benchmark.layer(benchmark.Case(cell, 2, 3, 4, masked))
    y, _, cache = forward()
    assert y.shape == (2, 3) and cache is None
    assert emulator.launched == [f"{cell}_forward"]
    dx, grads, _ = both()
    assert dx.shape == (2, 4, benchmark.D)
    assert all(np.isfinite(gradient).all() for gradient in grads.values())
    assert emulator.launched == [f"{cell}_forward", f"{cell}_forward", f"{cell}_backward"]


def test_all_sizes_are_tried_with_and_without_a_mask() -> None:
    assert len(benchmark.cases(quick=False)) == 3 * 4 * 4 * 2 * 2
    assert len(benchmark.cases(quick=True)) == 3 * 2


def test_the_table_shows_times_and_ratios() -> None:
    row = {"cell": "lstm", "B": 32, "H": 32, "T": 100, "masked": False, "forward": 0.5, "total": 2.0}
    torch = {"rows": [{"total": {"float32": 3.0, "packed": None}}]}
    header, line = benchmark.table([row], torch).splitlines()
    assert header.split()[-2:] == ["float32", "packed"]
    assert line.split() == ["lstm", "32", "32", "100", "no", "0.500", "2.000", "1.5x", "-"]
    assert benchmark.table([row], {"error": "no PyTorch"}).splitlines()[1].split()[-1] == "2.000"


def test_it_explains_the_kernels(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--explain-kernels"]) == 0
    assert capsys.readouterr().out.strip() == dispatch.explain()


def test_without_a_device_it_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(availability, "problem", lambda: "needs an NVIDIA device")
    assert benchmark.main([]) == 1
    assert capsys.readouterr().err == "benchmarks.gpu needs an NVIDIA device\n"
