"""What reading a file may cost, before it is read: no pipe is waited for, no device, no file or text without end.

A few bytes of JSON or TOML take many in memory: an empty list is 3 bytes of text and some 80 in memory. So values are
counted before a text is parsed.
"""

import contextlib
import io
import json
import os
import re
import stat
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scratchnn.core.files.errors import StorageError

MOST_VALUES = 300_000  # in one text of JSON; with its words a model of 88,000 words has 89,000
MOST_TOML_BYTES = 2**18  # a run's settings take 1 KB
_LONG_KEY = re.compile(rb"""(?<![\w"'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){50}""")  # a.b.c
_MOST_DIRECTORY_BYTES = 2**20  # of a zip: 10,000 members


def read_bytes(path: str | os.PathLike[str], most: int, start: Callable[[bytes], None] | None = None) -> bytes:
    """The bytes of a file.

    `most`: no more than these. `start` gets the first 4096 bytes before the others are read, and may refuse the file.

    Raises:
        StorageError: for what is no file (a folder, a pipe, a device), and for a longer file.
        OSError: if it is not there or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, a pipe or a socket"
        raise StorageError(f"is not a file, but {kind}")
    with open(descriptor, "rb") as file:
        if status.st_size > most:
            raise StorageError(f"has {status.st_size:,} bytes, and at most {most:,} are read of such a file")
        if start is None:
            return file.read(status.st_size)
        first = file.read(4096)
        start(first)
        file.seek(0)  # in one piece, since two joined would take twice the memory
        return file.read(status.st_size)


def parsed_json(text: bytes, **options: Any) -> Any:
    """The value of a text of JSON, of at most MOST_VALUES values; `options` are those of json.loads.

    Raises:
        StorageError: if it is no JSON, or has more values.
    """
    if (values := values_in(text)) > MOST_VALUES:
        raise StorageError(f"has {values:,} values, and at most {MOST_VALUES:,} are read")
    try:
        return json.loads(text, **options)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"is not valid JSON: {error}") from None


def values_in(text: bytes) -> int:
    """How many values a text of JSON has, about: signs inside of strings are counted too."""
    return sum(map(text.count, (b",", b"[", b"{")))


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The table of a file of TOML.

    Raises:
        StorageError: if it is no TOML, or no file, or too long.
        OSError: if it is not there or cannot be read.
    """
    text = read_bytes(path, MOST_TOML_BYTES)
    if _LONG_KEY.search(text):
        raise StorageError("has a key of many parts, which take memory with the square of their number")
    try:
        return tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # of TOML, of UTF-8, and for a number of too many digits
        raise StorageError(f"is no TOML file: {error}") from None


@contextmanager
def open_zip(file: Any) -> Iterator[zipfile.ZipFile]:
    """A zip whose members are stored, or deflated as zlib does it: other ways can take any memory.

    `file` is a path, or a file that is open for reading.

    Raises:
        StorageError: for another way, and for a directory that is too long; zipfile.BadZipFile and others: for damage.
    """
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(open(file, "rb")) if isinstance(file, str | os.PathLike) else file
        held = _Held(opened)
        archive = stack.enter_context(zipfile.ZipFile(held))  # pyright: ignore[reportCallIssue, reportArgumentType]
        held.most = None
        for each in archive.infolist():
            if each.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise StorageError(f"member {each.filename[:80]!r} is compressed in a way that is not read")
        yield archive


class _Held:
    """A file of which only short pieces are read, until `most` is None: so the directory of a zip is one of them."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.most: int | None = _MOST_DIRECTORY_BYTES
        self._size = file.seek(0, io.SEEK_END)

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._file.tell()
        wanted = left if size is None or size < 0 else min(size, left)
        if self.most is not None and wanted > self.most:
            raise StorageError(f"the directory of the zip has {wanted:,} bytes: it has too many members")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True
