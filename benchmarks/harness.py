"""Runs every framework on every workload, each run a process of its own, interleaved: A B C D, A B C D, ...

So a busy moment of the machine hits all of them, and medians over the rounds are compared only with one another.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import machine

ROOT = Path(__file__).parents[1]
OURS = "scratchnn"
RTOL = 1e-4  # between the losses of any framework and ours
CROWDED = 0.1  # share of all cores that others use: a figure measured above it is marked


@dataclass(frozen=True)
class Contender:
    """A framework as it is run. `env` holds its best thread settings, `only` the workloads where it is of use."""

    module: str
    variant: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()


# OpenMP threads that spin for some microseconds between two layers, then sleep, are as fast as any on a quiet machine
# and lose least on a busy one, where PyTorch's default made two threads three times as slow as one.
SHORT_SPINS = {"GOMP_SPINCOUNT": "2000"}

# torch.compile leaves recurrent layers as they are, so only models with other expensive layers can gain from it.
COMPILED_HELPS = ("lstm", "cnn", "ff")

CONTENDERS = {
    OURS: Contender("benchmarks.run_scratchnn"),
    "keras": Contender("benchmarks.peers.run_keras"),
    "keras-xla": Contender("benchmarks.peers.run_keras", "xla"),
    "torch": Contender("benchmarks.peers.run_torch", env=SHORT_SPINS),
    "torch-compiled": Contender("benchmarks.peers.run_torch", "compiled", SHORT_SPINS, COMPILED_HELPS),
    "jax": Contender("benchmarks.peers.run_jax"),
}


@dataclass(frozen=True)
class Finished:
    """A process that has ended: what it printed and what it took."""

    output: str
    seconds: float
    peak_mb: float
    others: float | None  # share of all cores that other processes used meanwhile


def no_load() -> float:
    return 0.0


def run_process(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    load_seconds: Callable[[], float] = no_load,
) -> Finished:
    """Run a command to its end. `load_seconds`: of the CPU that a load of our own has used, which are no others'.

    Raises:
        subprocess.CalledProcessError: when it fails.
    """
    busy, load, started = machine.busy_seconds(), load_seconds(), time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=cwd, env={**os.environ, **(env or {})}
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    others = None
    if busy is not None:
        own = usage.ru_utime + usage.ru_stime + load_seconds() - load
        others = max(0.0, (machine.busy_seconds() or busy) - busy - own) / seconds / (os.cpu_count() or 1)
    per_mb = 1 << 20 if sys.platform == "darwin" else 1 << 10  # bytes there, kilobytes elsewhere
    return Finished(output, seconds, usage.ru_maxrss / per_mb, others)


def run_contender(
    contender: Contender, workload: str, quick: bool, load_seconds: Callable[[], float] = no_load
) -> dict[str, Any]:
    """One process of one framework: the JSON it printed, and what the process took."""
    command = [sys.executable, "-m", contender.module, "--workload", workload]
    command += ["--variant", contender.variant] if contender.variant else []
    command += ["--quick"] if quick else []
    command += ["--started", repr(time.time())]
    finished = run_process(command, contender.env, load_seconds=load_seconds)
    result = json.loads(finished.output.splitlines()[-1])
    return result | {"peak_mb": round(finished.peak_mb), "others": finished.others}


def compare(
    workloads: Sequence[str],
    contenders: Mapping[str, Contender],
    rounds: int,
    quick: bool,
    load_seconds: Callable[[], float] = no_load,
) -> dict[str, Any]:
    """Every workload's rounds, summed up. A framework that fails is left out from then on, and the reason kept."""
    results = {}
    for workload in workloads:
        runs: dict[str, list[dict]] = {
            name: [] for name, contender in contenders.items() if not contender.only or workload in contender.only
        }
        failed: dict[str, str] = {}
        for round_ in range(rounds):
            for name in runs:
                if name in failed:
                    continue
                try:
                    run = run_contender(contenders[name], workload, quick, load_seconds)
                except (subprocess.CalledProcessError, ValueError, IndexError) as error:
                    failed[name] = str(error)
                    print(f"{workload:13} {name:26} failed: {error}", flush=True)
                    continue
                runs[name].append(run)
                beside = "" if run["others"] is None else f"  others {run['others']:.0%}"
                print(
                    f"{workload:13} {name:26} {round_ + 1}/{rounds}  epoch {run['epoch']:8.3f} s  "
                    f"test {run['evaluation']:7.3f} s{beside}",
                    flush=True,
                )
        results[workload] = summary({name: runs[name] for name in runs if runs[name]}) | {"failed": failed}
    return results


def summary(runs: dict[str, list[dict]]) -> dict[str, Any]:
    """Medians, spread and ratios of one workload, from the runs of each contender."""
    contenders = {
        name: {
            "framework": own[-1]["framework"],
            "settings": own[-1]["settings"],
            "timed": own[-1]["timed"],
            "losses": own[0]["losses"],
            "test_loss": own[-1]["test_loss"],
            **{key: spread([run[key] for run in own]) for key in ("epoch", "evaluation", "first_batch")},
            "peak_mb": max(run["peak_mb"] for run in own),
            "others": max((run["others"] or 0.0) for run in own),
        }
        for name, own in runs.items()
    }
    return {
        "contenders": contenders,
        "data": sorted({run["data"] for own in runs.values() for run in own}),
        "check": check({name: each["losses"] for name, each in contenders.items()}),
        "epoch": ratios({name: each["epoch"]["median"] for name, each in contenders.items()}),
        "evaluation": ratios({name: each["evaluation"]["median"] for name, each in contenders.items()}),
    }


def spread(values: Sequence[float]) -> dict[str, Any]:
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "runs": [round(v, 4) for v in values],
    }


def check(losses: dict[str, list[float]]) -> dict[str, Any]:
    """Whether all have computed the same losses: the largest relative difference from ours."""
    ours = losses.get(OURS)
    if ours is None:
        return {"agree": None, "differences": {}}
    differences = {
        name: max(difference(a, b) for a, b in zip(own, ours, strict=True))
        for name, own in losses.items()
        if name != OURS
    }
    return {"agree": all(each <= RTOL for each in differences.values()), "differences": differences}


def difference(a: float, b: float) -> float:
    """Relative to b; infinite where either is non-finite, since `max` would pass over a NaN."""
    return abs(a - b) / abs(b) if math.isfinite(a - b) else math.inf


def ratios(medians: dict[str, float]) -> dict[str, Any]:
    """How many times as long as ours the best peer takes, and Keras with its defaults."""
    peers = {name: seconds for name, seconds in medians.items() if not name.startswith(OURS)}
    if OURS not in medians or not peers:
        return {}
    best = min(peers, key=peers.__getitem__)
    found: dict[str, Any] = {"best_peer": best, "against_best_peer": peers[best] / medians[OURS]}
    return found | ({"against_keras": peers["keras"] / medians[OURS]} if "keras" in peers else {})
