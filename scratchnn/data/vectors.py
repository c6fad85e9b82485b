"""Word vectors that others trained, read from the text formats of GloVe and of word2vec."""

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import NoReturn

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float32

from scratchnn.core import checks
from scratchnn.data.corpus import DataError
from scratchnn.data.text import OOV, Vocabulary

_LONGEST = 2**20  # bytes in a line; 300 numbers take 3,000
_MOST_NUMBERS = 2**14  # of a word
_UNPACKED = (2**22, 8)  # bytes that a .gz may unpack to, and so many for each of its own; text shrinks to a third
_HEADER = re.compile(rb"\d+[ \t]+\d+")
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LARGEST = float(np.finfo(np.float32).max)
_OF_NUMBERS = b"0123456789+-.eE \t"


@dataclass(frozen=True, eq=False)
class WordVectors:
    """A row for each id of a vocabulary, ready for `Embedding(*vectors.matrix.shape, weights=[vectors.matrix])`.

    `found` is the share of the vocabulary's words that the file has, `missing` are the others, in the order of their
    ids. Their rows are zeros, and so are those of padding, the start mark and unknown words.
    """

    matrix: Float32[Array, "V D"]
    found: float
    missing: tuple[str, ...]
    source: str

    def __repr__(self) -> str:
        V, D = self.matrix.shape
        without = f"; not in it: {', '.join(map(repr, self.missing[:3]))}" if self.missing else ""
        dots = ", ..." if len(self.missing) > 3 else ""
        return f"<WordVectors ({V}, {D}) from {self.source}: {self.found:.1%} of the words found{without}{dots}>"


def word_vectors(path: str | PathLike[str], vocabulary: Vocabulary, dim: int | None = None) -> WordVectors:
    """Read the vectors of a vocabulary's words from a text file, or its .gz, in GloVe's or word2vec's format.

    A line is a word and D numbers, in UTF-8, with spaces between them; a word may contain spaces. A first line of two
    whole numbers is word2vec's header, the number of words and D. Without it, `dim` or the first line tells D. A word
    belongs to the id that `vocabulary.encode` gives it, and of several ("The", "the") the one that is spelled like the
    vocabulary's counts, else the first.

    The file is read line by line. Every line's length and characters are checked, and the numbers of the words that are
    taken.

    Raises:
        DataError: a ValueError, naming the line: for a line of another length, what is no finite number, bytes that are
            not UTF-8, one of the vocabulary's words twice, a header that does not fit, a file without vectors.
        OSError: if the file cannot be read.
    """
    if not isinstance(vocabulary, Vocabulary):
        raise TypeError(f"vocabulary must be a scratchnn.data.Vocabulary, got {type(vocabulary).__name__}")
    dim = None if dim is None else checks.whole_number("dim", dim, 1)
    reading = _Reading(Path(checks.path("path", path)), vocabulary, dim)
    if reading.path.exists() and not reading.path.is_file():  # a pipe would be waited for
        raise DataError(f"{path} is not a file: give the path of one")
    try:
        for number, line in _lines(reading.path):
            reading.take(number, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be unpacked ({error}); get the file again") from error
    return reading.result()


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbers from 1 on, and the lines without white space at their end; empty ones are left out."""
    with open(path, "rb") as file:
        start = file.read(2)
        if start == b"PK":
            raise DataError(f"{path} is a zip archive: unpack it, and give the text file that is in it")
        file.seek(0)
        most = os.fstat(file.fileno()).st_size
        with gzip.open(file) if start == b"\x1f\x8b" else file as lines:
            most = most if lines is file else _UNPACKED[0] + _UNPACKED[1] * most
            number = unpacked = 0
            while line := lines.readline(_LONGEST):
                number, unpacked = number + 1, unpacked + len(line)
                if unpacked > most:
                    raise DataError(f"{path} unpacks to more than {most:,} bytes, which no text shrinks from")
                if len(line) == _LONGEST:
                    raise DataError(f"{path}, line {number}: more than {_LONGEST:,} bytes without an end of the line")
                line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line  # a byte order mark
                if line := line.rstrip(b" \t\r\n"):
                    if b"\r" in line:
                        raise DataError(
                            f"{path}, line {number}: a carriage return within the line; lines end with \\n or \\r\\n: "
                            "save the file with line ends of this kind"
                        )
                    yield number, line


class _Reading:
    """What is known of a file and of the vocabulary after some lines."""

    def __init__(self, path: Path, vocabulary: Vocabulary, dim: int | None) -> None:
        self.path, self._vocabulary, self._dim = path, vocabulary, dim
        self._promised: int | None = None  # vectors, by the header
        self._matrix: Array | None = None
        self._lines_of: dict[int, int] = {}  # which line has the word of an id, as the vocabulary spells it
        self._others: set[int] = set()  # ids of words that were found with another spelling
        self._count = 0

    def take(self, number: int, line: bytes) -> None:
        if self._matrix is None:
            if self._promised is None and self._dim != 1 and _HEADER.fullmatch(line):
                return self._take_header(*map(int, line.split()))
            self._dim = self._dim or _numbers_at_the_end(line) or self._refuse(number, "no word with numbers after it")
            if self._dim > _MOST_NUMBERS:
                self._refuse(number, f"{self._dim:,} numbers after a word, expected {_MOST_NUMBERS:,} at most")
            self._split(number, line)  # before anything of that size is allocated
            self._matrix = np.zeros((len(self._vocabulary), self._dim), np.float32)
        self._count += 1
        word, _, rest = line.partition(b" ")
        if not word or rest.count(b" ") != self._matrix.shape[1] - 1 or rest.translate(None, _OF_NUMBERS):
            word, rest = self._split(number, line)
        index, exact = self._id_of(number, word)
        if index is None or (not exact and (index in self._others or index in self._lines_of)):
            return
        if exact and (before := self._lines_of.setdefault(index, number)) != number:
            self._refuse(number, f"the word {self._vocabulary.words[index]!r} was on line {before} already")
        if not exact:
            self._others.add(index)
        self._matrix[index] = self._numbers(number, rest)

    def result(self) -> WordVectors:
        if self._matrix is None:
            raise DataError(f"{self.path} has no vectors in it: expected lines of a word and its numbers")
        if self._promised not in (None, self._count):
            raise DataError(
                f"{self.path}: its first line promises {self._promised:,} words, but it has {self._count:,}"
            )
        ids = self._vocabulary.ids
        missing = tuple(word for word, n in ids.items() if n not in self._lines_of and n not in self._others)
        return WordVectors(self._matrix, 1 - len(missing) / max(len(ids), 1) if ids else 0.0, missing, self.path.name)

    def _take_header(self, promised: int, dim: int) -> None:
        if self._dim not in (None, dim) or not dim:
            self._refuse(1, f"the header says {dim} numbers for each word, expected {self._dim or 'at least 1'}")
        self._promised, self._dim = promised, dim

    def _split(self, number: int, line: bytes) -> tuple[bytes, bytes]:
        """The word, which may contain spaces, and its numbers."""
        assert self._dim is not None
        parts = line.rsplit(None, self._dim)
        word, numbers = parts[0], parts[1:]
        in_word = word.split()
        if len(numbers) < self._dim or (len(in_word) > 1 and _NUMBER.fullmatch(in_word[-1])):
            self._refuse(number, f"{len(line.split()) - 1} numbers after the word, expected {self._dim}")
        rest = b" ".join(numbers)
        self._numbers(number, rest)
        return word, rest

    def _id_of(self, number: int, word: bytes) -> tuple[int | None, bool]:
        """The id of a word, and whether it is spelled like the vocabulary's."""
        try:
            text = word.decode()
        except UnicodeDecodeError:
            self._refuse(
                number, f"the word {word[:40]!r} is not UTF-8; is this word2vec's binary format? Save it as text"
            )
        if (index := self._vocabulary.ids.get(text)) is not None:
            return index, True
        if text.isascii() and text.isalnum() and text.islower():  # encode would find the same
            return None, False
        found = self._vocabulary.encode(text)[1:]
        return (int(found[0]) if len(found) == 1 and found[0] > OOV else None), False

    def _numbers(self, number: int, rest: bytes) -> Array:
        parts = rest.split()
        if len(parts) != self._dim:
            self._refuse(number, f"{len(parts)} numbers after the word, expected {self._dim}")
        if wrong := [part for part in parts if not _NUMBER.fullmatch(part) or abs(float(part)) > _LARGEST]:
            self._refuse(number, f"{wrong[0][:40]!r} where one of {self._dim} finite numbers was expected")
        return np.array(list(map(float, parts)), np.float32)

    def _refuse(self, number: int, what: str) -> NoReturn:
        raise DataError(f"{self.path}, line {number}: {what}")


def _numbers_at_the_end(line: bytes) -> int:
    """How many of the line's parts are numbers, counted from its end; the first one is a word whatever it is."""
    parts = line.split()[1:]
    return next((n for n, part in enumerate(reversed(parts)) if not _looks_like_a_number(part)), len(parts))


def _looks_like_a_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True
