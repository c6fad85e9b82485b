"""What happens before training is under way: import, first batch with a warm and a cold cache; and a whole command."""

import json
import statistics
import sys
import tempfile
import time
from typing import Any

from benchmarks.harness import run_process, spread


def measure(rounds: int, quick: bool) -> dict[str, Any]:
    """All of it, in processes of their own."""
    first_batch()  # fills the cache
    imports = [child("import") for _ in range(rounds)]
    names = [child("import-names") for _ in range(rounds)]
    warm = [child("first-batch") for _ in range(rounds)]
    with tempfile.TemporaryDirectory() as empty:
        cold = child("first-batch", {"SCRATCHNN_CACHE": empty})
    return {
        "import_seconds": spread(imports),
        "import_names_seconds": spread(names),
        "first_batch_warm_seconds": spread(warm),
        "first_batch_cold_seconds": cold,
        "train_command": command(1 if quick else 10, 1 if quick else min(rounds, 3)),
    }


def child(what: str, env: dict[str, str] | None = None) -> float:
    """This file run as a program: the seconds that `what` takes, the start of Python not counted."""
    return json.loads(run_process([sys.executable, "-m", "benchmarks.startup", what], env).output)


def command(epochs: int, rounds: int) -> dict[str, Any]:
    """`python -m scratchnn.train --arch lstm` as a user runs it, from the shell's point of view."""
    runs = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as out:
            train = [sys.executable, "-m", "scratchnn.train", "--arch", "lstm", "--epochs", str(epochs), "--out", out]
            runs.append(run_process(train))
    return {
        "epochs": epochs,
        "seconds": spread([run.seconds for run in runs]),
        "peak_mb": round(statistics.median(run.peak_mb for run in runs)),
    }


def first_batch() -> float:
    """Import, build the published LSTM, one training step: all that it takes, except reading reviews."""
    started = time.perf_counter()
    import numpy as np

    from benchmarks.run_scratchnn import build
    from benchmarks.workloads import WORKLOADS

    workload = WORKLOADS["lstm"]
    model = build(workload)
    model.compile("adam", loss="binary_crossentropy")
    generator = np.random.default_rng(0)
    x = generator.integers(0, workload.vocabulary, (workload.batch, workload.length), dtype=np.int32)
    model.train_on_batch(x, generator.integers(0, 2, workload.batch).astype(np.float32))
    return time.perf_counter() - started


def import_alone() -> float:
    started = time.perf_counter()
    import scratchnn  # noqa: F401

    return time.perf_counter() - started


def import_names() -> float:
    """`import scratchnn` only records where its names are; this loads what a model needs."""
    started = time.perf_counter()
    from scratchnn import Sequential  # noqa: F401
    from scratchnn.layers import LSTM  # noqa: F401

    return time.perf_counter() - started


MEASURED = {"import": import_alone, "import-names": import_names, "first-batch": first_batch}

if __name__ == "__main__":
    print(json.dumps(MEASURED[sys.argv[1]]()))
