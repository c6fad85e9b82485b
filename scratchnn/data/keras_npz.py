"""Keras' imdb.npz and imdb_word_index.json, read without running anything that is in them.

The reviews are ragged, so NumPy stored them as pickles, and a pickle is a program: pickled_lists.py takes their
integers without running it. Sizes are checked before anything is unpacked, and what takes memory is the words alone.
"""

import io
import json
import re
import zipfile
from array import array
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import UInt8

from scratchnn.core.files.bounded import open_zip, read_bytes
from scratchnn.core.files.errors import StorageError
from scratchnn.data.corpus import GET_AGAIN, Corpus, DataError, Reviews, check_reviews
from scratchnn.data.pickled_lists import MOST_ROWS, read_rows

MEMBERS = ("x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy")
# The published files have 17 MB and 1.5 MB: far more is a bomb or another data set. What is in the first unpacks to 1.7
# times its size.
LARGEST_NPZ = 160_000_000
LARGEST_INDEX = 5_000_000
_UNPACKED, _UNPACKED_MORE = 2, 8 << 20
_WORD = re.compile(r"[^ \t\r\n\ud800-\udfff]+")
# A word in quotes, its rank, and what follows them, in the object that the index is.
_BEGIN = re.compile(rb"\s*+\{")
_PAIR = re.compile(rb'\s*+"((?:[^"\\]|\\.)*+)"\s*+:\s*+([1-9]\d{0,8})\s*+[,}]')


class RawFiles:
    """The bytes of the two files, read once, so that what was hashed is what is parsed.

    Raises:
        DataError: if a file is missing, cannot be read, is no ordinary file, or is far too large.
    """

    def __init__(self, npz_path: Path, index_path: Path) -> None:
        self.npz_path, self.index_path = npz_path, index_path
        self.npz = _read_bytes(npz_path, "Keras' imdb.npz", LARGEST_NPZ)
        self.index = _read_bytes(index_path, "Keras' imdb_word_index.json", LARGEST_INDEX)

    @property
    def sha256(self) -> str:
        """SHA-256 in hex of the .npz and the word index, one after the other."""
        return sha256(sha256(self.npz).digest() + sha256(self.index).digest()).hexdigest()

    def parse(self) -> Corpus:
        """Return the corpus in the files. About 2 s for the published 50,000 reviews.

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

    Word by word: as objects of Python's, other JSON of the same length would take twenty times its bytes.

    Raises:
        DataError: unless the ranks are 1 ... number of words, each once, and every word is without spaces.
    """
    words: list[str] = []
    ranks, end = array("i"), _BEGIN.match(data)
    while end is not None and end[0][-1:] in b"{,":
        pair = _PAIR.match(data, end.end())
        if pair is None:
            break
        words.append(_word(pair[1], path))
        ranks.append(int(pair[2]))
        end = pair
    if end is None or end[0][-1:] != b"}" or data[end.end() :].strip():
        place = "at its beginning" if end is None else f"after {len(words)} words"
        raise DataError(
            f"{path}: expected one JSON object of words and their ranks, got something else {place}. {GET_AGAIN}"
        )
    order = np.argsort(np.frombuffer(ranks, np.int32), kind="stable").tolist()
    if any(ranks[n] != rank for rank, n in enumerate(order, start=1)):
        raise DataError(f"{path}: expected the ranks 1 to {len(words)}, each once, got others. {GET_AGAIN}")
    if len(set(words)) < len(words):
        raise DataError(f"{path}: expected every word once, got one twice. {GET_AGAIN}")
    return tuple(words[n] for n in order)


def _word(quoted: bytes, path: Path) -> str:
    try:
        word = json.loads(b'"%s"' % quoted) if b"\\" in quoted else quoted.decode("utf-8")
    except ValueError as error:
        raise DataError(f"{path}: expected JSON, got a word that does not parse ({error}). {GET_AGAIN}") from None
    # Space and line feed join words in texts and in our cache; lone surrogates are legal JSON, but not text.
    if not _WORD.fullmatch(word):
        raise DataError(f"{path}: expected words without white space, got {word!r}. {GET_AGAIN}")
    return word


def _read_bytes(path: Path, what: str, most: int) -> bytes:
    try:
        return read_bytes(path, most)
    except FileNotFoundError:
        raise DataError(f"{path}: expected {what}, got nothing there. {GET_AGAIN}") from None
    except StorageError as error:
        raise DataError(f"{path}: expected {what}, but it {error}. {GET_AGAIN}") from None
    except OSError as error:
        raise DataError(f"{path}: expected {what}, got an error on reading: {error.strerror or error}.") from None


def _read_members(data: bytes, path: Path) -> dict[str, Any]:
    """Return labels (N,) uint8 for each y member and (offsets, tokens) for each x member."""
    try:
        with open_zip(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            names = sorted(info.filename for info in infos)
            if names != sorted(MEMBERS):
                raise DataError(f"{path}: expected the members {sorted(MEMBERS)}, got {names[:8]}. {GET_AGAIN}")
            most = _UNPACKED * len(data) + _UNPACKED_MORE
            if (unpacked := sum(info.file_size for info in infos)) > most:
                raise DataError(
                    f"{path}: expected members of {most} bytes at most, {_UNPACKED} times the file and "
                    f"{_UNPACKED_MORE >> 20} MB, got some that unpack to {unpacked}. {GET_AGAIN}"
                )
            return {info.filename: _read_member(archive, info, path) for info in infos}
    except DataError:
        raise
    except Exception as error:  # zipfile raises a dozen types for damage, from struct.error to NotImplementedError
        raise DataError(
            f"{path}: expected an undamaged .npz, got one that cannot be unpacked"
            f" ({type(error).__name__}: {error}). {GET_AGAIN}"
        ) from None


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Any:
    where = f"{path}, member {info.filename}"
    with archive.open(info) as opened:
        stream: Any = opened
        try:
            version = np.lib.format.read_magic(stream)
            read_header = (
                np.lib.format.read_array_header_2_0 if version[0] == 2 else np.lib.format.read_array_header_1_0
            )
            shape, _, dtype = read_header(stream)
        except zipfile.BadZipFile:
            raise
        except Exception as error:
            raise DataError(f"{where}: expected a NumPy array, got no readable header ({error}). {GET_AGAIN}") from None
        n_bytes = info.file_size - stream.tell()
        if info.filename.startswith("y_"):
            found = _read_labels(stream, n_bytes, shape, dtype, where)
        elif len(shape) != 1 or dtype != np.dtype(object):
            raise DataError(
                f"{where}: expected one list of word ids per review, got a {dtype} array {shape}. {GET_AGAIN}"
            )
        else:
            found = read_rows(stream, shape[0], n_bytes, where)
        if stream.read(1):  # at its end the CRC-32 is checked
            raise DataError(f"{where}: expected one array, got more after it. {GET_AGAIN}")
        return found


def _read_labels(stream: Any, n_bytes: int, shape: tuple[int, ...], dtype: np.dtype, where: str) -> UInt8[Array, " N"]:
    if len(shape) != 1 or dtype.kind not in "iub":
        raise DataError(f"{where}: expected one integer label per review, got a {dtype} array {shape}. {GET_AGAIN}")
    if n_bytes != shape[0] * dtype.itemsize or shape[0] > MOST_ROWS:
        raise DataError(
            f"{where}: expected {shape[0] * dtype.itemsize} bytes of labels, and at most {MOST_ROWS} labels, got "
            f"{n_bytes} bytes. {GET_AGAIN}"
        )
    labels = np.frombuffer(stream.read(n_bytes), dtype)
    wrong = np.flatnonzero((labels != 0) & (labels != 1))
    if len(wrong):
        raise DataError(f"{where}: expected labels 0 and 1, got {labels[wrong[0]]} in row {wrong[0]}. {GET_AGAIN}")
    return labels.astype(np.uint8)
