"""Keras' imdb.npz and imdb_word_index.json, read without running anything that is in them.

The reviews are ragged, so NumPy stored them as pickles, and a pickle is a program. Three fences stand around it: sizes
are checked before memory is allocated; the program may use only the instructions that lists of integers need; and inert
stand-ins replace the three NumPy names it may call, so that not even NumPy is called.
"""

import io
import json
import pickle  # noqa: TID251  the restricted unpickler below is the one place that may read a pickle
import re
import zipfile
from array import array
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import UInt8

from scratchnn.data.corpus import GET_AGAIN, Corpus, DataError, Reviews, check_reviews

MEMBERS = ("x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy")
# The published members take 14 MB each and the word index 1.5 MB: ten times that is a bomb or another data set.
LARGEST_MEMBER = 160_000_000
LARGEST_INDEX = 16_000_000
_WORD = re.compile(r"[^ \t\r\n\ud800-\udfff]+")


class RawFiles:
    """The bytes of the two files, read once, so that what was hashed is what is parsed.

    Raises:
        DataError: if a file is missing, cannot be read, is no ordinary file, or is far too large.
    """

    def __init__(self, npz_path: Path, index_path: Path) -> None:
        self.npz_path, self.index_path = npz_path, index_path
        self.npz = _read_bytes(npz_path, "Keras' imdb.npz", 2 * LARGEST_MEMBER)
        self.index = _read_bytes(index_path, "Keras' imdb_word_index.json", LARGEST_INDEX)

    @property
    def sha256(self) -> str:
        """SHA-256 in hex of the .npz and the word index, one after the other."""
        return sha256(sha256(self.npz).digest() + sha256(self.index).digest()).hexdigest()

    def parse(self) -> Corpus:
        """Return the corpus in the files. About 1 s for the published 50,000 reviews.

        Raises:
            DataError: if anything in them is not as Keras writes it.
        """
        words = read_words(self.index, self.index_path)
        arrays = _read_members(self.npz, self.npz_path)
        splits = []
        for split in ("train", "test"):
            where = f"{self.npz_path}: {split} reviews"
            labels, (offsets, tokens) = arrays[f"y_{split}.npy"], arrays[f"x_{split}.npy"]
            if len(labels) != len(offsets) - 1:
                raise DataError(
                    f"{where}: expected as many labels as reviews, got {len(labels)} labels for {len(offsets) - 1}"
                    f" reviews. {GET_AGAIN}"
                )
            splits.append(Reviews(labels, offsets, tokens))
            check_reviews(splits[-1], len(words), where)
        return Corpus(splits[0], splits[1], words)


def read_words(data: bytes, path: Path) -> tuple[str, ...]:
    """Return the words of a JSON object {word: rank} in rank order.

    Raises:
        DataError: unless the ranks are 1 ... number of words, each once, and every word is without spaces.
    """
    try:
        ranks = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected JSON, got text that does not parse ({error}). {GET_AGAIN}") from None
    if not isinstance(ranks, dict) or not ranks or not all(type(rank) is int for rank in ranks.values()):
        raise DataError(f"{path}: expected one JSON object of words and their ranks, got something else. {GET_AGAIN}")
    words = sorted(ranks, key=ranks.__getitem__)
    if [ranks[word] for word in words] != list(range(1, len(words) + 1)):
        raise DataError(f"{path}: expected the ranks 1 to {len(words)}, each once, got others. {GET_AGAIN}")
    for word in words:
        # Space and line feed join words in texts and in our cache; lone surrogates are legal JSON, but not text.
        if not _WORD.fullmatch(word):
            raise DataError(f"{path}: expected words without white space, got {word!r}. {GET_AGAIN}")
    return tuple(words)


def _read_bytes(path: Path, what: str, limit: int) -> bytes:
    try:
        if not path.is_file():
            state = "a folder or a device" if path.exists() else "nothing there"
            raise DataError(f"{path}: expected {what}, got {state}. {GET_AGAIN}")
        size = path.stat().st_size
        if size > limit:
            raise DataError(f"{path}: expected {what}, at most {limit} bytes, got {size}. {GET_AGAIN}")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected {what}, got an error on reading: {error.strerror or error}.") from None


def _read_members(data: bytes, path: Path) -> dict[str, Any]:
    """Return labels (N,) uint8 for each y member and (offsets, tokens) for each x member."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            names = sorted(info.filename for info in infos)
            if names != sorted(MEMBERS):
                raise DataError(f"{path}: expected the members {sorted(MEMBERS)}, got {names[:8]}. {GET_AGAIN}")
            for info in infos:
                if info.file_size > LARGEST_MEMBER:
                    raise DataError(
                        f"{path}: expected members of at most {LARGEST_MEMBER} bytes, got {info.filename} that unpacks"
                        f" to {info.file_size}. {GET_AGAIN}"
                    )
            # Reading a member to its end also checks its CRC-32, before the content is used.
            return {info.filename: _read_member(archive.read(info), info.filename, path) for info in infos}
    except DataError:
        raise
    except Exception as error:  # zipfile raises a dozen types for damage, from struct.error to NotImplementedError
        raise DataError(
            f"{path}: expected an undamaged .npz, got one that cannot be unpacked"
            f" ({type(error).__name__}: {error}). {GET_AGAIN}"
        ) from None


def _read_member(content: bytes, name: str, path: Path) -> Any:
    where = f"{path}, member {name}"
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_2_0 if version[0] == 2 else np.lib.format.read_array_header_1_0
        shape, _, dtype = read_header(stream)
    except Exception as error:
        raise DataError(f"{where}: expected a NumPy array, got no readable header ({error}). {GET_AGAIN}") from None
    body = content[stream.tell() :]
    if name.startswith("y_"):
        return _read_labels(body, shape, dtype, where)
    if len(shape) != 1 or dtype != np.dtype(object):
        raise DataError(f"{where}: expected one list of word ids per review, got a {dtype} array {shape}. {GET_AGAIN}")
    return _flatten(_unpickle_rows(body, shape[0], where), len(body), where)


def _read_labels(body: bytes, shape: tuple[int, ...], dtype: np.dtype, where: str) -> UInt8[Array, " N"]:
    if len(shape) != 1 or dtype.kind not in "iub":
        raise DataError(f"{where}: expected one integer label per review, got a {dtype} array {shape}. {GET_AGAIN}")
    if len(body) != shape[0] * dtype.itemsize:
        raise DataError(f"{where}: expected {shape[0] * dtype.itemsize} bytes of labels, got {len(body)}. {GET_AGAIN}")
    labels = np.frombuffer(body, dtype)
    wrong = np.flatnonzero((labels != 0) & (labels != 1))
    if len(wrong):
        raise DataError(f"{where}: expected labels 0 and 1, got {labels[wrong[0]]} in row {wrong[0]}. {GET_AGAIN}")
    return labels.astype(np.uint8)


def _flatten(rows: list[Any], n_bytes: int, where: str) -> tuple[Array, Array]:
    """Return offsets (N + 1,) int64 and tokens (total,) int32."""
    tokens = array("i")
    offsets = np.zeros(len(rows) + 1, np.int64)
    for n, row in enumerate(rows):
        try:
            tokens.fromlist(row)
        except (TypeError, OverflowError) as error:
            raise DataError(f"{where}: expected a list of word ids in row {n}, got {error}. {GET_AGAIN}") from None
        # A row may be stored once and referenced many times, so that a small file asks for much memory.
        if len(tokens) > n_bytes:
            raise DataError(f"{where}: expected at most {n_bytes} word ids, got more by row {n}. {GET_AGAIN}")
        offsets[n + 1] = len(tokens)
    return offsets, np.frombuffer(tokens, np.int32) if len(tokens) else np.zeros(0, np.int32)


class _StoredArray:
    """Stands for the array that a pickle rebuilds: it keeps the state and does nothing with it."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _stored_array(*_: Any) -> _StoredArray:
    return _StoredArray()


# NumPy 1 wrote numpy.core, NumPy 2 writes numpy._core. `ndarray` is only ever an argument: a string stands for it.
_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _stored_array,
    ("numpy._core.multiarray", "_reconstruct"): _stored_array,
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): _stored_array,
}


class _ListUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) in _STAND_INS:
            return _STAND_INS[module_name, global_name]
        raise pickle.UnpicklingError(f"it calls for {module_name}.{global_name}")


def _instruction_pattern() -> re.Pattern[bytes]:
    """Match a run of the instructions (pickle protocols 2 to 5) that a stored array of lists of integers may need.

    Left out is all that reaches further objects, and all that asks for memory by a number in the file: the C unpickler
    clears a table as long as the largest memo index it reads, hence at most 24 bits there. Strings are matched whole,
    with their lengths, so that no instruction can hide inside one.
    """
    strings = {part for name in _STAND_INS for part in name} | {"b", "|", "<", "O", "O4", "O8", "|O", "|O4", "|O8"}
    choices = [rb"K.", rb"M..", rb"J.{4}", rb"[\](eatNR.b\x85-\x89\x93\x94]", rb"h.", rb"q.", rb"[jr]...\0"]
    choices += [rb"\x80[\x02-\x05]", rb"\x95.{8}", rb"C\x01b", rb"G.{8}"]  # G: a float, refused later with its row
    choices += [
        b"\\x8a\\x%02x.{%d}" % (n, n) for n in range(9)
    ]  # integers of more than 32 bits, refused later likewise
    choices += [b"c%s\\n%s\\n" % (re.escape(m.encode()), re.escape(n.encode())) for m, n in _STAND_INS]
    for text in sorted(strings):
        escaped = re.escape(text.encode())
        choices.append(b"(?:[\\x8cU]\\x%02x|X\\x%02x\\0\\0\\0)%s" % (len(text), len(text), escaped))
    return re.compile(b"(?:%s)*+" % b"|".join(choices), re.DOTALL)


_INSTRUCTIONS = _instruction_pattern()


def _unpickle_rows(program: bytes, n_rows: int, where: str) -> list[Any]:
    """Return the `n_rows` lists in the pickle of a 1-D object array."""
    allowed = _INSTRUCTIONS.match(program)
    end = allowed.end() if allowed else 0
    if end != len(program):
        raise DataError(
            f"{where}: expected pickled lists of integers only, got instruction {program[end : end + 1]!r} at byte"
            f" {end}, which they never need. Do not trust this file. {GET_AGAIN}"
        )
    stream = io.BytesIO(program)
    try:
        stored = _ListUnpickler(stream, encoding="latin1").load()
        # The state that NumPy gives an array: version, shape, dtype, Fortran order, elements.
        _, shape, _, _, rows = stored.state
        complete = isinstance(rows, list) and shape == (n_rows,) and len(rows) == n_rows and not stream.read(1)
    except Exception as error:  # a damaged pickle can fail in any way
        raise DataError(
            f"{where}: expected pickled lists of integers, got a pickle that fails ({error}). {GET_AGAIN}"
        ) from None
    if not complete:
        raise DataError(f"{where}: expected {n_rows} lists, got another number or none. {GET_AGAIN}")
    return rows
