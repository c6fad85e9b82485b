"""benchmarks/gpu as far as it goes without a device: what it would time runs on the emulated one."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.contract import Recurrence
from scratchnn_kernels.gpu import availability, device
from scratchnn_kernels.reference import lstm

from benchmarks.gpu import __main__ as benchmark
from benchmarks.gpu import cupy_loop, plan, timing
from benchmarks.gpu import run_scratchnn as ours
from benchmarks.gpu.plan import OURS, TORCH, Case, D, Model
from benchmarks.gpu.workers import Worker
from benchmarks.workloads import GATES, WORKLOADS
from scratchnn import activations
from scratchnn.report.kernels import rules_text
from tests.gpu import nvrtc
from tests.gpu.device_arrays import counts
from tests.gpu.emulator import Emulator

CELLS = ("simple_rnn", "lstm", "gru")


# ---- what is timed


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_layers_run(cell: str, masked: bool, emulator: Emulator) -> None:
    forward, forward_cached, both = ours.layer(Case(cell, 2, 3, 4, masked))
    y, _, cache = forward()
    assert y.shape == (2, 3) and cache is None
    assert forward_cached()[-1] is not None
    assert emulator.launched == [f"{cell}_forward"] * 2
    dx, grads, _ = both()
    assert dx.shape == (2, 4, D)
    assert all(np.isfinite(gradient).all() for gradient in grads.values())
    assert emulator.launched[2:] == [f"{cell}_forward", f"{cell}_backward"]


def test_the_loop_of_calls_is_the_lstm() -> None:
    rng, (T, B, H) = np.random.default_rng(0), (5, 3, 4)
    x, dy, *arrays = (
        rng.normal(size=shape).astype(np.float32) for shape in [(T, B, D), (B, H), (D, 4 * H), (H, 4 * H), (4 * H,)]
    )
    weights = cupy_loop.Weights(*arrays)
    y, kept = cupy_loop.forward(np, x, weights)
    dx, grads = cupy_loop.backward(np, dy, x, weights, kept)
    start = np.zeros((B, H), np.float32)
    how = activations.get("tanh"), activations.get("sigmoid")
    y_, _, cache = lstm.forward(Recurrence(x.swapaxes(0, 1), (start, start)), *arrays, *how)
    dx_, grads_, _ = lstm.backward(dy, (None, None), cache)
    np.testing.assert_allclose(y, y_, atol=1e-6)
    np.testing.assert_allclose(np.stack(dx, axis=1), dx_, rtol=1e-4, atol=1e-5)
    for name, gradient in grads_.items():
        np.testing.assert_allclose(getattr(grads, name), gradient, rtol=1e-4, atol=1e-5)


def test_the_loop_runs_on_the_device(emulator: Emulator) -> None:
    forward, forward_cached, both = ours.loop(Case("lstm", 2, 3, 4, False))
    assert forward().shape == (2, 3) and len(forward_cached()[1]) == 3
    dx, grads = both()
    assert len(dx) == 4 and all(np.isfinite(gradient).all() for gradient in grads)


@pytest.mark.parametrize("masked", [False, True])
def test_steps_and_losses(masked: bool, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "steps", lambda model: 2)
    answer = ours.Answers(timing.HostClock())
    sizes = asdict(Model("lstm", H=4, B=3, T=7, masked=masked))
    losses = answer({"who": OURS, "what": "losses", **sizes})
    assert len(losses) == 4 and len(set(losses)) == 4 and np.isfinite(losses).all()
    assert losses == answer({"who": OURS, "what": "losses", **sizes})
    step = answer({"who": OURS, "what": "step", **sizes})
    assert step["wall"] > 0 and step["device"] is None
    expected = ours.Answers(timing.HostClock(), backend="reference").losses(**sizes)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_one_step_waits_for_nothing(emulator: Emulator) -> None:
    sizes = Model("lstm", H=4, B=3, T=7)
    model = ours.build(sizes, "gpu")
    before = model.get_weights()
    x, y, _ = plan.batches(sizes, 1)
    step = ours.one_step(model, x, y)
    counts.clear()
    step()
    assert counts["read"] == counts["sent"] == 0
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_a_published_model_is_trained_and_tested(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    def few(vocabulary: int, length: int) -> Any:
        rng = np.random.default_rng(0)
        x, y = rng.integers(1, vocabulary, (2, 40, length), dtype=np.int32), rng.integers(0, 2, (2, 40), dtype=np.uint8)
        return (x[0], x[1]), (y[0], y[1]), "random reviews"

    monkeypatch.setattr(ours, "reviews", few)
    found = [
        ours.Answers(timing.HostClock()).epochs(name="ff", epochs=3, backend=backend)
        for backend in ("gpu", "reference")
    ]
    for each in found:
        assert each["epoch"] > 0 and each["first_epoch"] > 0 and each["data"] == "random reviews"
    assert found[0]["accuracy"] == found[1]["accuracy"]
    assert found[0]["loss"] == pytest.approx(found[1]["loss"], rel=1e-3)


def test_models_are_those_of_the_other_benchmarks() -> None:
    for name in ("lstm", "rnn", "cnn", "ff"):
        assert Model(name).workload().layers == WORKLOADS[name].layers
        assert Model(name).workload(dropout=False).layers == WORKLOADS[name].without_dropout().layers
    kinds = dict(Model("lstm", H=128, masked=True).workload().layers)
    assert kinds["LSTM"]["units"] == 128 and kinds["Embedding"]["mask_zero"]


def test_batches_are_padded_in_front() -> None:
    x, y, lengths = plan.batches(Model("lstm", B=4, T=9, masked=True), 5)
    assert x.shape == (20, 9) and y.shape == (20,) and set(y) == {0, 1}
    assert ((x != 0) == (np.arange(9) >= 9 - lengths[:, None])).all() and len(set(lengths)) > 1
    assert (plan.batches(Model("lstm", B=4, T=9), 5)[0] != 0).all()


# ---- how it is timed


class CountingClock:
    """Two milliseconds a call."""

    def __init__(self) -> None:
        self.head_starts: list[float] = []

    def synchronize(self) -> None:
        pass

    def device(self, function: Any, calls: int, head_start: float) -> float:
        assert 1 <= calls <= timing.DEVICE_CALLS
        self.head_starts.append(head_start)
        return 2.0


def test_a_call_is_measured_on_the_device_and_on_the_wall() -> None:
    clock, calls = CountingClock(), []
    found = timing.passes(lambda: None, lambda: calls.append(1), lambda: None, clock)
    assert found["total"]["device"] == 2.0 and found["backward"]["device"] == 0.0
    assert 0 < found["forward_cached"]["wall"] < 1
    assert len(calls) > timing.GROUPS
    assert all(0 <= each <= timing.HEAD_START_MS for each in clock.head_starts)


def test_what_an_epoch_does_once_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def train(epochs: int) -> None:
        now[0] += 3.0 + 0.2 * epochs

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    assert timing.per_step(train, steps=100) == pytest.approx(2.0)


def test_the_waiting_kernel_compiles() -> None:
    library = nvrtc.library_path()
    if library is None:
        pytest.skip("needs the compiler's library: pip install nvidia-cuda-nvrtc")
    cubin, used = nvrtc.compile_to_cubin(library, ours.WAIT, "wait.cu", ["--gpu-architecture=sm_90"])
    assert cubin.startswith(nvrtc.ELF) and list(used) == ["wait"]


def test_the_clock_of_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device waits first, then the calls lie between the two events, and the last one is waited for."""
    seen: list[Any] = []

    class Event:
        def record(self) -> None:
            seen.append("record")

        def synchronize(self) -> None:
            seen.append("synchronize")

    cuda = SimpleNamespace(Event=Event, get_elapsed_time=lambda start, end: 6.0)
    cupy = SimpleNamespace(cuda=cuda, RawKernel=lambda text, name: lambda *launch: seen.append(launch))
    monkeypatch.setattr(device, "xp", lambda: cupy)
    assert ours.CuPyClock().device(lambda: seen.append("call"), 3, 0.5) == 2.0
    assert seen == [((1,), (1,), (1_000_000,)), "record", "call", "call", "call", "record", "synchronize"]


def test_a_program_that_is_missing_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert ours.nvidia_smi("driver_version") is None


# ---- what is asked


def test_the_plan() -> None:
    assert len(plan.cases("full")) == 3 * 4 * 4 * 2 * 2
    assert len(plan.cases("default")) == (4 + 2 + 2) * 4 * 2 * 2
    assert plan.cases("default")[0] == Case("lstm", 32, 32, 500, False)
    assert len(plan.cases("quick")) == 3 * 2
    for size in ("quick", "default", "full"):
        parts = plan.parts(size, with_cpu=True)
        assert list(parts) == list(benchmark.ENDS)
        questions = [json.dumps(each, sort_keys=True) for part in parts.values() for each in part]
        assert len(set(questions)) == len(questions)
        assert all(part[0]["who"] == OURS for part in parts.values())
        assert not plan.parts(size, with_cpu=False)["cpu"]
    masked = [each for each in plan.parts("full", False)["layers"] if each["masked"] and each["who"] == TORCH]
    assert {each["variant"] for each in masked} == {"packed"}


@pytest.fixture
def worker(library_folder: Path) -> Any:
    worker = Worker([sys.executable, "-m", "tests.gpu.emulated_worker", str(library_folder)])
    yield worker
    worker.close()


def test_a_worker_that_fails_is_replaced(worker: Worker) -> None:
    first = worker.ask({"what": "process"}, 60)["result"]
    assert worker.ask({"what": "too_little_memory"}, 60) == {"error": "MemoryError: as asked"}
    assert worker.ask({"what": "process"}, 60)["result"] == first
    assert worker.ask({"what": "fail"}, 60) == {"error": "RuntimeError: as asked"}
    second = worker.ask({"what": "process"}, 60)["result"]
    assert second != first
    assert worker.ask({"what": "die"}, 60) == {"error": "the process ended with status 7"}
    third = worker.ask({"what": "process"}, 60)["result"]
    assert third not in (first, second)
    assert worker.ask({"what": "hang"}, 0.5) == {"error": "no answer within 0 s"}
    assert worker.ask({"what": "process"}, 60)["result"] != third


def _options(**changes: Any) -> argparse.Namespace:
    return argparse.Namespace(**{**vars(benchmark._parser().parse_args([])), **changes})


def questions(results: dict[str, Any]) -> list[str]:
    return sorted(json.dumps(row["question"]) for row in results["rows"])


def _small_plan(size: str, with_cpu: bool) -> dict[str, list[plan.Question]]:
    model, case = asdict(Model("lstm", H=4, B=3, T=7)), asdict(Case("lstm", 2, 3, 4, False))
    parts: dict[str, list[plan.Question]] = {name: [] for name in benchmark.ENDS}
    for who, extra in ((OURS, {}), (TORCH, {"variant": "float32"})):
        parts["checks"].append({"who": who, "what": "losses", **model} | ({"variant": ""} if extra else {}))
        parts["steps"].append({"who": who, "what": "step", **model, **extra})
        parts["loops"].append({"who": who, "what": "loop", **case} | ({"variant": "LSTMCell"} if extra else {}))
        parts["layers"].append({"who": who, "what": "layer", **case, **extra})
    parts["layers"].append({"who": OURS, "what": "fail"})
    return parts


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "parts", _small_plan)
    monkeypatch.setenv("PYTHONPATH", "")  # is set anew, and then as it was


def test_all_of_it(small: None, library_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both workers are processes of ours here, in the place of PyTorch too; it knows no variants, and fails."""
    out = tmp_path / "results" / "gpu.json"
    emulated = [sys.executable, "-m", "tests.gpu.emulated_worker", str(library_folder)]
    commands = {OURS: emulated, TORCH: emulated}
    assert benchmark.measure(_options(out=out), commands, "the command") == 0
    results = json.loads(out.read_text())
    assert results["finished"] and results["command"] == "the command"
    rows = {(row["part"], row["question"]["who"]): row for row in results["rows"]}
    assert len(results["rows"]) == 9 and set(results) >= {"machine", "date", "minutes"}
    assert rows["steps", OURS]["result"]["wall"] > 0
    assert "TypeError" in rows["steps", TORCH]["error"]
    assert rows["layers", OURS]["error"] == "RuntimeError: as asked"
    printed = capsys.readouterr().out
    assert "emulated" in printed and "not measured" in printed and f"written to {out}" in printed

    only = _options(out=out, parts=["steps"])
    assert benchmark.measure(only, commands, "again") == 0
    again = json.loads(out.read_text())
    assert questions(again) == questions(results)
    assert [row for row in again["rows"] if row["part"] == "loops"] == [
        row for row in results["rows"] if row["part"] == "loops"
    ]


def test_time_that_is_up_and_a_peer_that_is_missing(small: None, library_folder: Path, tmp_path: Path) -> None:
    commands = {
        OURS: [sys.executable, "-m", "tests.gpu.emulated_worker", str(library_folder)],
        TORCH: [sys.executable, "-c", "import sys; sys.exit(3)"],
    }
    assert benchmark.measure(_options(out=tmp_path / "gpu.json", minutes=1e-9), commands, "") == 0
    results = json.loads((tmp_path / "gpu.json").read_text())
    assert results["machine"][TORCH] == {"error": "the process ended with status 3"}
    assert {row["error"] for row in results["rows"]} == {"left out: the time was up"}
    assert {row["question"]["who"] for row in results["rows"]} == {OURS}


def test_a_worker_that_only_fails_is_left_in_peace(tmp_path: Path) -> None:
    class Failing(Worker):
        asked = 0

        def ask(self, question: Any, patience: float) -> Any:
            self.asked += 1
            return {"error": "no"}

    worker = Failing([])
    run = benchmark.Run({"machine": {}, "rows": []}, tmp_path / "gpu.json", {OURS: worker})
    run.part("steps", [{"who": OURS, "what": "step", "n": n} for n in range(9)], float("inf"))
    assert worker.asked == benchmark.GIVES_UP and len(run.results["rows"]) == 9


# ---- the command


def test_it_explains_the_kernels(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--explain-kernels"]) == 0
    assert capsys.readouterr().out.strip() == rules_text()


def test_without_a_device_it_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(availability, "problem", lambda: "needs an NVIDIA device")
    assert benchmark.main([]) == 1
    assert capsys.readouterr().err == "benchmarks.gpu needs an NVIDIA device\n"


def test_cells_are_known() -> None:
    assert {ours.CELLS[cell] for cell in CELLS} == set(GATES)
