"""What a crafted file is, and who reads it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scratchnn import Sequential, exchange, load_model
from scratchnn.core.files.errors import StorageError
from scratchnn.data import Vocabulary, cache, word_vectors
from scratchnn.data.keras_npz import RawFiles
from scratchnn.data.own import reading
from scratchnn.experiments import config_file, model_file, preset_file
from scratchnn.experiments.folder import RunFolder
from scratchnn.experiments.linear_model import LinearModel
from scratchnn.layers import LSTM, Dense, Embedding
from scratchnn.models.checkpoint import load_checkpoint
from scratchnn.study.folder import StudyFolder

COMMON = {"data": "abc", "code": "v1", "protocols": ["last"], "epochs": 2}  # of the study that is attacked
VOCABULARY = Vocabulary.from_ranked(["good", "bad", "film"])


@dataclass(frozen=True)
class Reader:
    """A way into this package: it reads the file or the folder at a path."""

    read: Callable[[Path], Any]
    errors: tuple[type[Exception], ...] = (StorageError, OSError)
    """What it may raise: OSError for what is not there, or no file."""


@dataclass(frozen=True)
class Attack:
    """A file, or a folder, that nobody should be able to harm anybody with."""

    name: str
    reader: str
    write: Callable[[Path], Path]
    """Makes it in an empty folder, and returns what is to be read."""


def small_model(**settings: Any) -> Sequential:
    model = Sequential([Embedding(20, 4), LSTM(5), Dense(1, "sigmoid")], backend="reference", seed=1, **settings)
    model.build((None, 6))
    return model


def _texts(path: Path) -> Any:
    return reading.read(path)


def _run_folder(path: Path) -> Any:
    run = RunFolder(path, {})
    return run.read_config(), run.history()


def _study(path: Path) -> Any:
    return StudyFolder.open(path, COMMON).load_all()


def _cache(path: Path) -> Any:
    before = os.environ.get("SCRATCHNN_CACHE")
    os.environ["SCRATCHNN_CACHE"] = str(path)
    try:
        return cache.read("0" * 64)
    finally:
        if before is None:
            del os.environ["SCRATCHNN_CACHE"]
        else:
            os.environ["SCRATCHNN_CACHE"] = before


def _into(load: Callable[[Any, Path], None]) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        model = small_model()
        load(model, path)
        return model

    return read


SAID = (StorageError, OSError, ValueError)  # of what people write themselves: the reader says what is wrong with it
READERS = {
    "model": Reader(lambda path: load_model(path, backend="reference")),
    "checkpoint": Reader(lambda path: load_checkpoint(path, backend="reference")),
    "weights": Reader(_into(lambda model, path: model.load_weights(path))),
    "linear model": Reader(LinearModel.load),
    "model as a preset": Reader(model_file.read, SAID),
    "imdb.npz": Reader(lambda path: RawFiles(path / "imdb.npz", path / "imdb_word_index.json").parse()),
    "corpus cache": Reader(_cache),
    "texts": Reader(_texts),
    "word vectors": Reader(lambda path: word_vectors(path, VOCABULARY)),
    "Keras model": Reader(lambda path: exchange.read_keras(path, backend="reference")),
    "Keras weights": Reader(_into(exchange.load_keras)),
    "PyTorch": Reader(_into(exchange.load_pytorch), (StorageError, OSError, ImportError)),
    "safetensors": Reader(_into(exchange.load_safetensors)),
    "run folder": Reader(_run_folder),
    "config": Reader(config_file.read, SAID),
    "presets": Reader(preset_file.read, SAID),
    "study": Reader(_study, SAID),
}


def npy(array: Any) -> bytes:
    import io

    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def special(reader: str, ending: str, wrap: Callable[[Path, str], Path] | None = None) -> list[Attack]:
    """What is no file, under the name of one that a reader takes. `wrap` says where in its folder it stands."""

    def at(folder: Path, name: str) -> Path:
        return folder / name

    place = wrap or at

    def pipe(folder: Path) -> Path:
        os.mkfifo(path := place(folder, f"it{ending}"))
        return _given(path, folder, wrap)

    def directory(folder: Path) -> Path:
        (path := place(folder, f"it{ending}")).mkdir()
        return _given(path, folder, wrap)

    def link(target: str) -> Callable[[Path], Path]:
        def write(folder: Path) -> Path:
            (path := place(folder, f"it{ending}")).symlink_to(target.replace("SELF", path.name))
            return _given(path, folder, wrap)

        return write

    def sparse(folder: Path) -> Path:
        with open(path := place(folder, f"it{ending}"), "wb") as file:
            file.truncate(2**36)  # 64 GB, none of which is on the disk
        return _given(path, folder, wrap)

    ways = {
        "a pipe": pipe, "a folder": directory, "a device": link("/dev/zero"), "a device full of noise":
        link("/dev/urandom"), "a link to itself": link("SELF"), "a link to nowhere": link("nowhere"),
        "64 GB of nothing": sparse, "a link out": link("/proc/self/mem"),
    }  # fmt: skip
    return [Attack(name, reader, write) for name, write in ways.items()]


def _given(path: Path, folder: Path, wrap: Any) -> Path:
    return folder if wrap else path
