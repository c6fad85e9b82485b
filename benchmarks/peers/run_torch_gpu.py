"""PyTorch on CUDA, timed: the worker that benchmarks/gpu asks. See ../gpu/plan.py for the questions.

    python -m benchmarks.peers.run_torch_gpu --device cpu      runs the same code where there is no GPU: to try it

Layers are cuDNN's: float32 without and with TF32, float16, each on padded sequences, and packed sequences in float32,
which is what a mask costs there. Steps are whole ones, with fused Adam and the data on the device: eager in those
three, compiled, and captured into one CUDA graph. Loops are LSTMs over time steps with autograd.
"""

import argparse
import gc
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks.gpu.plan import Case, D, Model, batches, reviews, steps
from benchmarks.gpu.timing import Clock, HostClock, device_time, passes, per_step, rounded
from benchmarks.gpu.workers import serve
from benchmarks.machine import facts
from benchmarks.peers.run_torch import BETA_2, EPSILON
from benchmarks.peers.torch_training import Training
from benchmarks.runner import CHECKED_STEPS
from benchmarks.workloads import TRAIN_REVIEWS

CELLS = {"simple_rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
NEED_CUDA = ("TF32", "float16", "graph")


class TorchClock:
    def synchronize(self) -> None:
        torch.cuda.synchronize()

    def device(self, function: Callable[[], Any], calls: int, head_start: float) -> float | None:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda._sleep(int(2e6 * head_start))  # a nanosecond has two cycles at most
        start.record()
        for _ in range(calls):
            function()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / calls


class Answers:
    """A method for each question."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.clock: Clock = HostClock() if device == "cpu" else TorchClock()
        torch.backends.cudnn.benchmark = True

    def __call__(self, question: dict[str, Any]) -> Any:
        sizes = {key: value for key, value in question.items() if key not in ("who", "what", "variant")}
        variant = question.get("variant", "float32")
        if variant in NEED_CUDA and self.device.type == "cpu":
            return {"skipped": "needs CUDA"}
        torch.manual_seed(0)
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = variant == "TF32"
        return getattr(self, question["what"])(variant, **sizes)

    def machine(self, variant: str) -> dict[str, Any]:
        return {
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "python": facts()["python"],
        }

    def layer(self, variant: str, **sizes: Any) -> dict[str, Any]:
        dtype = torch.float16 if variant == "float16" else torch.float32
        return passes(*layer(Case(**sizes), dtype, variant == "packed", self.device), self.clock)

    def loop(self, variant: str, **sizes: Any) -> dict[str, Any]:
        return passes(*loop(Case(**sizes), variant, self.device), self.clock)

    def losses(self, variant: str, **sizes: Any) -> list[float]:
        model = Model(**sizes)
        theirs = Training(model, "packed" if model.masked else "float32", self.device, dropout=False)
        data = theirs.to_device(*batches(model, CHECKED_STEPS + 1))
        found = []
        for n, rows in enumerate(torch.arange(len(data.y)).split(model.B), start=1):
            # Keras adds epsilon outside of the bias correction of v. In training this is irrelevant, but a comparison
            # of losses would show it.
            theirs.optimizer.param_groups[0]["eps"] = EPSILON / math.sqrt(1 - BETA_2**n)
            found.append(theirs.step(*data.batch(rows, rows.to(self.device))).item())
        return found

    def step(self, variant: str, **sizes: Any) -> dict[str, Any]:
        model = Model(**sizes)
        theirs = Training(model, variant, self.device)
        data = theirs.to_device(*batches(model, steps(model)))
        wall = per_step(lambda epochs: [theirs.epoch(data) for _ in range(epochs)], steps(model))
        rows = torch.arange(model.B)
        batch = data.batch(rows, rows.to(self.device))
        return {"wall": wall, "device": device_time(lambda: theirs.step(*batch), self.clock, wall)}

    def epochs(self, variant: str, name: str, epochs: int) -> dict[str, Any]:
        """Of a published model on the reviews. Its accuracy is not compared: it depends on the initial weights."""
        model = Model(name)
        workload = model.workload()
        x, y, found = reviews(workload.vocabulary, workload.length)
        theirs = Training(model, variant, self.device)
        lengths = np.full(TRAIN_REVIEWS, model.T)
        data = theirs.to_device(x[0][:TRAIN_REVIEWS], y[0][:TRAIN_REVIEWS].astype(np.float32), lengths)
        seconds = []
        for _ in range(epochs):
            started = time.perf_counter()
            theirs.epoch(data)
            seconds.append(time.perf_counter() - started)
        return {
            "epoch": rounded(statistics.median(seconds[1:])),
            "first_epoch": rounded(seconds[0]),
            "data": found,
        }


def layer(
    case: Case, dtype: torch.dtype, packed: bool, device: torch.device
) -> tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any]]:
    B, T, H = case.B, case.T, case.H
    module = CELLS[case.cell](D, H, batch_first=True, device=device, dtype=dtype)
    x = torch.randn(B, T, D, device=device, dtype=dtype, requires_grad=True)
    dy = torch.randn(1, B, H, device=device, dtype=dtype)
    lengths = torch.randint(1, T + 1, (B,)) if case.masked else torch.full((B,), T)

    def last_state() -> torch.Tensor:
        given = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False) if packed else x
        state = module(given)[1]
        return state[0] if isinstance(state, tuple) else state

    return _both_ways(last_state, [x, *module.parameters()], dy)


def loop(
    case: Case, variant: str, device: torch.device
) -> tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any]]:
    B, T, H = case.B, case.T, case.H
    cell = nn.LSTMCell(D, H, device=device)
    x = torch.randn(T, B, D, device=device, requires_grad=True)
    dy = torch.randn(B, H, device=device)

    def of_cells() -> torch.Tensor:
        h = c = torch.zeros(B, H, device=device)
        for x_t in x.unbind():
            h, c = cell(x_t, (h, c))
        return h

    def written_out() -> torch.Tensor:
        h = c = torch.zeros(B, H, device=device)
        for x_t in x.unbind():
            a = x_t @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh
            i, f, g, o = a.chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return h

    return _both_ways(of_cells if variant == "LSTMCell" else written_out, [x, *cell.parameters()], dy)


def _both_ways(
    forward: Callable[[], torch.Tensor], inputs: list[torch.Tensor], dy: torch.Tensor
) -> tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any]]:
    def without_cache() -> None:
        with torch.no_grad():
            forward()

    return without_cache, forward, lambda: torch.autograd.grad(forward(), inputs, dy)


def tidy() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    serve(Answers(parser.parse_args().device), tidy)


if __name__ == "__main__":
    main()
