"""One recurrent layer alone, ours and oneDNN's own primitive: `python -m benchmarks.layers [--rounds 5]`.

oneDNN is what PyTorch and TensorFlow call for many of their layers; here nothing stands between. Both compute the
outputs and all gradients that the reference kernels compute (in float64), or nothing is timed. Then processes take
turns; each times every case with one thread and with all, and the faster counts. Needs g++ and the extra `bench`;
where one is missing the table says so. The tables of `benchmarks.bench` hold it as their part `layers`.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

import scratchnn as nn
from benchmarks import harness
from benchmarks.workloads import GATES, WORKLOADS, Workload, stages

CONTENDERS = {harness.OURS: "benchmarks.layer_scratchnn", "oneDNN": "benchmarks.peers.layer_onednn"}
RTOL = 1e-4  # of the largest number of an array: float32 against the reference in float64
LEAST_SECONDS = 0.3  # for each case, way and number of threads
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """The first recurrent layer of a workload, and the sizes of what it reads."""

    workload: str
    kind: str
    B: int
    T: int
    D: int
    H: int
    sequences: bool  # whether the layer above reads every step, or the last one only

    @property
    def described(self) -> str:
        return f"{self.kind} {self.D} to {self.H}, {self.T} steps of {self.B} rows"

    def arrays(self) -> Arrays:
        """x (B, T, D), dy (of y's shape), Wx, Wh, b in Keras' layout (of a GRU b is (2, 3H)); in float32."""
        G = GATES[self.kind] * self.H
        shapes = {
            "x": (self.B, self.T, self.D),
            "dy": (self.B, self.T, self.H) if self.sequences else (self.B, self.H),
            "Wx": (self.D, G),
            "Wh": (self.H, G),
            "b": (2, G) if self.kind == "GRU" else (G,),
        }
        generator = np.random.default_rng(0)
        scale = {"x": 1.0, "dy": 1.0, "b": 0.1}  # of the weights: that of Keras' initial ones
        return {
            name: (scale.get(name, math.sqrt(1 / shape[0])) * generator.uniform(-1, 1, shape)).astype(np.float32)
            for name, shape in shapes.items()
        }


def first_recurrent(workload: Workload) -> Iterator[Case]:
    """Its first recurrent layer, or nothing."""
    for stage in stages(workload):
        if stage.kind in GATES:
            T, D = stage.x
            H, sequences = stage.settings["units"], stage.settings["return_sequences"]
            yield Case(workload.name, stage.kind, workload.batch, T, D, H, sequences)
            return


CASES = {case.workload: case for workload in WORKLOADS.values() for case in first_recurrent(workload)}


class Subject(Protocol):
    """A layer of one framework. What it reads and gives has been laid out as suits it best before it is timed."""

    def __init__(self, case: Case, arrays: Arrays) -> None: ...

    def forward(self) -> Any:
        """The outputs, when no backward pass will follow."""
        ...

    def train(self) -> Any:
        """The outputs, then the gradients of x and of all weights."""
        ...

    def results(self) -> Arrays:
        """y, dx, dWx, dWh, db of the last `train`, in the layouts of `Case.arrays`."""
        ...


class Ours:
    """Our layer, on any backend."""

    def __init__(self, case: Case, arrays: Arrays, backend: str = "cpu") -> None:
        self.x, self.dy = arrays["x"], arrays["dy"]
        self.layer: Any = getattr(nn.layers, case.kind)(case.H, return_sequences=case.sequences)
        self.layer.build((case.B, case.T, case.D), backend=backend, dtype=self.x.dtype)
        bx, bh = arrays["b"] if case.kind == "GRU" else (None, None)
        for name, array in (arrays | {"bx": bx, "bh": bh}).items():
            if name in self.layer.params:
                self.layer.params[name][...] = array

    def forward(self) -> Any:
        return self.layer.forward(self.x, keep_cache=False)

    def train(self) -> None:
        self.y, cache = self.layer.forward(self.x, training=True)
        self.dx, self.grads = self.layer.backward(self.dy, cache)

    def results(self) -> Arrays:
        grads = {f"d{name}": array for name, array in self.grads.items()}
        return {"y": self.y, "dx": self.dx, **grads}


def main(subject: type[Subject], framework: str, set_threads: Callable[[int], Any], most_threads: int) -> None:
    """The program of a contender: check and time every case that is asked for; one line of JSON."""
    measured: dict[str, dict[str, Any]] = {}
    for name in sys.argv[1:]:
        case = CASES[name]
        arrays = case.arrays()
        right = expected(case, arrays)
        measured[name] = {"difference": 0.0, "train": {}, "forward": {}}
        for threads in sorted({1, most_threads}):
            set_threads(threads)
            layer = subject(case, arrays)  # after the number of threads: oneDNN fits what it makes to it
            layer.train()
            wrong = difference(layer.results(), right)
            if not wrong <= RTOL:
                raise ArithmeticError(f"{framework}, {name}: {wrong:.1e} off the reference; {RTOL} is allowed")
            measured[name]["difference"] = max(wrong, measured[name]["difference"])
            measured[name]["train"][threads] = seconds_of(layer.train)
            measured[name]["forward"][threads] = seconds_of(layer.forward)
    print(json.dumps({"framework": framework, "cases": measured}))


def expected(case: Case, arrays: Arrays) -> Arrays:
    """What the reference kernels compute in float64."""
    layer = Ours(case, {name: array.astype(np.float64) for name, array in arrays.items()}, "reference")
    layer.train()
    return layer.results()


def difference(found: Arrays, right: Arrays) -> float:
    """The largest of any array, in shares of that array's largest number; infinite where one is non-finite."""
    shares = [float(abs(found[name] - array).max() / abs(array).max()) for name, array in right.items()]
    return max(share if math.isfinite(share) else math.inf for share in shares)


def time_first(x: np.ndarray) -> np.ndarray:
    """(B, T, ·) -> (T, B, ·)"""
    return np.ascontiguousarray(x.swapaxes(0, 1))


def seconds_of(call: Callable[[], Any]) -> float:
    """Seconds of one call: the median of short bursts, each of which is repeated until LEAST_SECONDS are over."""
    call()
    bursts: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < LEAST_SECONDS or len(bursts) < 3:
        started = time.perf_counter()
        for _ in range(3):
            call()
        bursts.append((time.perf_counter() - started) / 3)
    return float(np.median(bursts))


def compare(cases: list[str], rounds: int) -> dict[str, Any]:
    """case -> what -> contender -> the spread of its faster number of threads, that number, and why one is missing."""
    runs: dict[str, list[dict]] = {name: [] for name in CONTENDERS}
    missing: dict[str, str] = {}
    for round_ in range(rounds):
        for name, module in CONTENDERS.items():
            if name in missing:
                continue
            try:
                finished = harness.run_process([sys.executable, "-m", module, *cases])
                runs[name].append(json.loads(finished.output.splitlines()[-1]))
            except (subprocess.CalledProcessError, ValueError, IndexError) as error:
                missing[name] = str(error)
            print(f"{round_ + 1}/{rounds} {name} {missing.get(name, '')}", flush=True)
    return {
        "cases": {case: {what: faster(runs, case, what) for what in ("train", "forward")} for case in cases},
        "frameworks": {name: own[0]["framework"] for name, own in runs.items() if own},
        "missing": missing,
    }


def faster(runs: dict[str, list[dict]], case: str, what: str) -> dict[str, Any]:
    """Every contender with the number of threads whose median is lowest."""
    found = {}
    for name, own in runs.items():
        spreads = {
            threads: harness.spread([run["cases"][case][what][threads] for run in own])
            for threads in (own[0]["cases"][case][what] if own else ())
        }
        if spreads:
            best = min(spreads, key=lambda threads: spreads[threads]["median"])
            found[name] = spreads[best] | {"threads": int(best)}
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    print(json.dumps(compare(args.cases, args.rounds), indent=1))
