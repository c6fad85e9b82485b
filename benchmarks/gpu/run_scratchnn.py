"""scratchnn on the gpu, timed: the worker that benchmarks/gpu asks. See plan.py for the questions."""

import gc
import subprocess
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scratchnn_kernels import gpu
from scratchnn_kernels.contract import Recurrence
from scratchnn_kernels.gpu import device, dispatch

import scratchnn as nn
from benchmarks.gpu import cupy_loop
from benchmarks.gpu.plan import Case, D, Model, batches, reviews, steps
from benchmarks.gpu.timing import Clock, device_time, passes, per_step, rounded
from benchmarks.gpu.workers import serve
from benchmarks.machine import facts
from benchmarks.runner import CHECKED_STEPS
from benchmarks.workloads import GATES, TRAIN_REVIEWS, initial_weights
from scratchnn import activations
from scratchnn.training.ahead import outcome_of
from scratchnn.training.epoch import train_epoch

CELLS = {"simple_rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}
# Keeps the device busy while the host queues the calls to be timed. A nanosecond has two cycles at most.
WAIT = r"""
extern "C" __global__ void wait(long long cycles) {
    for (const long long start = clock64(); clock64() - start < cycles;) {}
}
"""


class CuPyClock:
    def __init__(self) -> None:
        self.cupy = device.xp()
        self.wait = self.cupy.RawKernel(WAIT, "wait")

    def synchronize(self) -> None:
        self.cupy.cuda.Device().synchronize()

    def device(self, function: Callable[[], Any], calls: int, head_start: float) -> float | None:
        start, end = self.cupy.cuda.Event(), self.cupy.cuda.Event()
        self.wait((1,), (1,), (np.int64(2e6 * head_start),))
        start.record()
        for _ in range(calls):
            function()
        end.record()
        end.synchronize()
        return self.cupy.cuda.get_elapsed_time(start, end) / calls


class Answers:
    """A method for each question. `backend` is the one that models run on; the tests have others."""

    def __init__(self, clock: Clock, backend: str = "gpu") -> None:
        self.clock, self.backend = clock, backend

    def __call__(self, question: dict[str, Any]) -> Any:
        sizes = {key: value for key, value in question.items() if key not in ("who", "what")}
        return getattr(self, question["what"])(**sizes)

    def machine(self) -> dict[str, Any]:
        cupy = device.xp()
        properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
        return {
            "device": properties["name"].decode(),
            "capability": cupy.cuda.Device().compute_capability,
            "memory_mb": properties["totalGlobalMem"] >> 20,
            "driver": nvidia_smi("driver_version") or f"for CUDA {cupy.cuda.runtime.driverGetVersion()}",
            "clocks": nvidia_smi("clocks.max.sm,clocks.sm,power.limit,temperature.gpu"),
            "cuda": cupy.cuda.runtime.runtimeGetVersion(),
            "cupy": cupy.__version__,
            **facts(),
        }

    def layer(self, **sizes: Any) -> dict[str, Any]:
        case = Case(**sizes)
        return {"kernel": kernel(case), **passes(*layer(case), self.clock)}

    def loop(self, **sizes: Any) -> dict[str, Any]:
        return passes(*loop(Case(**sizes)), self.clock)

    def losses(self, **sizes: Any) -> list[float]:
        """Of three steps from given weights and of the one after them, without dropout."""
        model = Model(**sizes)
        ours = build(model, self.backend, dropout=False)
        x, y, _ = batches(model, CHECKED_STEPS + 1)
        return [
            float(ours.train_on_batch(x[rows : rows + model.B], y[rows : rows + model.B]))
            for rows in range(0, len(x), model.B)
        ]

    def step(self, **sizes: Any) -> dict[str, Any]:
        model = Model(**sizes)
        ours = build(model, self.backend)
        x, y, _ = batches(model, steps(model))
        wall = per_step(lambda epochs: ours.fit(x, y, batch_size=model.B, epochs=epochs, verbose=0), steps(model))
        one = one_step(ours, x[: model.B], y[: model.B])
        return {"wall": wall, "device": device_time(one, self.clock, wall)}

    def epochs(self, name: str, epochs: int, backend: str) -> dict[str, Any]:
        """A published model on the reviews: seconds of an epoch of 20,000, and accuracy on those to test with."""
        from scratchnn.experiments.preparation import PREDICT_BATCH, build_model
        from scratchnn.experiments.presets import named

        backend = self.backend if backend == "gpu" else backend
        settings = named(name).settings(backend=backend, seed=0)
        x, y, data = reviews(settings.vocabulary, settings.length)
        model = build_model(settings)
        x_train, y_train = x[0][:TRAIN_REVIEWS], y[0][:TRAIN_REVIEWS]

        def seconds(first: int, last: int) -> float:
            """Of an epoch; a call carries the reviews to the device once."""
            started = time.perf_counter()
            model.fit(x_train, y_train, settings.batch_size, epochs=last, initial_epoch=first, verbose=0)
            return (time.perf_counter() - started) / (last - first)

        compiling, rest = seconds(0, 1), seconds(1, epochs)
        test = model.evaluate(x[1], y[1], batch_size=PREDICT_BATCH, verbose=0, return_dict=True)
        assert isinstance(test, dict)
        return {
            "epoch": rounded(rest),
            "first_epoch": rounded(compiling),
            "accuracy": float(test["accuracy"]),
            "loss": float(test["loss"]),
            "data": data,
        }


def nvidia_smi(what: str) -> str | None:
    """Facts that CUDA does not report; None where the program is missing, as in some containers."""
    command = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.splitlines()[0] if run.returncode == 0 and run.stdout else None


def kernel(case: Case) -> str:
    return dispatch.choose(case.cell, case.H, case.B, np.float32).kernel


def layer(case: Case) -> tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any]]:
    """The calls to time: forward, forward with what backward needs, and both passes."""
    rng, xp = np.random.default_rng(0), device.xp()
    G = GATES[CELLS[case.cell]] * case.H
    x, Wx, Wh, dy, *biases = (
        xp.asarray(rng.normal(0, 0.1, shape).astype(np.float32))
        for shape in [(case.B, case.T, D), (D, G), (case.H, G), (case.B, case.H), (G,), (G,)]
    )
    biases = biases if case.cell == "gru" else biases[:1]
    states = 2 if case.cell == "lstm" else 1
    state = tuple(xp.zeros((case.B, case.H), np.float32) for _ in range(states))
    lengths = rng.integers(1, case.T + 1, (case.B, 1))
    mask = xp.asarray(np.arange(case.T) >= case.T - lengths) if case.masked else None
    how: list[Any] = [activations.get("tanh")]
    how += [] if case.cell == "simple_rnn" else [activations.get("sigmoid")]
    how += [True] if case.cell == "gru" else []
    module = getattr(gpu, case.cell)

    def run(keep_cache: bool) -> Any:
        return module.forward(Recurrence(x, state, mask, keep_cache=keep_cache), Wx, Wh, *biases, *how)

    def both() -> Any:
        return module.backward(dy, (None,) * states, run(True)[-1])

    return lambda: run(False), lambda: run(True), both


def loop(case: Case) -> tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any]]:
    rng, xp, G = np.random.default_rng(0), device.xp(), 4 * case.H
    x, dy, *arrays = (
        xp.asarray(rng.normal(0, 0.1, shape).astype(np.float32))
        for shape in [(case.T, case.B, D), (case.B, case.H), (D, G), (case.H, G), (G,)]
    )
    weights = cupy_loop.Weights(*arrays)

    def run() -> Any:
        return cupy_loop.forward(xp, x, weights)

    return lambda: run()[0], run, lambda: cupy_loop.backward(xp, dy, x, weights, run()[1])


def build(model: Model, backend: str, dropout: bool = True) -> nn.Sequential:
    workload = model.workload(dropout)
    ours = nn.Sequential(
        [getattr(nn.layers, kind)(**settings) for kind, settings in workload.layers], backend=backend, seed=0
    )
    ours.build((None, model.T))
    ours.set_weights([array for arrays in initial_weights(workload) for array in arrays])
    ours.compile("adam", loss="binary_crossentropy")
    return ours


def one_step(model: nn.Sequential, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    """The step of `fit`, with the batch on the device already, and without waiting for the result."""
    ids = model.check_input(x)
    assert model.loss is not None
    target = model.backend.array(model.loss.validate(model.y_shape_of(ids), y, model.dtype), model.dtype)
    model.ready_optimizer()

    def record(loss: Any, grads: Any, *_: Any) -> None:
        outcome_of(model, loss, grads)

    return lambda: train_epoch(model, [(0, ids, target, None)], 0, record)


def tidy() -> None:
    gc.collect()
    device.xp().get_default_memory_pool().free_all_blocks()


if __name__ == "__main__":
    serve(Answers(CuPyClock()), tidy)
