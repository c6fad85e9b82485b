"""Bytes of a file as text; or an error that says in which line it is none."""

from pathlib import Path

from scratchnn.core.files.bounded import read_bytes
from scratchnn.core.files.errors import StorageError
from scratchnn.data.corpus import DataError

_BOM = b"\xef\xbb\xbf"
_OTHER_KINDS = {
    b"\xff\xfe": "UTF-16: save it as UTF-8", b"\xfe\xff": "UTF-16: save it as UTF-8",
    b"PK\x03\x04": "a zip archive, as .xlsx and .docx are", b"\x1f\x8b": "compressed by gzip: unpack it",
    b"PAR1": "a Parquet file", b"\x89PNG": "a PNG image", b"\xff\xd8\xff": "a JPEG image", b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
}  # fmt: skip
_MOST_BYTES = 2**32  # of a file
_SHOWN = 20  # bytes before and behind a wrong one


def bytes_of(path: Path, where: str, most: int = _MOST_BYTES) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: for a pipe, which would be waited for, a device, and a longer file than `most`.
    """
    try:
        return read_bytes(path, most)
    except StorageError as error:
        raise DataError(f"{where} {error}") from None


def text_of(data: bytes, where: str) -> str:
    """The text, in UTF-8 with or without a byte order mark. `where` names the file in errors.

    Raises:
        DataError: for another encoding, or several in one file, and for NUL bytes; it names the line.
    """
    data = without_mark(data, where)
    if (nul := data.find(b"\0")) >= 0:
        raise DataError(
            f"{where}, line {_line(data, nul)}: a NUL byte, which no text has. Is it UTF-16, or no text at all? "
            "Save it as text in UTF-8"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}, line {_line(data, error.start)}: {_about(data, error.start)}") from None


def without_mark(data: bytes, where: str) -> bytes:
    """The bytes that a text begins with, without a byte order mark.

    Raises:
        DataError: if files of another kind begin so.
    """
    for sign, kind in _OTHER_KINDS.items():
        if data.startswith(sign):
            raise DataError(f"{where}: expected text in UTF-8, and this is {kind}")
    return data.removeprefix(_BOM)


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _about(data: bytes, position: int) -> str:
    """What is wrong with the byte there, what it may have been meant for, and whether the other lines are like it."""
    lines = data.split(b"\n")
    wrong = sum(not _is_utf8(line) for line in lines)
    right = sum(not line.isascii() and _is_utf8(line) for line in lines)
    begin = max(data.rfind(b"\n", 0, position) + 1, position - _SHOWN)
    place = data[begin : position + _SHOWN].split(b"\n")[0].decode("cp1252", "replace").strip()
    lines_like_it = f"{wrong:,} line{'s are' if wrong > 1 else ' is'}"
    told = f"byte 0x{data[position]:02x} is not UTF-8 (in Windows-1252 the place reads {place!r})"
    if right:
        return (
            f"{told}. The file mixes encodings: {lines_like_it} not UTF-8, {right:,} with letters beyond ASCII "
            "are. Export it again, all of it as UTF-8"
        )
    return f"{told}; {lines_like_it} like this. Save the file as UTF-8: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
