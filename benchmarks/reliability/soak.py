"""Training, predicting and saving for minutes: `python -m benchmarks.reliability.soak` (ten minutes).

Every hundred steps of training are followed by a prediction, a save and a checkpoint. After a tenth of the time to warm
up, memory must stay within 5 MB, open files and threads must be as many, no temporary file may be left, and a step may
not get slower: the fastest of the last fifth is compared with that of the first, since a busy machine slows others.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reliability.record import Record, counted, main
from scratchnn import Sequential
from scratchnn.callbacks import Callback
from scratchnn.core.files.generations import one_before
from scratchnn.layers import LSTM, Dense, Embedding

EVERY = 100  # steps between two saves
MOST_MB, MOST_SLOWER = 5.0, 0.05
_BATCH = 16


@dataclass(frozen=True)
class Moment:
    seconds: float
    mb: float
    descriptors: int
    threads: int
    step: float
    """Seconds of the fastest step since the moment before."""


class Steps(Callback):
    """The seconds of the fastest step."""

    def __init__(self) -> None:
        self.fastest, self._started = float("inf"), 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.fastest = min(self.fastest, time.perf_counter() - self._started)


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def run(folder: Path, seconds: float) -> list[Moment]:
    """Train, predict and save for so long."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 500, (EVERY * _BATCH, 30)), rng.integers(0, 2, EVERY * _BATCH)
    model = Sequential([Embedding(500, 16), LSTM(16), Dense(1, "sigmoid")], seed=1)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    moments, began = [], time.perf_counter()
    while time.perf_counter() - began < seconds or len(moments) < 10:
        steps = Steps()
        model.fit(x, y, _BATCH, 1, 0, [steps], checkpoint=folder / "going.npz")
        for each in (folder / "going.npz", one_before(folder / "going.npz")):
            each.unlink(missing_ok=True)  # the next call begins anew
        model.predict(x[:64], verbose=0)
        model.save(folder / "model.npz", overwrite=True)
        open_files = len(os.listdir("/proc/self/fd"))
        now = time.perf_counter() - began
        moments.append(Moment(now, resident_mb(), open_files, threading.active_count(), steps.fastest))
    return moments


def drift(moments: list[Moment]) -> dict[str, float]:
    """How much more there is after the warm-up than at its end; 0 where there is less."""
    warm = moments[max(1, len(moments) // 10) :]
    part = max(1, len(warm) // 5)
    first, last = warm[:part], warm[-part:]
    slower = min(each.step for each in last) / min(each.step for each in first) - 1
    return {
        "MB more": max(0.0, max(each.mb for each in last) - max(each.mb for each in first)),
        "open files more": max(0, max(each.descriptors for each in warm) - first[0].descriptors),
        "threads more": max(0, max(each.threads for each in warm) - first[0].threads),
        "step slower by": max(0.0, slower),
    }


def failures(found: dict[str, float]) -> list[str]:
    most = {"MB more": MOST_MB, "step slower by": MOST_SLOWER}
    return [name for name, number in found.items() if number > most.get(name, 0)]


def measure(tried: int, seed: int) -> Iterator[Record]:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        moments = run(Path(folder), tried)
        found = drift(moments)
        found["temporary files"] = sum(each.suffix == ".tmp" for each in Path(folder).iterdir())
    if failed := failures(found):
        print(f"more than is allowed: {', '.join(failed)}", file=sys.stderr)
    rounds = len(moments)
    yield counted(f"a soak, rounds of {EVERY} steps", rounds, rounds if failed else 0, found, started)


if __name__ == "__main__":
    main(__doc__ or "", 600, measure, "seconds")
