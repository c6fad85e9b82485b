"""Crafted folders of runs and studies, and the settings that people write: config.toml, presets, study.json."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reliability.attacks.attack import COMMON, Attack, special
from scratchnn.core.files import container
from scratchnn.study.folder import StudyFolder
from scratchnn.study.results import RunResult, Tested

CONFIG = b'arch = "lstm"\nseed = 1\n'
METRICS = b"epoch,loss\n1,0.5\n2,0.25\n"


def write_run(folder: Path, config: bytes = CONFIG, metrics: bytes = METRICS) -> Path:
    (folder / "config.toml").write_bytes(config)
    (folder / "metrics.csv").write_bytes(metrics)
    return folder


def result(seed: int = 0, **changed: Any) -> RunResult:
    tested = {"last": Tested(2, 0.25, 0.75, "weights", np.array([0.25, 0.75], np.float32))}
    values = {
        "settings": {"epochs": 2}, "parameters": 7, "history": {"loss": [0.5, 0.1]}, "tested": tested,
        "test_set": "t", "order_digest": "o", "seconds": 2.0, "peak_memory": 100.0,
    }  # fmt: skip
    return RunResult("ff", seed, "h", **{**values, **changed})


def write_study(folder: Path) -> StudyFolder:
    study = StudyFolder.open(folder, COMMON)
    for seed in range(3):
        study.save(result(seed))
    return study


TOML: dict[str, Callable[[], bytes]] = {
    "lists": lambda: b"a = [" + b"[]," * 80_000 + b"[]]",
    "lists in lists": lambda: b"a = " + b"[" * 100_000,
    "tables in tables": lambda: b"a = " + b"{b = " * 50_000,
    "a key of many parts": lambda: b".".join([b"a"] * 100_000) + b" = 1",
    "tables": lambda: b"".join(b"[a.b%d]\n" % n for n in range(25_000)),
    "a long key": lambda: b'"' + b"a" * 200_000 + b'" = 1',
    "a number without end": lambda: b"seed = " + b"9" * 200_000,
    "no UTF-8": lambda: b"\xff = 1",
    "a megabyte": lambda: b"#" * 2**20,
    "a date": lambda: b"seed = 1979-05-27",
    "inf": lambda: b"learning_rate = inf",
    "nothing": lambda: b"",
    "NUL": lambda: b"seed = 1\0",
    "a string without end": lambda: b'arch = """' + b"a\n" * 100_000,
}
PRESETS: dict[str, Callable[[], bytes]] = {
    "an embedding of 1e12": lambda: (
        b'[x]\nembedding = 1000000000000\nlayers = [{class = "Dense", units = 1, activation = "sigmoid"}]'
    ),
    "1e9 units": lambda: (
        b'[x]\nembedding = 4\nlayers = [{class = "LSTM", units = 1000000000}, '
        b'{class = "Dense", units = 1, activation = "sigmoid"}]'
    ),
    "a class": lambda: b'[x]\nembedding = 4\nlayers = [{class = "os.system"}]',
    "a Lambda": lambda: b'[x]\nembedding = 4\nlayers = [{class = "Lambda", function = "x"}]',
    "2,000 layers": lambda: b"[x]\nembedding = 4\nlayers = [" + b'{class = "Flatten"},' * 2000 + b"]",
    "layers in layers": lambda: (
        b"[x]\nembedding = 4\nlayers = ["
        + b'{class = "Bidirectional", layer = ' * 300
        + b'{class = "LSTM", units = 2}'
        + b"}" * 300
        + b"]"
    ),
    "a name that leads out": lambda: b'["../../x"]\nembedding = 4\nlayers = [{class = "Flatten"}]',
}
METRICS_FILES: dict[str, Callable[[], bytes]] = {
    "a million rows": lambda: b"epoch\n" + b"1\n" * 10**6,
    "a column too many": lambda: b"epoch,loss\n1,2,3\n",
    "100,000 columns": lambda: b"a," * 100_000 + b"\n" + b"1," * 100_000 + b"\n",
    "text": lambda: b"epoch,loss\n1,low\n",
    "a number of a megabyte": lambda: b"epoch\n" + b"9" * 10**6 + b"\n",
    "zeros": lambda: bytes(10**6),
    "3 MB": lambda: b"epoch\n" + b"1\n" * 1_500_000,
}
ABOUT: dict[str, Callable[[], bytes]] = {
    "lists": lambda: b"[" + b"[]," * 300_000 + b"[]]",
    "lists in lists": lambda: b"[" * 10**6,
    "2 MB": lambda: b" " * 2**21,
    "a list": lambda: b"[1]",
    "nothing": lambda: b"",
    "NaN": lambda: b'{"data": NaN}',
    "another study": lambda: json.dumps({**COMMON, "data": "x" * 10**5}).encode(),
    "no UTF-8": lambda: b'{"\xff": 1}',
}


def _file(name: str, data: Callable[[], bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (path := folder / name).write_bytes(data())
        return path

    return write


def _study(change: Callable[[StudyFolder], object]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        change(write_study(folder))
        return folder

    return write


def _first(study: StudyFolder) -> Path:
    return sorted(study.runs.iterdir())[0]


def _forged(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> Callable[[StudyFolder], None]:
    """A record that is sealed again after a change."""

    def forge(study: StudyFolder) -> None:
        arrays, meta = container.read(path := _first(study))
        change(arrays, meta)
        container.write(path, arrays, meta)

    return forge


def _in_place(make: Callable[[Path], object]) -> Callable[[StudyFolder], None]:
    """Something else in the place of a record."""

    def change(study: StudyFolder) -> None:
        (path := _first(study)).unlink()
        make(path)

    return change


def _swapped(study: StudyFolder) -> None:
    one, other, _ = sorted(study.runs.iterdir())
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def _sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(2**36)


def _tested(**values: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda _, meta: meta["result"]["tested"]["last"].update(values)


def _result(**values: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda _, meta: meta["result"].update(values)


def _answers(array: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda arrays, _: arrays.update(last=array)


STUDIES: dict[str, Callable[[StudyFolder], object]] = {
    "records swapped": _swapped,
    "a pipe as a record": _in_place(os.mkfifo),
    "a folder as a record": _in_place(Path.mkdir),
    "64 GB as a record": _in_place(_sparse),
    "a link to a device": _in_place(lambda path: path.symlink_to("/dev/zero")),
    "a link to noise": _in_place(lambda path: path.symlink_to("/dev/urandom")),
    "a link to itself": _in_place(lambda path: path.symlink_to(path.name)),
    "a link to nowhere": _in_place(lambda path: path.symlink_to("nowhere")),
    "another study's record": _forged(lambda _, meta: meta["study"].update(data="x")),
    "another version's": _forged(lambda _, meta: meta["study"].update(code="v0")),
    "accuracy of 2": _forged(_tested(accuracy=2.0)),
    "accuracy of nan": _forged(_tested(accuracy=float("nan"))),
    "epoch -1": _forged(_tested(epoch=-1)),
    "epoch 1e9": _forged(_tested(epoch=10**9)),
    "answers of 2": _forged(_answers(np.array([2.0, -1.0], np.float32))),
    "answers of nan": _forged(_answers(np.full(2, np.nan, np.float32))),
    "no answers": _forged(_answers(np.zeros(0, np.float32))),
    "ten million answers": _forged(_answers(np.zeros(10**7, np.float32))),
    "answers of one dimension too many": _forged(_answers(np.zeros((2, 3, 4), np.float32))),
    "a history without end": _forged(_result(history={"loss": [0.5] * 250_000})),
    "a history of text": _forged(_result(history={"loss": ["x"]})),
    "a history of nothing": _forged(_result(history=None)),
    "an error without end": _forged(_result(error="x" * 10**6)),
    "a model that leads out": _forged(_result(model="../../x")),
    "a seed without end": _forged(_result(seed=10**300)),
    "settings of text": _forged(_result(settings="x")),
    "parameters -1": _forged(_result(parameters=-1)),
    "seconds -1": _forged(lambda _, meta: meta["measured"].update(seconds=-1)),
    "5,000 stray files": lambda study: [(study.runs / f"{n}.txt").write_text("mine") for n in range(5000)],
    "names of other alphabets": lambda study: (study.runs / "‮gpj.npz").write_bytes(b"x"),
    "a pipe as the report": lambda study: os.mkfifo(study.path / "report.html"),
    "a pipe as the summary": lambda study: os.mkfifo(study.path / "summary.json"),
    "a dangling report": lambda study: (study.path / "report.html").symlink_to("nowhere"),
    "a file as set-aside": lambda study: (study.path / "set-aside").write_text("mine"),
    "a link as set-aside": lambda study: (
        (study.path / "set-aside").symlink_to("nowhere"),
        _first(study).write_bytes(b"x"),
    ),
}


def attacks() -> Iterator[Attack]:
    for name, data in TOML.items():
        yield Attack(name, "config", _file("config.toml", data))
        yield Attack(name, "presets", _file("presets.toml", data))
        yield Attack(name, "run folder", lambda folder, data=data: write_run(folder, data()))
    for name, data in PRESETS.items():
        yield Attack(name, "presets", _file("presets.toml", data))
    for name, data in METRICS_FILES.items():
        yield Attack(name, "run folder", lambda folder, data=data: write_run(folder, metrics=data()))
    for name, data in ABOUT.items():
        yield Attack(name, "study", lambda folder, data=data: _about(folder, data()))
    for name, change in STUDIES.items():
        yield Attack(name, "study", _study(change))
    yield from special("study", "", lambda folder, _: _away(folder, "study.json"))
    yield from special("run folder", "", lambda folder, _: _missing(write_run(folder) / "metrics.csv"))
    yield from special("config", ".toml")
    yield from special("presets", ".toml")


def _about(folder: Path, data: bytes) -> Path:
    write_study(folder)
    (folder / "study.json").write_bytes(data)
    return folder


def _away(folder: Path, name: str) -> Path:
    write_study(folder)
    return _missing(folder / name)


def _missing(path: Path) -> Path:
    path.unlink()
    return path
