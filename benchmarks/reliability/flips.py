"""Damaged files: `python -m benchmarks.reliability.flips` (minutes for 2,000 flips and 300 cuts of each kind).

One bit of a model, of a checkpoint and of a study's record is flipped, anywhere in the file, or the file is cut at any
byte. Reading it must be refused with the error of the loader. What is read nevertheless, and is not what was saved to
the bit, is lost; so is any other error. A checkpoint that has the one before beside it must go on from that.
"""

import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.reliability.record import Record, counted, main
from scratchnn import Sequential, load_model
from scratchnn.core.files.generations import one_before
from scratchnn.layers import LSTM, Dense, Dropout, Embedding
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.study.folder import StudyFolder
from scratchnn.study.results import RunResult, Tested
from scratchnn.training.progress import Progress

CUTS = 0.15  # for each flip: 300 for 2,000


class Kind(NamedTuple):
    """A kind of file."""

    name: str
    path: Path
    read: Callable[[], object]
    """All that is in it, to be compared."""


def kinds(folder: Path) -> list[Kind]:
    """A file of each kind in the folder, and how it is read."""
    model = Sequential([Embedding(20, 4), Dropout(0.3), LSTM(5), Dense(1, "sigmoid")], backend="reference", seed=1)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    x, y = np.random.default_rng(0).integers(0, 20, (40, 6)), np.arange(40) % 2
    progress = Progress()
    model.fit(x, y, 8, 2, 0, progress=progress)
    model.save(folder / "model.npz")
    save_checkpoint(model, progress, folder / "checkpoint.npz")
    study = StudyFolder.open(folder / "study", {"data": "abc", "protocols": ["last"]})
    answers = np.linspace(0, 1, 50, dtype=np.float32)
    tested = {"last": Tested(2, 0.25, 0.75, "weights", answers)}
    record = RunResult(
        "lstm", 3, "hash", {"epochs": 2}, 7, {"loss": [0.5, 0.1]}, tested, "test", "order", 2.0, 100.0
    )  # fmt: skip
    study.save(record)
    return [
        Kind("model", folder / "model.npz", lambda: _of_model(load_model(folder / "model.npz"))),
        Kind("checkpoint", folder / "checkpoint.npz", lambda: _of_checkpoint(folder / "checkpoint.npz")),
        Kind("study record", study.runs / f"{record.key}.npz", lambda: _of_record(study, record.key)),
    ]


def _of_model(model: Any) -> object:
    slots = {name: (slot.dtype.str, slot.tobytes()) for name, slot in model.optimizer.state().items()}
    return model.get_config(), model.flat_params.tobytes(), slots


def _of_checkpoint(path: Path) -> object:
    model, progress = load_checkpoint(path)
    return _of_model(model), progress.records, progress.epoch, progress.step


def _of_record(study: StudyFolder, key: str) -> object:
    found = study.load(key)
    assert found is not None
    return repr(found), {name: each.probabilities.tobytes() for name, each in found.tested.items()}


@dataclass
class Damage:
    refused: int = 0
    same: int = 0
    """Read as if nothing were damaged, with all that was saved."""
    lost: int = 0
    slowest: float = 0.0


def damage(kind: Kind, flips: int, cuts: int, seed: int) -> tuple[Damage, Damage]:
    """What became of so many flips, and of so many cuts, in the file; it is whole again at the end."""
    whole, expected, rng = kind.path.read_bytes(), kind.read(), random.Random(seed)
    found = Damage(), Damage()
    for n in range(flips + cuts):
        position = rng.randrange(len(whole))
        changed = bytearray(whole)
        if n < flips:
            changed[position] ^= 1 << rng.randrange(8)
        else:
            del changed[position:]
        kind.path.write_bytes(changed)
        _read(kind, expected, found[n >= flips], position)
    kind.path.write_bytes(whole)
    assert kind.read() == expected
    return found


def _read(kind: Kind, expected: object, found: Damage, position: int) -> None:
    started = time.perf_counter()
    try:
        if kind.read() == expected:
            found.same += 1
        else:
            found.lost += 1
            print(f"{kind.name}: changed at byte {position}, and read without an error", file=sys.stderr)
    except ValueError:  # StorageError, and what a study's folder says
        found.refused += 1
    except Exception as error:
        found.lost += 1
        print(f"{kind.name}: changed at byte {position}: {type(error).__name__}: {error}", file=sys.stderr)
    found.slowest = max(found.slowest, time.perf_counter() - started)


def fall_back(kind: Kind, flips: int, seed: int) -> Damage:
    """Flips in a checkpoint that has the one before beside it, which is what must be read, with a warning."""
    whole, expected, rng, found = kind.path.read_bytes(), kind.read(), random.Random(seed), Damage()
    earlier = one_before(kind.path)
    earlier.write_bytes(whole)
    for _ in range(flips):
        changed = bytearray(whole)
        changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        kind.path.write_bytes(changed)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            started = time.perf_counter()
            went_on = kind.read() == expected and any("the one before is used" in str(each.message) for each in told)
            found.slowest = max(found.slowest, time.perf_counter() - started)
        found.lost += not went_on
        found.same += went_on
    kind.path.write_bytes(whole)
    earlier.unlink()
    return found


def measure(tried: int, seed: int) -> Iterator[Record]:
    cuts = round(CUTS * tried)
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds(Path(folder)):
            started = time.perf_counter()
            for found, what, count in zip(
                damage(kind, tried, cuts, seed), ("bit flips", "cuts"), (tried, cuts), strict=True
            ):
                worst = {"read as it was saved": found.same, "seconds": found.slowest}
                yield counted(f"{what}: {kind.name}", count, found.lost, worst, started)
                started = time.perf_counter()
            if kind.name == "checkpoint":
                found = fall_back(kind, tried, seed)
                goal = "bit flips: checkpoint, the one before beside it"
                yield counted(goal, tried, found.lost, {"seconds": found.slowest}, started)


if __name__ == "__main__":
    main(__doc__ or "", 2000, measure, "flips")
