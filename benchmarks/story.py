"""From NumPy to the final kernel, one trick after another, in one run: `python -m benchmarks.story [--rounds 5]`.

Forward and backward pass of the published LSTM's layer (100 steps of 32 rows, 16 features, 32 units), each stage with
all tricks of those before it. Stages are small plain variants (story_kernels.py), then the kernels themselves with a
trick switched off. Every stage computes what the reference computes, or is not timed. Processes take turns. Writes
results/story.json and the table in docs/performance.md; a minute or two, most of it for compiling.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import floor, harness, layers, pages

CASE = layers.CASES["lstm"]


@dataclass(frozen=True)
class Stage:
    plain: str = ""  # the function of story_kernels.py; "" for the kernels of a backend
    backend: str = "cpu"
    in_shards: bool = True  # of sixteen rows, sixteen time steps at a time; else everything in one piece
    pool: bool = True
    threads: int | None = None  # None: all


STAGES = {  # story_page.py says in words what each adds to the one before
    "reference": Stage(backend="reference", threads=1),
    "loops": Stage("plain_loops", threads=1),
    "tiles": Stage("with_tiles", threads=1),
    "activations": Stage("with_vector_activations", threads=1),
    "planes": Stage(in_shards=False, pool=False, threads=1),
    "shards": Stage(pool=False, threads=1),
    "pool": Stage(threads=1),
    "threads": Stage(),
}


def prepared(stage: Stage) -> Callable[[], layers.Arrays]:
    """What is timed: forward and backward pass; it returns the outputs and all gradients."""
    arrays = CASE.arrays()
    if stage.plain:
        from benchmarks import story_kernels

        run = getattr(story_kernels, stage.plain)()
        x, Wx, Wh, b, dy = layers.time_first(arrays["x"]), *(arrays[name] for name in ("Wx", "Wh", "b", "dy"))

        def plain() -> layers.Arrays:
            y, dx, dWx, dWh, db = run(x, Wx, Wh, b, dy)
            return {"y": y, "dx": dx.swapaxes(0, 1), "dWx": dWx, "dWh": dWh, "db": db}

        return plain

    if stage.backend == "cpu":
        switch(stage)
    layer = layers.Ours(CASE, arrays, stage.backend)

    def kernels() -> layers.Arrays:
        layer.train()
        return layer.results()

    return kernels


def switch(stage: Stage) -> None:
    """Switch tricks of the kernels off, before they are compiled; what is compiled so must not meet the usual cache."""
    from scratchnn_kernels.cpu import launching, pool, shards

    if not stage.in_shards:
        shards.SHARD_ROWS, shards.STEPS = CASE.B, CASE.T
    if not stage.pool:
        pool.SMALLEST = sys.maxsize
    launching.use_threads(stage.threads or launching.number_of_threads())


def measured(name: str) -> dict[str, Any]:
    from threadpoolctl import threadpool_limits

    run = prepared(STAGES[name])
    with threadpool_limits(1, user_api="blas"):
        wrong = layers.difference(run(), layers.expected(CASE, CASE.arrays()))
        if not wrong <= layers.RTOL:
            raise ArithmeticError(f"{name}: {wrong:.1e} off the reference; {layers.RTOL} is allowed")
        return {"seconds": layers.seconds_of(run), "difference": wrong}


def compare(rounds: int) -> dict[str, Any]:
    """stage -> the spread of its microseconds."""
    seconds: dict[str, list[float]] = {name: [] for name in STAGES}
    with tempfile.TemporaryDirectory() as folder:
        caches = {False: Path(folder) / "one-piece", True: Path(folder) / "shards"}
        for _ in range(rounds):
            for name, stage in STAGES.items():
                env = {"SCRATCHNN_CACHE": str(caches[stage.in_shards])}
                finished = harness.run_process([sys.executable, "-m", "benchmarks.story", "--stage", name], env)
                seconds[name].append(json.loads(finished.output)["seconds"])
                print(f"{name:12} {1e6 * seconds[name][-1]:8.0f} us", flush=True)
    return {name: harness.spread([1e6 * each for each in own]) for name, own in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stage", choices=list(STAGES), help="this one alone, in this process")
    args = parser.parse_args()
    if args.stage:
        print(json.dumps(measured(args.stage)))
        return
    results = {"machine": floor.facts(), "rounds": args.rounds}
    results["stages"] = compare(args.rounds)
    pages.STORY.write_text(json.dumps(results, indent=1) + "\n")
    pages.write()


if __name__ == "__main__":
    main()
