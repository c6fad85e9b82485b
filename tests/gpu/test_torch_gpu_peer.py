"""The worker that times PyTorch, on the CPU: its code runs, and it computes what ours does."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from benchmarks.gpu.plan import Case, Model
from benchmarks.gpu.run_scratchnn import Answers
from benchmarks.gpu.timing import HostClock
from benchmarks.gpu.workers import Worker
from benchmarks.harness import RTOL

# Another Python that has PyTorch may be named.
PYTHON = os.environ.get("SCRATCHNN_TORCH_PYTHON") or sys.executable


@pytest.fixture(scope="module")
def torch() -> Iterator[Worker]:
    if PYTHON == sys.executable and importlib.util.find_spec("torch") is None:
        pytest.skip("needs PyTorch (or SCRATCHNN_TORCH_PYTHON, a Python that has it)")
    worker = Worker([PYTHON, "-m", "benchmarks.peers.run_torch_gpu", "--device", "cpu"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # two threads wait for each other where other programs run
        yield worker
    worker.close()


def ask(worker: Worker, what: str, sizes: Any, variant: str = "float32") -> Any:
    answer = worker.ask({"what": what, **asdict(sizes), "variant": variant}, 120)
    assert "error" not in answer, answer
    return answer["result"]


@pytest.mark.parametrize(
    "model",
    [
        *(Model(name, B=4) for name in ("lstm", "rnn", "gru", "cnn", "ff")),
        Model("lstm", B=4, masked=True),
        Model("lstm", H=7, B=3, T=20),
    ],
    ids=lambda model: f"{model.name}-{model.H}-{model.masked}",
)
def test_the_same_losses(model: Model, torch: Worker) -> None:
    losses = ask(torch, "losses", model, "")
    ours = Answers(HostClock(), backend="reference").losses(**asdict(model))
    np.testing.assert_allclose(losses, ours, rtol=RTOL)


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
@pytest.mark.parametrize("variant", ["float32", "packed"])
def test_layers(cell: str, variant: str, torch: Worker) -> None:
    found = ask(torch, "layer", Case(cell, 2, 3, 4, masked=variant == "packed"), variant)
    assert set(found) == {"forward", "forward_cached", "backward", "total"}
    assert found["total"]["wall"] > 0 and found["total"]["device"] is None


@pytest.mark.parametrize("variant", ["written out", "LSTMCell"])
def test_loops(variant: str, torch: Worker) -> None:
    assert ask(torch, "loop", Case("lstm", 2, 3, 4, masked=False), variant)["total"]["wall"] > 0


@pytest.mark.parametrize("variant", ["float32", "packed"])
def test_steps(variant: str, torch: Worker) -> None:
    found = ask(torch, "step", Model("lstm", H=512, B=2, T=5, masked=variant == "packed"), variant)
    assert found["wall"] > 0 and found["device"] is None


@pytest.mark.parametrize("variant", ["TF32", "float16", "graph"])
def test_what_needs_cuda_is_skipped(variant: str, torch: Worker) -> None:
    assert ask(torch, "step", Model("lstm"), variant) == {"skipped": "needs CUDA"}
