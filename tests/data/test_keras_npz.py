"""Keras' files are read exactly, damage of any kind is one DataError, and nothing in a file ever runs."""

import io
import json
import pickle  # noqa: TID251  the hostile files are made here, and shown to work on an unguarded reader
import tracemalloc
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn.data import keras_npz, pickled_lists
from scratchnn.data.corpus import Corpus, DataError
from scratchnn.data.keras_npz import RawFiles

N = 24  # rows in each split of the small files


def object_array(rows: list[Any]) -> np.ndarray:
    array = np.empty(len(rows), object)
    for n, row in enumerate(rows):
        array[n] = row
    return array


def parse(folder: Path) -> Corpus:
    return RawFiles(folder / "imdb.npz", folder / "imdb_word_index.json").parse()


def replace_member(npz: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(npz) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members[name] = content
    with zipfile.ZipFile(npz, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)


def with_header(program: bytes, n_rows: int = N) -> bytes:
    stream = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": (n_rows,)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + program


@cache
def index_of_70_000_words() -> str:
    return json.dumps({f"w{rank}": rank for rank in range(1, 70_001)})


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    rows=st.lists(st.lists(st.integers(1, 70_000), min_size=1, max_size=20), min_size=1, max_size=20),
    labels=st.lists(st.integers(0, 1), min_size=20, max_size=20),
    protocol=st.sampled_from([3, 4, 5]),
    label_type=st.sampled_from(["<i8", ">i4", "u1", "?"]),
)
def test_every_review_comes_back(tmp_path_factory, rows, labels, protocol, label_type):
    folder = tmp_path_factory.mktemp("files")
    y = np.array(labels[: len(rows)]).astype(label_type)
    np.savez_compressed(folder / "imdb.npz", x_train=y, y_train=y, x_test=y, y_test=y)
    program = pickle.dumps(object_array(rows), protocol=protocol)
    for name in ("x_train.npy", "x_test.npy"):
        replace_member(folder / "imdb.npz", name, with_header(program, len(rows)))
    (folder / "imdb_word_index.json").write_text(index_of_70_000_words())

    corpus = parse(folder)

    for split in (corpus.train, corpus.test):
        assert [split.tokens[a:b].tolist() for a, b in zip(split.offsets, split.offsets[1:], strict=False)] == rows
        assert split.labels.tolist() == labels[: len(rows)]
        assert split.labels.dtype == np.uint8 and split.tokens.dtype == np.int32 and split.offsets.dtype == np.int64
    assert corpus.words[0] == "w1" and corpus.words[-1] == "w70000"


def test_both_spellings_of_numpy_are_read(tmp_path, write_files):
    folder = write_files(tmp_path / "files")
    expected = parse(folder)
    with np.load(folder / "imdb.npz", allow_pickle=True) as arrays:
        program = pickle.dumps(arrays["x_train"], protocol=3)
    spellings = {program.replace(b"numpy._core.", b"numpy.core."), program.replace(b"numpy.core.", b"numpy._core.")}
    assert len(spellings) == 2
    for spelling in spellings:
        replace_member(folder / "imdb.npz", "x_train.npy", with_header(spelling))
        assert parse(folder).train.digest == expected.train.digest


def rows_with(bad: Any) -> np.ndarray:
    rows: list[Any] = [[5, 6, 7] for _ in range(N)]
    rows[3] = bad
    return object_array(rows)


LABELS = np.repeat([1, 0], N // 2)
WRONG_ARRAYS = {
    "member missing": ({"y_test": None}, "expected the members"),
    "member extra": ({"more": LABELS}, "expected the members"),
    "labels 2-D": ({"y_train": LABELS.reshape(2, -1)}, "one integer label per review"),
    "labels float": ({"y_train": LABELS.astype(float)}, "one integer label per review"),
    "labels objects": ({"y_train": LABELS.astype(object)}, "one integer label per review"),
    "label 2": ({"y_test": LABELS * 2}, "got 2 in row 0"),
    "label -1": ({"y_test": -LABELS}, "got -1 in row 0"),
    "label 257": ({"y_test": LABELS + 256}, "got 257 in row 0"),
    "labels too few": ({"y_train": LABELS[:-1]}, "as many labels as reviews"),
    "no rows": ({"x_test": object_array([]), "y_test": LABELS[:0]}, "got none"),
    "padded already": ({"x_train": np.ones((N, 5), int)}, "one list of word ids per review"),
    "id 0": ({"x_train": rows_with([4, 0])}, "got 0 in row 3"),
    "id -1": ({"x_train": rows_with([-1])}, "got -1 in row 3"),
    "id past the index": ({"x_train": rows_with([61])}, "from 1 to 60, the size of the word index, got 61 in row 3"),
    "id 2**31": ({"x_train": rows_with([2**31])}, "row 3"),
    "id 2**63": ({"x_train": rows_with([2**63])}, "lists of integers"),
    "id -2**63": ({"x_train": rows_with([-(2**63)])}, "row 3"),
    "id 2**200": ({"x_train": rows_with([2**200])}, "lists of integers"),
    "id 1.0": ({"x_train": rows_with([1.0])}, "row 3"),
    "id as text": ({"x_train": rows_with(["5"])}, "lists of integers"),
    "row None": ({"x_train": rows_with(None)}, "row 3"),
    "row a tuple": ({"x_train": rows_with((5, 6))}, "row 3"),
    "row of rows": ({"x_train": rows_with([[5], [6]])}, "row 3"),
    "row a dict": ({"x_train": rows_with({5: 6})}, "lists of integers"),
    "review empty": ({"x_train": rows_with([])}, "none in row 3"),
}


@pytest.mark.parametrize("defect", WRONG_ARRAYS)
def test_wrong_arrays_are_named(tmp_path, write_files, snapshot, defect):
    arrays, text = WRONG_ARRAYS[defect]
    folder = write_files(tmp_path / "files", **arrays)
    before = snapshot(folder)
    with pytest.raises(DataError) as caught:
        parse(folder)
    message = str(caught.value)
    assert text in message and str(folder / "imdb.npz") in message and "expected" in message
    assert snapshot(folder) == before


WRONG_INDEXES = {
    "not JSON": "{",
    "not UTF-8 JSON": "[" * 100_000,
    "a list": ["the", "and"],
    "empty": {},
    "rank as text": {"the": "1"},
    "rank true": {"the": True},
    "rank missing": {"the": 1, "and": 3},
    "rank twice": {"the": 1, "and": 1},
    "ranks from 0": {"the": 0, "and": 1},
    "word with a space": {"the end": 1},
    "word empty": {"": 1},
    "half a character": '{"\\ud800": 1}',
    "too short for the reviews": {"the": 1},
}


@pytest.mark.parametrize("defect", WRONG_INDEXES)
def test_wrong_word_indexes_are_named(tmp_path, write_files, defect):
    folder = write_files(tmp_path / "files", index=WRONG_INDEXES[defect])
    with pytest.raises(DataError, match=r"imdb_word_index\.json|size of the word index"):
        parse(folder)


def test_repeated_rows_cannot_ask_for_much_memory(tmp_path, write_files):
    row = [5] * 5000  # stored once, named 3000 times
    folder = write_files(tmp_path / "files", x_train=object_array([row] * 3000), y_train=np.zeros(3000, int))
    with pytest.raises(DataError, match="expected at most"):
        parse(folder)


@pytest.mark.parametrize(
    "program",
    [
        pickle.dumps(object_array([[1]] * (N - 1))),  # fewer rows than the header says
        pickle.dumps(object_array([[1]] * N)) + b".",  # bytes after the end
        pickle.dumps([[1]] * N),  # no array at all
        pickle.dumps(object_array([[1]] * N))[:-1],  # no end
        b"",
        b"].",
        b"K\x01.",
        b"h\x05.",  # a memo that was never filled
        b"e.",
    ],
)
def test_pickles_of_something_else_are_refused(tmp_path, write_files, program):
    folder = write_files(tmp_path / "files")
    replace_member(folder / "imdb.npz", "x_train.npy", with_header(program))
    with pytest.raises(DataError, match=r"x_train\.npy"):
        parse(folder)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\x93NUMPY\x09\x00", b"no array", with_header(b"", 10**15)])
@pytest.mark.parametrize("member", ["x_train.npy", "y_test.npy"])
def test_members_without_a_proper_header_are_refused(tmp_path, write_files, content, member):
    folder = write_files(tmp_path / "files")
    replace_member(folder / "imdb.npz", member, content)
    with pytest.raises(DataError, match=member):
        parse(folder)


def gadgets(canary: Path) -> dict[str, bytes]:
    """Return programs that write the canary file when an ordinary unpickler runs them."""
    name = str(canary).encode()
    source = f"open({str(canary)!r},'w').close()".encode()
    text = b"X" + len(source).to_bytes(4, "little") + source
    touch = b"X" + len(b"touch " + name).to_bytes(4, "little") + b"touch " + name
    return {
        "function by name": b"cos\nsystem\n" + touch + b"\x85R.",
        "function from the stack": b"\x8c\x08builtins\x8c\x04exec\x93" + text + b"\x85R.",
        "instance": b"(" + text + b"ibuiltins\nexec\n.",
        "object": b"(cbuiltins\nexec\n" + text + b"o.",
        "through numpy": b"cnumpy.testing._private.utils\nrunstring\n" + text + b"}\x86R.",
        "inside an array": pickle.dumps(object_array([[1]] * N))[:-1] + b"0cbuiltins\nexec\n" + text + b"\x85R.",
        "after lists": b"](K\x01K\x02e0cbuiltins\nexec\n" + text + b"\x85R.",
    }


@pytest.mark.parametrize("name", gadgets(Path("canary")))
@pytest.mark.parametrize("member", ["x_train.npy", "x_test.npy", "y_train.npy"])
def test_no_code_in_a_file_runs(tmp_path, write_files, name, member):
    canary = tmp_path / "canary"
    program = gadgets(canary)[name]
    pickle.loads(program)
    assert canary.exists(), "the gadget must work on an unguarded reader, or this test shows nothing"
    canary.unlink()
    folder = write_files(tmp_path / "files")
    replace_member(folder / "imdb.npz", member, with_header(program))
    with pytest.raises(DataError):
        parse(folder)
    assert not canary.exists()


@pytest.mark.parametrize("name", gadgets(Path("canary")))
def test_the_unpickler_alone_stops_code_too(tmp_path, name):
    """The second fence holds by itself: with no look at the instructions before, no global is handed out."""
    canary = tmp_path / "canary"
    with pytest.raises(pickle.UnpicklingError, match="it calls for"):
        pickled_lists._unpickled(gadgets(canary)[name])
    assert not canary.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"]r\xff\xff\xff\x7f.",  # a memo table of 2**31 entries
        b"\x96" + (2**40).to_bytes(8, "little") + b".",  # a bytearray of 1 TB
        b"\x8e" + (2**40).to_bytes(8, "little") + b".",
        b"\x8b\xff\xff\xff\x7f.",
        b"cnumpy\nndarray\n(J\xff\xff\xff\x7f\x85tR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85C\x01btR.",
    ],
)
def test_programs_that_ask_for_memory_get_none(tmp_path, write_files, program):
    folder = write_files(tmp_path / "files")
    replace_member(folder / "imdb.npz", "x_train.npy", with_header(program))
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            parse(folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_zip_bombs_are_refused_before_they_unpack(tmp_path, write_files):
    folder = write_files(tmp_path / "files")
    with zipfile.ZipFile(folder / "imdb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for member in keras_npz.MEMBERS:
            archive.writestr(member, bytes(60_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="unpack to 240000000"):
            parse(folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_huge_files_and_devices_are_refused_unread(tmp_path, write_files):
    folder = write_files(tmp_path / "files")
    with open(folder / "imdb.npz", "r+b") as file:
        file.truncate(keras_npz.LARGEST_NPZ + 1)  # sparse: it takes no space on the disk
    with pytest.raises(DataError, match="at most"):
        parse(folder)
    (folder / "imdb.npz").unlink()
    with pytest.raises(DataError, match="nothing there"):
        parse(folder)
    (folder / "imdb.npz").mkdir()
    with pytest.raises(DataError, match="it is not a file, but a folder"):
        parse(folder)
    with pytest.raises(DataError, match="it is not a file, but a device, a pipe or a socket"):
        RawFiles(Path("/dev/zero"), folder / "imdb_word_index.json")


def test_truncated_at_every_length(tmp_path, write_files):
    folder = write_files(tmp_path / "files")
    npz = folder / "imdb.npz"
    whole = npz.read_bytes()
    lengths = sorted({*range(0, len(whole), 7), *range(len(whole) - 60, len(whole))})
    for length in lengths:
        npz.write_bytes(whole[:length])
        with pytest.raises(DataError):
            parse(folder)
    npz.write_bytes(whole)
    parse(folder)


def test_flipped_bits_are_noticed_or_harmless(tmp_path, write_files):
    folder = write_files(tmp_path / "files")
    npz = folder / "imdb.npz"
    whole = npz.read_bytes()
    expected = parse(folder).digest
    noticed = 0
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        npz.write_bytes(damaged)
        try:
            # Dates and the like in the zip directory are not content.
            assert parse(folder).digest == expected, f"a flip in byte {position} changed the reviews silently"
        except DataError:
            noticed += 1
    assert noticed > len(whole) // 3 * 0.8
