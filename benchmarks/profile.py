"""Where the time of a training step goes, layer by layer: `python -m benchmarks.profile lstm`.

Medians over an epoch of the same workload as in the speed tables, in microseconds. What is left besides the
layers is the loss, the gradient's norm, the optimizer, and the loop around them.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks import runner
from benchmarks.run_scratchnn import Ours
from benchmarks.workloads import WORKLOADS, initial_weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("workload", choices=list(WORKLOADS))
    workload = WORKLOADS[parser.parse_args().workload]
    (x, y), _, _ = runner.reviews(workload, quick=False)
    ours = Ours(workload, initial_weights(workload), "")
    ours.train(x[: 5 * workload.batch], y[: 5 * workload.batch])
    started = time.perf_counter()
    ours.train(x, y)
    step = (time.perf_counter() - started) / (len(x) // workload.batch)
    times = watch(ours)
    ours.train(x, y)
    rows = {name: statistics.median(seconds) for name, seconds in times.items()}
    rows["all else"] = step - sum(rows.values())
    for name, seconds in [*rows.items(), ("the whole step", step)]:
        print(f"{name:28} {1e6 * seconds:8.0f} us  {seconds / step:6.1%}")


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
