"""Folders of texts, `label/*.txt`, alone or inside train/ and test/; aclImdb among them, unpacked or as its archive."""

import gzip
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from scratchnn.core.names import plural
from scratchnn.data.corpus import DataError
from scratchnn.data.own.decoding import bytes_of, text_of
from scratchnn.data.own.labelled import PARTS, Labelled, Parts, Row, labelled

_PARTS = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
}  # fmt: skip
_LONGEST = 2**26  # bytes of one text
# An archive of more bytes of text, or of more members and bytes of all kinds, was made to fill a memory or to take
# hours: text shrinks to a third or a quarter, and texts without a label may be beside it. (most, per byte of it)
_TEXTS, _ALL, _MEMBERS = (2**23, 5.0), (2**26, 10.0), (20_000, 0.01)
_AT_ONCE = 2**20  # bytes; the name of a member may claim to be longer
_UNLABELLED = "unsup"  # of aclImdb: 50,000 reviews without a label


class _File(NamedTuple):
    path: PurePosixPath  # inside the folder
    data: bytes | Path | None  # None: not the bytes of a file, but a link, a pipe, or a folder too deep

    def read(self) -> bytes:
        assert self.data is not None
        return self.data if isinstance(self.data, bytes) else bytes_of(self.data, str(self.data), _LONGEST)


def read_folder(folder: Path) -> Parts:
    """The texts of a folder.

    Raises:
        DataError: if it has no folders that are labels, or a text is not UTF-8.
    """
    found = sorted(_files_in(folder, PurePosixPath(), deepest=3), key=lambda file: file.path)
    return _parts(found, str(folder))


def _files_in(folder: Path, inside: PurePosixPath, deepest: int) -> Iterator[_File]:
    for path in folder.iterdir():
        if _is_hidden(path.name):
            continue
        if not path.is_dir():
            yield _File(inside / path.name, path if path.is_file() else None)  # a pipe would be waited for
        elif deepest > 1 and path.name != _UNLABELLED:
            yield from _files_in(path, inside / path.name, deepest - 1)
        else:
            yield _File(inside / path.name / "*", None)


def read_archive(path: Path) -> Parts:
    """The same from a .tar, .tar.gz or .tgz; a single folder around everything is left out of the labels.

    Raises:
        DataError: as `read_folder`, and for an archive that cannot be unpacked.
    """
    try:
        found = list(_members(path))
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be unpacked ({error}); get the file again") from error
    if len({file.path.parts[0] for file in found}) == 1 and all(len(file.path.parts) > 1 for file in found):
        found = [file._replace(path=PurePosixPath(*file.path.parts[1:])) for file in found]
    return _parts(sorted(found, key=lambda file: file.path), str(path))


def _members(path: Path) -> Iterator[_File]:
    size = path.stat().st_size
    texts, everything, members = (int(most + per_byte * size) for most, per_byte in (_TEXTS, _ALL, _MEMBERS))
    refused = DataError(f"{path} unpacks to far more than its size: these are no texts")
    with open(path, "rb") as packed:
        is_packed = packed.read(2) == b"\x1f\x8b"
        packed.seek(0)
        held: Any = _Held(gzip.open(packed) if is_packed else packed, everything, refused)
        try:
            opened = tarfile.open(fileobj=held, mode="r:")
        except tarfile.ReadError:
            raise tarfile.ReadError("it is no tar archive") from None
        archive: Any
        with opened as archive:
            for count, member in enumerate(archive):
                archive.members = []  # or it keeps all that it has seen
                inside = PurePosixPath(member.name)
                if count > members:
                    raise refused
                if member.isdir() or not inside.parts or any(map(_is_hidden, inside.parts)):
                    continue
                content = None
                if member.isfile() and inside.suffix == ".txt" and _UNLABELLED not in inside.parts:
                    texts -= member.size
                    if texts < 0:
                        raise refused
                    content = archive.extractfile(member)
                read = None if content is None else b"".join(iter(lambda file=content: file.read(_AT_ONCE), b""))
                yield _File(inside, read)


class _Held:
    """A file that is unpacked as far as `most` bytes and no further, and read in short pieces."""

    def __init__(self, file: Any, most: int, refused: DataError) -> None:
        self._file, self._most, self._refused = file, most, refused
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _AT_ONCE or self.tell() > self._most:
            raise self._refused
        return self._file.read(size)

    def seek(self, position: int) -> int:
        if position > self._most:
            raise self._refused
        return self._file.seek(position)


def _is_hidden(name: str) -> bool:
    return (name.startswith(".") and name != "..") or name == "__MACOSX"


def _parts(files: list[_File], where: str) -> Parts:
    has_parts = any(_PARTS.get(file.path.parts[0].lower()) == "train" for file in files if len(file.path.parts) > 2)
    depth = 3 if has_parts else 2
    rows: dict[str, list[Row]] = {"train": []}
    others: list[PurePosixPath] = []
    for file in files:
        names = file.path.parts
        part = _PARTS.get(names[0].lower()) if has_parts else "train"
        if part is None or len(names) != depth or file.path.suffix != ".txt" or file.data is None:
            others.append(file.path)
            continue
        content = text_of(file.read(), f"{where}, {file.path}")
        rows.setdefault(part, []).append(Row(content, names[-2], str(file.path)))
    if not rows["train"]:
        raise DataError(_no_classes(where, files))
    read: dict[str, Labelled] = {}
    empty: tuple[str, ...] = ()
    for name, found in rows.items():
        read[name], without = labelled(found, f"{where}, {name}" if has_parts else where)
        empty += without
    train, validation, test = (read.get(name) for name in PARTS)
    assert train is not None
    return Parts(train, validation, test, source=where, notes=tuple(_notes(others)), empty=empty)


def _no_classes(where: str, files: list[_File]) -> str:
    some = ", ".join(str(file.path) for file in files[:3])
    return (
        f"{where}: a folder without classes: expected a folder for each label with a .txt for each text, such as "
        f"{where}/positive/1.txt, or train/ and test/ with such folders inside; or imdb.npz and imdb_word_index.json. "
        f"It has {some or 'nothing in it'}"
    )


def _notes(others: list[PurePosixPath]) -> Iterator[str]:
    unlabelled = sum(_UNLABELLED in path.parts for path in others)
    rest = [path for path in others if _UNLABELLED not in path.parts]
    if unlabelled:
        yield f"the texts in {_UNLABELLED}/ have no label and are left out"
    if rest:
        kinds = Counter(path.suffix or path.name for path in rest)
        yield (
            f"left out, since no .txt in the folder of a label: {plural(len(rest), 'file')}, such as {rest[0]} "
            f"({', '.join(kind for kind, _ in kinds.most_common(3))})"
        )
