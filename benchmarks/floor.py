"""The machine's own floor of a recurrent workload: its arithmetic at the measured peak, plus its activations.

Only leaving work out can be faster than this: the products at the speed of the best matrix product that one core
achieves from its cache, times the cores, and every tanh and sigmoid at the measured rate. What the floor leaves out,
memory traffic and all other elementwise work, is what an implementation can save on.

    python -m benchmarks.floor          prints what was measured, and the floor of each workload

The rates depend on the CPU alone; `facts()` records them beside every table of speeds.
"""

import json
import math
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import harness, machine
from benchmarks.workloads import GATES, TRAIN_REVIEWS, WORKLOADS, Stage, Workload, stages

ACTIVATIONS = {"SimpleRNN": 1, "GRU": 3, "LSTM": 5}  # tanh and sigmoid per unit and step; LSTM: four gates and tanh(c)
SHIFTS = (13, 7, 17)  # of Marsaglia's generator of random numbers


def work(workload: Workload) -> tuple[float, float]:
    """Floating-point operations and activations of one epoch, forward and backward."""
    operations = sum(operations_forward(stage) for stage in stages(workload))
    activations = sum(
        ACTIVATIONS[stage.kind] * stage.x[0] * stage.settings["units"]
        for stage in stages(workload)
        if stage.kind in ACTIVATIONS
    )
    # Each product y = x W of a forward pass has two of its size in the backward pass, dx = dy Wᵀ and dW = xᵀ dy.
    return 3.0 * operations * TRAIN_REVIEWS, float(activations * TRAIN_REVIEWS)


def operations_forward(stage: Stage) -> int:
    """A multiplication and an addition for every weight that a review passes, at every step where it does."""
    match stage.kind:
        case "SimpleRNN" | "GRU" | "LSTM":
            T, D = stage.x
            H = stage.settings["units"]
            return 2 * T * (D + H) * GATES[stage.kind] * H
        case "Conv1D":
            return 2 * stage.y[0] * math.prod(stage.weights[0])
        case "Dense":
            return 2 * math.prod(stage.weights[0])
    return 0


def seconds(workload: Workload, rates: dict[str, float]) -> float:
    """The floor of one epoch."""
    operations, activations = work(workload)
    return (operations / rates["gflops"] + activations / rates["gactivations"]) / 1e9 / rates["threads"]


def facts() -> dict[str, Any]:
    """`machine.facts()` and, as its `peak`, the rates, measured in a process of its own."""
    finished = harness.run_process([sys.executable, "-m", "benchmarks.floor"])
    return machine.facts() | {"peak": json.loads(finished.output)["rates"]}


def measure() -> dict[str, Any]:
    """What one core does in a second, in units of 1e9: operations of the best matrix product, tanh's, cycles."""
    import numpy as np
    from scratchnn_kernels.cpu.activations import TANH, activate
    from scratchnn_kernels.cpu.gemm import VECTOR_BYTES, gemm

    from scratchnn.core.threads import kernel_threads

    generator = np.random.default_rng(0)
    peak = 0.0
    for M, K, N in ((256, 64, 128), (1024, 48, 128), (256, 256, 256), (1024, 256, 512)):
        A, B, C = (generator.standard_normal(shape).astype(np.float32) for shape in ((M, K), (K, N), (M, N)))
        B *= 1e-3  # C is added to again and again
        peak = max(peak, 2 * M * K * N / best(lambda C=C, A=A, B=B: gemm(C, A, B)))
    run = generator.standard_normal(4096).astype(np.float32)
    rate = run.size / best(lambda: activate(TANH, run))
    return {
        "gflops": peak / 1e9,
        "gactivations": rate / 1e9,
        "threads": kernel_threads(),
        "vector_bytes": VECTOR_BYTES,
        "ghz": clock(),
    }


def clock() -> float | None:
    """Cycles of a core per second, in units of 1e9, while it works; None where nothing is known to take one cycle.

    /proc/cpuinfo shows a nominal clock on many virtual machines. On an x86 each shift and each exclusive or takes one
    cycle, and each one here needs the result of the one before.
    """
    import numpy as np
    from numba import njit

    if platform.machine() not in ("x86_64", "AMD64"):
        return None

    @njit
    def chain(x: Any, rounds: Any) -> Any:
        for _ in range(rounds):
            x ^= x << SHIFTS[0]
            x ^= x >> SHIFTS[1]
            x ^= x << SHIFTS[2]
        return x

    seed, rounds = np.uint64(88172645463325252), 20_000
    return 2 * len(SHIFTS) * rounds / best(lambda: chain(seed, rounds)) / 1e9


def best(timed: Callable[[], Any], least: float = 0.2) -> float:
    """Seconds of one call: the fastest of many short series, since only disturbances make it slower."""
    timed()
    fastest, started = math.inf, time.perf_counter()
    while time.perf_counter() - started < least:
        first = time.perf_counter()
        for _ in range(5):
            timed()
        fastest = min(fastest, (time.perf_counter() - first) / 5)
    return fastest


if __name__ == "__main__":
    measured = measure()
    floors = {name: seconds(workload, measured) for name, workload in WORKLOADS.items()}
    print(json.dumps({"rates": measured, "epoch_seconds": floors}))
