"""Small files in Keras' layout, and surroundings without network, home or caches."""

import json
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn.data import synthetic
from scratchnn.data.corpus import Corpus

WORDS = tuple(f"word{rank}" for rank in range(1, 61))


def object_array(rows: Sequence[Any]) -> np.ndarray:
    array = np.empty(len(rows), object)
    for n, row in enumerate(rows):
        array[n] = row
    return array


def small_rows(seed: int, n: int = 24) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, len(WORDS) + 1, rng.integers(1, 12)).tolist() for _ in range(n)]


def small_arrays() -> dict[str, np.ndarray]:
    labels = np.repeat([1, 0], 12)
    return {
        "x_train": object_array(small_rows(0)),
        "y_train": labels,
        "x_test": object_array(small_rows(1)),
        "y_test": labels,
    }


Writer = Callable[..., Path]


@pytest.fixture
def write_files() -> Writer:
    """Return a function that writes imdb.npz and imdb_word_index.json into a folder, with any array replaced."""

    def write(folder: Path, index: Any = None, **replaced: Any) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {**small_arrays(), **replaced}
        np.savez(folder / "imdb.npz", **{name: array for name, array in arrays.items() if array is not None})
        ranks = {word: rank for rank, word in enumerate(WORDS, start=1)} if index is None else index
        (folder / "imdb_word_index.json").write_text(ranks if isinstance(ranks, str) else json.dumps(ranks))
        return folder

    return write


@pytest.fixture(autouse=True)
def lonely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, no variables of the caller, caches in the test's own folder."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("there is no network in the tests")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("SCRATCHNN_DATA", raising=False)
    monkeypatch.setenv("SCRATCHNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture(scope="session")
def synthetic_corpus() -> Corpus:
    return synthetic.make_corpus()


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The folder with the published reviews."""
    folder = os.environ.get("SCRATCHNN_DATA")
    if not folder:
        pytest.skip("SCRATCHNN_DATA is not set: the published reviews are not at hand")
    return Path(folder)


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, tuple[bytes, int]]]:
    """Return a function that lists a folder: name -> (content, time of last change)."""

    def take(folder: Path) -> dict[str, tuple[bytes, int]]:
        return {
            str(path.relative_to(folder)): (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns)
            for path in sorted([folder, *folder.rglob("*")])
        }

    return take
