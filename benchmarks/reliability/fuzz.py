"""Good files with random damage that fits their format: `python -m benchmarks.reliability.fuzz` (20 minutes).

Bytes are set, blocks copied and deleted, lengths made larger and smaller; members of zips are damaged inside of a zip
that is whole, and descriptions of models, checkpoints and records are changed and sealed again. Each file is read by a
process of its own, under the limits of hostile.py.
"""

import copy
import io
import json
import random
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.reliability import trial
from benchmarks.reliability.attacks import data, folders, foreign, ours
from benchmarks.reliability.attacks.attack import READERS
from benchmarks.reliability.record import Record, counted, main
from scratchnn.core.files import container

ODD = (0, 1, -1, 2**31, 2**62, -(2**63), 1e308, float("nan"), "", "../../x", "x" * 1000, None, True, [], {}, [[]] * 20)


class Seed(NamedTuple):
    """A good file or folder for a reader, and the file in it that is damaged, which may be itself."""

    reader: str
    write: Callable[[Path], Path]
    damaged: str


def _saved(kind: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        ours.save_valid(kind, path := folder / "it.npz")
        return path

    return write


def _written(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (path := folder / name).write_bytes(content)
        return path

    return write


def _study(folder: Path) -> Path:
    folders.write_study(folder)
    return folder


CSV = b'text,label\n"a fine, warm film",good\nso dull,bad\nbright,good\ncold,bad\n'
JSONL = b'{"text": "a fine film", "label": "good"}\n{"text": "so dull", "label": 2}\n'
PRESET = b"""[x]
summary = "it"
embedding = 4
layers = [{class = "LSTM", units = 3}, {class = "Dense", units = 1, activation = "sigmoid"}]
epochs = 2
"""
SEEDS = (
    *(Seed(kind, _saved(kind), "") for kind in ("model", "checkpoint", "weights", "linear model")),
    Seed("model as a preset", _saved("model"), ""),
    Seed("imdb.npz", data.write_imdb, "imdb.npz"), Seed("imdb.npz", data.write_imdb, "imdb_word_index.json"),
    Seed("texts", _written("it.csv", CSV), ""), Seed("texts", _written("it.jsonl", JSONL), ""),
    Seed("texts", _written("it.txt", b"__label__a good film\n__label__b dull film\n"), ""),
    Seed("texts", _written("it.tar.gz", data._tar(("a/1.txt", 30, data.REG), ("b/1.txt", 50, data.REG))), ""),
    Seed("word vectors", _written("it.txt", b"2 3\ngood 1 2 3\nfilm 4.5 -1e3 0\n"), ""),
    Seed("Keras model", lambda folder: foreign.write_keras(folder / "it.keras"), ""),
    Seed("Keras weights", lambda folder: foreign.write_h5(folder / "it.weights.h5"), ""),
    Seed("safetensors", lambda folder: foreign.write_safetensors(folder / "it.safetensors"), ""),
    Seed("run folder", folders.write_run, "config.toml"), Seed("run folder", folders.write_run, "metrics.csv"),
    Seed("config", _written("config.toml", folders.CONFIG), ""), Seed("presets", _written("presets.toml", PRESET), ""),
    Seed("study", _study, "study.json"), Seed("study", _study, "runs/ff-0-h.npz"),
)  # fmt: skip


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The bytes after one to four changes."""
    out = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(out) + 1), rng.randint(1, 64)
        match rng.randrange(6):
            case 0:
                out[at : at + 1] = bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))])
            case 1:
                out[at:at] = out[(begin := rng.randrange(len(out) + 1)) : begin + length] * rng.choice((1, 1, 1, 100))
            case 2:
                del out[at : at + length]
            case 3 if at + 4 <= len(out):  # a length
                (number,) = struct.unpack_from("<I", out, at)
                changed = rng.choice((number + 1, number - 1, number * 256, 0xFFFFFFFF, 0x7FFFFFFF)) % 2**32
                struct.pack_into("<I", out, at, changed)
            case 4:
                del out[at:]
            case _:
                out[at : at + 1] = rng.choice((b"[", b"{", b'"', b",", b"\n", b"(", b"]", b"e", b"-", b"9" * 30, b"\0"))
    return bytes(out)


def damaged_inside(content: bytes, rng: random.Random) -> bytes:
    """A zip with a member that is damaged, or another name or size, but with right checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {each.filename: archive.read(each) for each in archive.infolist()}
    name = rng.choice(sorted(members))
    if rng.randrange(8):
        members[name] = damaged(members[name], rng)
    else:
        members[rng.choice(("y", "../x", "x" * 300, name + "x"))] = members.pop(name)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for each, member in members.items():
            archive.writestr(each, member)
    return stream.getvalue()


def sealed(content: bytes, rng: random.Random) -> bytes:
    """A file of our own with other values in its description, or other arrays, and right checksums."""
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder, "it.npz")).write_bytes(content)
        arrays, meta = container.read(path)
        meta = copy.deepcopy(meta)
        for _ in range(rng.randint(1, 3)):
            if rng.randrange(4) or not arrays:
                _change_value(meta, rng)
            else:
                name = rng.choice(sorted(arrays))
                array = arrays.pop(name)
                if rng.randrange(3):
                    arrays[name] = rng.choice(
                        (array.ravel()[:-1], array[None], array.astype(np.int8), np.repeat(array, 3))
                    )
        try:
            container.write(path, arrays, meta)
        except (TypeError, ValueError):  # it cannot be written so
            return content
        return path.read_bytes()


def _change_value(value: Any, rng: random.Random) -> None:
    """Put something odd somewhere into a value of JSON."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(value[key], dict | list) and value[key] and rng.randrange(5):
            value = value[key]
            continue
        others = [value[each] for each in keys]
        if isinstance(value, dict) and not rng.randrange(4):
            del value[key]
        else:
            value[key] = copy.deepcopy(rng.choice((*ODD, *others)))
        return


def _ways(content: bytes) -> list[Callable[[bytes, random.Random], bytes]]:
    is_ours = content.startswith(b"PK") and b"meta.json" in content[:64]
    inside = [sealed, sealed] if is_ours else [damaged_inside, damaged_inside] if content.startswith(b"PK") else []
    return [damaged, *inside]


def run(seconds: float, seed: int) -> Iterator[tuple[str, trial.Outcome, str | None]]:
    """Damage and read for so long: the reader, what came of it, and what is wrong with that."""
    rng, ends = random.Random(seed), time.perf_counter() + seconds
    with tempfile.TemporaryDirectory() as name:
        made = []
        for n, each in enumerate(SEEDS):
            (folder := Path(name, str(n))).mkdir()
            path = each.write(folder)
            target = path / each.damaged if each.damaged else path
            made.append((each, folder, path, target, target.read_bytes()))
        while time.perf_counter() < ends:
            each, folder, path, target, whole = rng.choice(made)
            content = rng.choice(_ways(whole))(whole, rng)
            target.write_bytes(content)
            reader = READERS[each.reader]
            with trial.untouched(folder) as changed:
                outcome = trial.attempt(partial(reader.read, path), reader.errors)
            failure = outcome.fails(trial.size_of(path)) or "; ".join(changed[:3]) or None
            if failure:
                kept = Path(tempfile.gettempdir(), f"fuzz-{each.reader.replace(' ', '-')}-{abs(hash(content)):x}")
                kept.write_bytes(content)
                print(f"FAILS {each.reader}: {failure} (kept as {kept})", file=sys.stderr, flush=True)
            if each.reader == "study":  # what was in its way was moved
                aside = path / "set-aside"
                for moved in aside.iterdir() if aside.is_dir() else ():
                    moved.unlink()
            yield each.reader, outcome, failure


def measure(seconds: int, seed: int) -> Iterator[Record]:
    started, tried, failures, mb, slowest = time.perf_counter(), 0, 0, 0.0, 0.0
    by_reader: dict[str, list[int]] = {}
    for reader, outcome, failure in run(seconds, seed):
        tried, failures = tried + 1, failures + (failure is not None)
        mb, slowest = max(mb, outcome.mb), max(slowest, outcome.seconds)
        by_reader.setdefault(reader, [0, 0])[outcome.what == "refused"] += 1
    print(f"read and refused: {json.dumps(by_reader)}", file=sys.stderr)
    yield counted("files with random damage", tried, failures, {"MB": mb, "seconds of the processor": slowest}, started)


if __name__ == "__main__":
    main(__doc__ or "", 1200, measure, "seconds")
