"""Arrays on disk train like those in memory, and are never copied whole."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.layers import GRU, Dense, Embedding, GlobalAveragePooling1D
from scratchnn.training import batches, on_disk
from scratchnn.training.progress import Progress

RNG = np.random.default_rng(0)
N, T = 203, 6
IDS = RNG.integers(0, 50, (N, T))
LABELS = RNG.integers(0, 2, N)
NUMBERS = RNG.normal(size=(N, T)).astype(np.float32)
WEIGHT = RNG.uniform(0.5, 2, N)

KINDS: dict[str, Callable[[str], tuple[list[Any], str]]] = {
    "ids": lambda backend: ([Embedding(50, 4), GRU(5), Dense(1, activation="sigmoid")], "binary_crossentropy"),
    "numbers": lambda backend: ([Dense(5, activation="tanh"), Dense(1, activation="sigmoid")], "binary_crossentropy"),
}


def made(kind: str, backend: str = "cpu") -> Sequential:
    layers, loss = KINDS[kind](backend)
    model = Sequential(layers, backend=backend, seed=3)
    model.compile("adam", loss, ["accuracy"])
    return model


def mapped(folder: Path, name: str, array: np.ndarray) -> np.memmap:
    np.save(folder / f"{name}.npy", array)
    return np.load(folder / f"{name}.npy", mmap_mode="r")


class InFile:
    """As a Dataset of h5py: an index is a slice or increasing numbers, and what it gives is in memory."""

    chunks = None

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim
        self.rows_read: list[int] = []

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, rows: Any) -> np.ndarray:
        if not isinstance(rows, slice):
            assert (np.diff(rows) > 0).all(), "Indexing elements must be in increasing order"
        found = self._array[rows]
        self.rows_read.append(len(found))
        return found.copy()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise AssertionError("read whole")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_disk, "BYTES_OF_BLOCK", 40 * 8 * T)
    monkeypatch.setattr(batches, "BYTES_GATHERED", 40 * 8 * T)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize(
    ("kind", "x"),
    [("ids", IDS), ("ids", IDS.astype(np.int32)), ("ids", IDS.astype(">u2")), ("ids", IDS.astype(np.float64)),
     ("numbers", NUMBERS), ("numbers", NUMBERS.astype(np.float64)), ("numbers", np.asfortranarray(NUMBERS))],
    ids=["ids", "int32", "big-endian", "float-ids", "numbers", "float64", "columns"],
)  # fmt: skip
@pytest.mark.usefixtures("small_blocks")
def test_they_train_to_the_same_bits(tmp_path: Path, kind: str, x: np.ndarray, backend: str) -> None:
    where = [mapped(tmp_path, name, array) for name, array in (("x", x), ("y", LABELS), ("w", WEIGHT))]
    files = [InFile(array) for array in (x, LABELS, WEIGHT)]
    seen = []
    for a, b, c in ((x, LABELS, WEIGHT), where, files):
        model = made(kind, backend)
        history = model.fit(a, b, 20, 2, sample_weight=c, validation_split=0.2, verbose=0).history
        history |= model.fit(a, b, 20, class_weight={1: 2.0}, validation_data=(a, b, c), verbose=0).history
        results = model.evaluate(a, b, 32, sample_weight=c, verbose=0)
        seen.append((history, results, model.predict(a, 50), model.predict(a, 50, steps=2), *model.get_weights()))
    for other in seen[1:]:
        assert other[:2] == seen[0][:2]
        for got, expected in zip(other[2:], seen[0][2:], strict=True):
            np.testing.assert_array_equal(got, expected)
    assert max(files[0].rows_read) <= 160  # blocks, batches, and the batches gathered at once


def test_nothing_large_is_copied(tmp_path: Path) -> None:
    """200 MB that take no room on the disk: a file with a hole."""
    x = np.memmap(tmp_path / "x", np.uint8, "w+", shape=(200_000, 1000))
    x[::1000] = 7
    x.flush()
    x = np.memmap(tmp_path / "x", np.uint8, "r", shape=x.shape)
    y = np.memmap(tmp_path / "y", np.float64, "w+", shape=(200_000, 1))
    model = Sequential([Embedding(8, 1), GlobalAveragePooling1D(), Dense(1)], seed=1)
    model.compile("sgd", "mse")
    model.fit(x[:64], y[:64], verbose=0)
    tracemalloc.start()
    model.fit(x, y, 1000, verbose=0, validation_split=0.1)
    model.evaluate(x, y, 1000, verbose=0)
    model.predict(x, 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6, f"{peak / 1e6:.0f} MB"  # as ids of 32 bits, all of it would be 800 MB


def test_a_plain_view_of_a_memory_map_is_on_disk_and_a_copy_is_not(tmp_path: Path) -> None:
    x = mapped(tmp_path, "x", NUMBERS)
    for there in (x, np.asarray(x), x[3:], np.asarray(x)[::2].T, x.reshape(-1), InFile(NUMBERS)):
        assert on_disk.is_on_disk(there)
    for here in (NUMBERS, NUMBERS[3:], np.array(x), x[[1, 2]], x + 1, [1], None, "x", np.float32(1)):
        assert not on_disk.is_on_disk(here)


@pytest.mark.usefixtures("small_blocks")
def test_what_does_not_fit_is_an_error_before_anything_is_changed(tmp_path: Path) -> None:
    wrong, numbers, label = IDS.copy(), NUMBERS.copy(), LABELS.copy()
    wrong[150, 2], numbers[170, 1], label[-1] = 50, np.nan, 2
    for kind, x, y, words in (
        ("ids", wrong, LABELS, "in rows 120 to 159: .* has rows for ids 0 to 49, got ids from 0 to 50"),
        ("numbers", numbers, LABELS, "in rows 160 to 202: x holds 1 values that are NaN or infinite"),
        ("ids", IDS, label, "expects labels 0 or 1"),
        ("ids", IDS[:-1], LABELS, "the same length, got 202 rows of x and 203 of y"),
        ("ids", IDS[:0], LABELS[:0], "x is empty"),
        ("ids", IDS.astype("U3"), LABELS, "which is text"),
    ):
        model, progress = made(kind), Progress()
        with pytest.raises(ValueError, match=words):
            model.fit(mapped(tmp_path, "x", x) if len(x) else x, mapped(tmp_path, "y", y) if len(y) else y, verbose=0)
        assert progress.step == 0 and model.optimizer.owner is None
    with pytest.raises(ValueError, match="in rows 120 to 159"):
        made("ids").predict(mapped(tmp_path, "x", wrong))


def test_ids_are_checked_again_when_they_are_read(tmp_path: Path) -> None:
    """Another program may have written in between: what is checked is what the kernels read."""
    np.save(tmp_path / "x.npy", IDS.astype(np.int32))
    x = np.load(tmp_path / "x.npy", mmap_mode="r+")
    model = made("ids")
    rows = on_disk.taken(
        x, lambda each: (model.built or model.build((None, T)), model.check_input(each))[1], model.backend
    )
    x[5, 0] = 77
    with pytest.raises(ValueError, match="got ids from 0 to 77"):
        rows[0:8]
    with pytest.raises(ValueError, match="got ids from 0 to 77"):
        rows[np.array([5, 1])]
    assert rows[6:8].shape == (2, T)
