"""What three ways to the gradients of a SimpleRNN cost: `python -m benchmarks.bptt` (a minute or two).

Backpropagation through time by the reference kernels, the same with checkpoints, and forward accumulation (RTRL), in
float64. Times are medians of interleaved rounds; memory is the most that NumPy had allocated during the call, by
tracemalloc. Writes results/bptt.json and the table in docs/bptt.md.
"""

import json
import math
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Recurrence
from scratchnn_kernels.reference import simple_rnn
from threadpoolctl import threadpool_limits

from benchmarks import harness, machine, pages
from examples import checkpointing, rtrl
from scratchnn import activations

B, D = 8, 16
SIZES = ((25, 32), (100, 32), (400, 32), (100, 64))  # T, H
ROUNDS = 5
LEAST_SECONDS = 0.1


def main() -> None:
    with threadpool_limits(1):  # products this small gain nothing from a second thread
        measured = [{"T": T, "H": H, "ways": measure(T, H, ROUNDS)} for T, H in SIZES]
    results = {"machine": machine.facts(), "B": B, "D": D, "rounds": ROUNDS, "sizes": measured}
    pages.BPTT.write_text(json.dumps(results, indent=1) + "\n")
    pages.write()


def measure(T: int, H: int, rounds: int) -> dict[str, dict[str, Any]]:
    """way -> its seconds (median, min and max), its peak megabytes, and what is counted."""
    calls, costs = ways(T, H), counted(T, H)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seconds[name].append(seconds_of(call))
    return {
        name: {"seconds": harness.spread(seconds[name]), "peak_mb": peak_mb(call), **costs[name]}
        for name, call in calls.items()
    }


def counted(T: int, H: int) -> dict[str, dict[str, int]]:
    """way -> the numbers that are kept for later steps, and the multiplications of its products."""
    forward, every = T * B * (D + H) * H, math.isqrt(T)
    influence = B * H * (D + H + 1) * H  # d h / d (Wx, Wh, b), which RTRL carries along instead of the states
    return {
        "bptt": {"kept": T * B * H, "multiplied": 3 * forward},
        "checkpoints": {"kept": (math.ceil(T / every) + every) * B * H, "multiplied": 4 * forward},
        "rtrl": {"kept": influence, "multiplied": forward + T * H * influence},
    }


def ways(T: int, H: int) -> dict[str, Callable[[], dict[str, np.ndarray]]]:
    """way -> a call that gives the gradients of Wx, Wh and b."""
    rng, act = np.random.default_rng(0), activations.get("tanh")
    x, dy = rng.normal(size=(B, T, D)), rng.normal(size=(B, T, H))
    weights = [rng.normal(0, 0.5 / math.sqrt(H), shape) for shape in ((D, H), (H, H), H)]
    call = Recurrence(x, (np.zeros((B, H)),), sequences=True)

    def bptt() -> dict[str, np.ndarray]:
        return simple_rnn.backward(dy, (None,), simple_rnn.forward(call, *weights, act)[2])[1]

    return {
        "bptt": bptt,
        "checkpoints": lambda: checkpointing.gradients(simple_rnn, call, dy, *weights, act, every=math.isqrt(T)),
        "rtrl": lambda: dict(zip(("Wx", "Wh", "b"), rtrl.gradients(x, dy, *weights), strict=True)),
    }


def seconds_of(call: Callable[[], object]) -> float:
    """A mean over as many calls as fit into LEAST_SECONDS."""
    started, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - started < LEAST_SECONDS:
        call()
        calls += 1
    return (time.perf_counter() - started) / calls


def peak_mb(call: Callable[[], object]) -> float:
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


if __name__ == "__main__":
    main()
