"""Where the time of a training step goes, layer by layer: `python -m benchmarks.profile lstm`.

Means over an epoch of the same workload as in the speed tables, in microseconds, so that the rows add up to the step,
which is timed in the same epoch. What is no layer, loss or optimizer has a row of its own: the training loop with the
batches, the checks of loss and gradient, the metrics, and the clock of this profile.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

from benchmarks import machine, runner
from benchmarks.run_scratchnn import Ours
from benchmarks.workloads import WORKLOADS, initial_weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("workload", choices=list(WORKLOADS))
    workload = WORKLOADS[parser.parse_args().workload]
    (x, y), _, _ = runner.reviews(workload, quick=False)
    ours = Ours(workload, initial_weights(workload), "")
    ours.train(x[: 5 * workload.batch], y[: 5 * workload.batch])
    times = watch(ours)
    ours.train(x, y)
    for seconds in times.values():
        seconds.clear()  # of the first epoch with these clocks
    started = time.perf_counter()
    ours.train(x, y)
    rows, step = shares(times, time.perf_counter() - started, len(x) // workload.batch)
    print(machine.described(machine.facts()))
    for name, seconds in [*rows.items(), ("the whole step", step)]:
        print(f"{name:28} {1e6 * seconds:8.0f} us  {seconds / step:6.1%}")


def shares(times: dict[str, list[float]], whole: float, steps: int) -> tuple[dict[str, float], float]:
    """Seconds of a step by what takes them, which add up to the step; and the step."""
    rows = {name: sum(seconds) / steps for name, seconds in times.items()}
    return rows | {"loop, batches, checks": (whole - sum(map(sum, times.values()))) / steps}, whole / steps


def watch(ours: Ours) -> dict[str, list[float]]:
    """Time every call of every layer, and of the optimizer, from now on."""
    times: dict[str, list[float]] = {}
    for layer in ours.model.layers:
        for way in ("forward", "backward"):
            setattr(layer, way, timed(getattr(layer, way), times.setdefault(f"{layer.name} {way}", [])))
    optimizer: Any = ours.model.optimizer
    optimizer.step = timed(optimizer.step, times.setdefault("optimizer", []))
    return times


def timed(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        started = time.perf_counter()
        result = function(*args, **options)
        seconds.append(time.perf_counter() - started)
        return result

    return call


if __name__ == "__main__":
    main()
