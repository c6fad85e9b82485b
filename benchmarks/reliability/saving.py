"""Processes that are killed while they save: `python -m benchmarks.reliability.saving` (half a minute for 500).

A writer is forked, saves one generation after another over the same file, and tells of each finished one through a
pipe, until SIGKILL at a random moment. Then the file must hold the last generation that was told of, or a later one,
with all its content; and, where two are kept, the earlier file the one before it.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reliability.record import Record, counted, main
from scratchnn.core.files import container
from scratchnn.core.files.generations import one_before

SIZE = 50_000  # numbers in a generation
_SAVES_TIMED = 5


def in_place(path: Path, arrays: dict[str, Any], meta: dict[str, Any]) -> None:
    """How files are saved elsewhere: over the old one. It shows that the kills come at the right time."""
    np.savez(path, **arrays, generation=meta["generation"])


def read_in_place(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with np.load(path) as archive:
        return {"w": archive["w"]}, {"generation": int(archive["generation"])}


def with_the_one_before(path: Path, arrays: dict[str, Any], meta: dict[str, Any]) -> None:
    container.write(path, arrays, meta, one_before(path))


WAYS: dict[str, tuple[Callable[..., None], Callable[[Path], tuple[dict[str, Any], dict[str, Any]]]]] = {
    "whole": (container.write, container.read),
    "two": (with_the_one_before, container.read),
    "in place": (in_place, read_in_place),
}


@dataclass
class Kills:
    lost: int = 0
    saves: int = 0
    """Finished ones, of all writers."""
    gone: int = 0
    """The most finished saves that one kill took back."""
    leftovers: int = 0
    """Temporary files: so many kills, at least, hit a save at work."""


def kill_writers(how: str, path: Path, kills: int, seed: int = 0) -> Kills:
    """Fork and kill so many writers, one after another. No thread may run in this process."""
    save, load = WAYS[how]
    found, generation, rng = Kills(), 0, random.Random(seed)
    seconds = _seconds_of_a_save(save, path)
    for _ in range(kills):
        told = _killed(save, path, generation, rng.uniform(0.2, 4) * seconds)
        found.saves += told
        try:
            arrays, meta = load(path)
            now = meta["generation"]
            assert generation + told <= now <= generation + told + 1, (generation, told, now)
            assert arrays["w"].shape == (SIZE,) and (arrays["w"] == now).all()
            found.gone = max(found.gone, generation + told - now)
            generation = now
            if how == "two":
                assert 0 <= now - container.read(one_before(path))[1]["generation"] <= 1
        except Exception as error:
            found.lost += 1
            print(type(error).__name__, error, file=sys.stderr)
            _save(save, path, generation)
    found.leftovers = sum(each.suffix == ".tmp" for each in path.parent.iterdir())
    return found


def _save(save: Callable[..., None], path: Path, generation: int) -> None:
    save(path, {"w": np.full(SIZE, generation, dtype=np.int64)}, {"generation": generation})


def _seconds_of_a_save(save: Callable[..., None], path: Path) -> float:
    _save(save, path, 0)
    started = time.perf_counter()
    for _ in range(_SAVES_TIMED):
        _save(save, path, 0)
    return (time.perf_counter() - started) / _SAVES_TIMED


def _killed(save: Callable[..., None], path: Path, generation: int, seconds: float) -> int:
    """How many saves a writer told of that was killed so many seconds after its first."""
    told, tell = os.pipe()
    writer = os.fork()
    if writer == 0:
        os.close(told)
        while True:
            generation += 1
            _save(save, path, generation)
            os.write(tell, b".")
    os.close(tell)
    os.read(told, 1)
    time.sleep(seconds)
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    finished = 1 + len(os.read(told, 10**6))
    os.close(told)
    return finished


def measure(tried: int, seed: int) -> Iterator[Record]:
    for how, goal in (("whole", "kills while saving"), ("two", "kills while saving, the one before kept")):
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            found = kill_writers(how, Path(folder, "model.npz"), tried, seed)
        yield counted(goal, tried, found.lost, {"finished saves gone": found.gone}, started)


if __name__ == "__main__":
    main(__doc__ or "", 500, measure, "kills")
