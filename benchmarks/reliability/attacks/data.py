"""Crafted files of data: Keras' reviews and their words, labelled texts of one's own, word vectors."""

import gzip
import io
import json
import pickle  # noqa: TID251  the hostile files are made here
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reliability.attacks.attack import Attack, npy, special

N = 24
LABELS = npy(np.repeat([1, 0], N // 2))
INDEX = json.dumps({f"w{rank}": rank for rank in range(1, 61)}).encode()


def rows_of(rows: list[Any]) -> Any:
    array = np.empty(len(rows), object)
    for n, row in enumerate(rows):
        array[n] = row
    return array


def pickled(rows: list[Any], protocol: int = 4) -> bytes:
    return pickle.dumps(rows_of(rows), protocol=protocol)


def with_header(program: bytes, shape: Any = (N,), descr: str = "|O") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + program


GOOD_ROWS = with_header(pickled([[n % 60 + 1, 2, 3] for n in range(N)]))


def write_imdb(folder: Path, method: int = zipfile.ZIP_DEFLATED, index: bytes = INDEX, **members: bytes) -> Path:
    """Both files, with other members, or another index."""
    whole = {"x_train": GOOD_ROWS, "y_train": LABELS, "x_test": GOOD_ROWS, "y_test": LABELS} | members
    with zipfile.ZipFile(folder / "imdb.npz", "w", method) as archive:
        for name, content in whole.items():
            archive.writestr(f"{name}.npy", content)
    (folder / "imdb_word_index.json").write_bytes(index)
    return folder


def gadget(folder: Path) -> bytes:
    """A program that writes a file when it is run."""
    source = f"open({str(folder / 'canary')!r},'w').close()".encode()
    return b"cbuiltins\nexec\nX" + len(source).to_bytes(4, "little") + source + b"\x85R"


def _head(protocol: int = 2) -> bytes:
    """What stands before the lists."""
    whole = pickled([[1]] * N, protocol)
    return whole[: whole.index(b"]")]


def _many(n: int, one: bytes = b"](K\1K\2e") -> bytes:
    return with_header(_head().replace(b"K\x18", b"J" + n.to_bytes(4, "little")) + b"](" + one * n + b"etb.", (n,))


def _members(**members: Callable[[], bytes]) -> Callable[[Path], Path]:
    return lambda folder: write_imdb(folder, **{name: make() for name, make in members.items()})


def _x(program: Callable[[], bytes]) -> Callable[[Path], Path]:
    return _members(x_train=lambda: with_header(program()))


IMDB: dict[str, Callable[[Path], Path]] = {
    "code, called by name": lambda f: write_imdb(f, x_train=with_header(gadget(f) + b".")),
    "code after the lists": lambda f: write_imdb(
        f, x_test=with_header(pickled([[1]] * N)[:-1] + b"0" + gadget(f) + b".")
    ),
    "code in a list": lambda f: write_imdb(f, x_train=with_header(_head() + b"](" + gadget(f) + b"etb.")),
    "code in the labels": lambda f: write_imdb(f, y_train=with_header(gadget(f) + b".")),
    "code of NumPy's": _x(lambda: b"cnumpy.testing._private.utils\nrunstring\nX\4\0\0\0passX\1\0\0\0a\x86R."),
    "a memo of 2**24": _x(lambda: b"]r\xff\xff\xff\0."),
    "a memo of 2**31": _x(lambda: b"]r\xff\xff\xff\x7f."),
    "1 TB of bytes": _x(lambda: b"\x96" + (2**40).to_bytes(8, "little") + b"."),
    "1 TB of a frame": _x(lambda: b"\x80\4\x95" + (2**40).to_bytes(8, "little") + b"."),
    "a million short frames": _x(lambda: b"\x80\4" + (b"\x95" + (1).to_bytes(8, "little") + b"]") * 10**6),
    "an array of NumPy's": _x(lambda: b"cnumpy\nndarray\n(J\xff\xff\xff\x7f\x85tR."),
    "lists in lists": _x(lambda: _head() + b"]" * 10**6 + b"tb."),
    "marks": _x(lambda: _head() + b"](" + b"(" * 10**6 + b"etb."),
    "a row of a million words": _x(lambda: _head() + b"](](" + b"M\0\1" * 10**6 + b"eetb."),
    "a row named again": _x(lambda: _head() + b"](]q\x20(" + b"K\1" * 10**5 + b"e" + b"h\x20" * (N - 1) + b"etb."),
    "a row before it is there": _x(lambda: _head() + b"](h\x09etb."),
    "no end": _x(lambda: pickled([[1]] * N)[:-1]),
    "a number of 255 bytes": _x(lambda: _head() + b"](](\x8a\xff" + b"\x7f" * 255 + b"eetb."),
    "a million rows": _members(x_train=lambda: _many(10**6)),
    "a header of a million rows": _members(x_train=lambda: with_header(b"", (10**15,))),
    "250,000 rows": _members(x_train=lambda: _many(250_000), y_train=lambda: npy(np.zeros(250_000, np.uint8))),
    "250,000 rows of words that are integers of their own": _members(
        x_train=lambda: _many(250_000, b"](M\0\7M\1\7M\2\7e")
    ),
    "4 MB of one word": _members(x_train=lambda: _many(2000, b"](" + b"K\1" * 1000 + b"e")),
    "60 MB of zeros": _members(x_train=lambda: bytes(6 * 10**7)),
    "labels of 60 MB": _members(y_train=lambda: npy(np.zeros(6 * 10**7, np.uint8))),
    "labels without end": _members(y_train=lambda: with_header(b"", (2**62,), "<i8")),
    "labels of -1 dimensions": _members(y_train=lambda: with_header(b"", (-1,), "<i8")),
    "a header of 60 KB": _members(x_train=lambda: b"\x93NUMPY\1\0" + struct.pack("<H", 60_000) + b"(" * 60_000),
    "a header of 4 GB": _members(x_train=lambda: b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1) + b"{" * 1000),
    "60,000 members": lambda f: _zip(f, 60_000),
    "a member of bzip2": lambda f: write_imdb(f, zipfile.ZIP_BZIP2),
    "a member of LZMA": lambda f: write_imdb(f, zipfile.ZIP_LZMA),
    "members twice": lambda f: _zip(f, 2, "x_train.npy"),
    "no zip": lambda f: _bytes(f, "imdb.npz", b"PK\3\4" + b"0" * 10**5),
    "a directory of 60 MB": lambda f: _directory(f),
    "an index of lists": lambda f: write_imdb(f, index=b"[" + b"[]," * 10**6 + b"[]]"),
    "an index of 5 MB of short words": lambda f: write_imdb(f, index=_index(400_000)),
    "an index of objects": lambda f: write_imdb(
        f, index=b"{" + b",".join(b'"%d":{}' % n for n in range(300_000)) + b"}"
    ),
    "an index of 16 MB": lambda f: write_imdb(f, index=b'{"a":' + b" " * 16_000_000 + b"1}"),
    "an index of one long word": lambda f: write_imdb(f, index=b'{"' + b"a" * 4_000_000 + b'":1}'),
    "an index of backslashes": lambda f: write_imdb(f, index=b'{"' + b"\\" * 4_000_001 + b'":1}'),
    "an index of half letters": lambda f: write_imdb(f, index=b'{"\\ud800": 1}'),
    "an index in lists": lambda f: write_imdb(f, index=b"[" * 10**6),
}


def _index(n: int) -> bytes:
    return b"{" + b",".join(b'"%x":%d' % (rank, rank) for rank in range(1, n + 1)) + b"}"


def _zip(folder: Path, members: int, name: str = "") -> Path:
    write_imdb(folder)
    with zipfile.ZipFile(folder / "imdb.npz", "a") as archive:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for n in range(members):
                archive.writestr(name or f"m{n}.npy", b"")
    return folder


def _directory(folder: Path) -> Path:
    write_imdb(folder)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, 60_000_000, 0, 0)
    (folder / "imdb.npz").write_bytes(bytes(60_000_000) + end)
    return folder


def _bytes(folder: Path, name: str, data: bytes) -> Path:
    write_imdb(folder)
    (folder / name).write_bytes(data)
    return folder


def _file(name: str, data: Callable[[], bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (path := folder / name).write_bytes(data())
        return path

    return write


def _tar(*members: tuple[str, int, bytes], times: int = 1) -> bytes:
    """Members of these names, sizes and types, filled with one letter."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for name, size, kind in members * times:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = size, kind, "/etc/passwd"
            archive.addfile(info, io.BytesIO(b"a" * size) if kind == tarfile.REGTYPE else None)
    return stream.getvalue()


def _long_name(size: int) -> bytes:
    """A member whose name claims to be so long, in zeros that shrink to nothing."""
    info = tarfile.TarInfo("././@LongLink")
    info.size, info.type = size, tarfile.GNUTYPE_LONGNAME
    return gzip.compress(info.tobuf() + bytes(size), 1)


REG = tarfile.REGTYPE
TEXTS: dict[str, Callable[[Path], Path]] = {
    "60,000 short rows": _file("it.csv", lambda: b"text,label\n" + b"a,b\n" * 60_000),
    "a column twice": _file("it.csv", lambda: b"text,text,label\na,b,c\n"),
    "100,000 columns": _file("it.csv", lambda: b"a," * 10**5 + b"text,label\n"),
    "a quote without end": _file("it.csv", lambda: b'text,label\n"' + b"a\n" * 10**6),
    "NUL": _file("it.csv", lambda: b"text,label\n\0,b\n"),
    "UTF-16": _file("it.csv", lambda: "text,label\na,b\n".encode("utf-16")),
    "no UTF-8": _file("it.csv", lambda: b"text,label\n\xff\xfe,b\n"),
    "labels of a megabyte": _file("it.csv", lambda: b"text,label\na," + b"b" * 10**6),
    "nothing": _file("it.csv", lambda: b""),
    "a formula": _file("it.tsv", lambda: b"text\tlabel\n=cmd|' /C calc'!A0\tx\n"),
    "lines": _file("it.csv", lambda: b"\n" * 10**6),
    "lists in a line": _file("it.jsonl", lambda: b'{"text": [' + b"[]," * 10**6 + b'[]], "label": 1}'),
    "lists in lists": _file("it.jsonl", lambda: b"[" * 10**6),
    "a number without end": _file("it.jsonl", lambda: b'{"text": "a", "label": ' + b"9" * 10**6 + b"}"),
    "a label of infinity": _file("it.jsonl", lambda: b'{"text": "a", "label": Infinity}'),
    "a line of 10 MB": _file("it.jsonl", lambda: b'{"text": "' + b"a" * 10**7 + b'", "label": "b"}'),
    "words without end": _file("it.txt", lambda: b"__label__a " + b"ab " * 3_000_000),
    "labels": _file("it.txt", lambda: b"__label__a " * 10**5),
    "an archive of 1 GB of text": _file("it.tar.gz", lambda: _tar(*[(f"{n}/1.txt", 10**8, REG) for n in "ab"])),
    "an archive of 2 GB of something else": _file("it.tar.gz", lambda: _tar(("a/1.feat", 2 * 10**8, REG), times=3)),
    "an archive of 60,000 members": _file("it.tar.gz", lambda: _tar(("a/1.txt", 0, REG), times=60_000)),
    "a name of 200 MB": _file("it.tar.gz", lambda: _long_name(2 * 10**8)),
    "a link out": _file("it.tar.gz", lambda: _tar(("a/1.txt", 0, tarfile.SYMTYPE))),
    "a way out": _file("it.tar.gz", lambda: _tar(("../../../../tmp/1.txt", 3, REG))),
    "a device": _file("it.tar.gz", lambda: _tar(("a/1.txt", 0, tarfile.CHRTYPE))),
    "no archive": _file("it.tar.gz", lambda: b"\x1f\x8b" + b"0" * 1000),
    "a folder in folders": lambda f: _deep(f),
    "a folder of links": lambda f: _links(f),
}


def _deep(folder: Path) -> Path:
    path = folder / "texts"
    path.mkdir()
    inner = path
    for n in range(200):
        inner /= f"d{n}"
        inner.mkdir()
    (inner / "1.txt").write_text("deep")
    return path


def _links(folder: Path) -> Path:
    path = folder / "texts"
    (path / "a").mkdir(parents=True)
    (path / "a" / "1.txt").symlink_to("/dev/zero")
    (path / "a" / "up").symlink_to("..")
    (path / "b").symlink_to("/proc/self")
    return path


VECTORS: dict[str, Callable[[Path], Path]] = {
    "500,000 numbers": _file("it.txt", lambda: b"good " + b"1 " * 500_000 + b"\n"),
    "a line without end": _file("it.txt", lambda: b"good " + b"1" * (2 * 10**6)),
    "a header without end": _file("it.txt", lambda: b"9" * 4000 + b" 3\ngood 1 2 3\n"),
    "10**12 numbers": _file("it.txt", lambda: b"1 1000000000000\ngood 1\n"),
    "a word twice": _file("it.txt", lambda: b"good 1 2\ngood 3 4\n"),
    "nan": _file("it.txt", lambda: b"good nan 1\n"),
    "200 MB in a .gz": _file("it.gz", lambda: gzip.compress(b"a 1\n" * (5 * 10**7), 1)),
    "zeros in a .gz": _file("it.gz", lambda: gzip.compress(bytes(10**8), 1)),
    "half a .gz": _file("it.gz", lambda: gzip.compress(b"good 1 2\n" * 1000)[:-20]),
    "nothing": _file("it.txt", lambda: b""),
}


def _cached(make: Callable[[Path], None]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        make(folder / "imdb-flat-1.npz")
        return folder

    return write


CACHES: dict[str, Callable[[Path], None]] = {
    "a bomb": lambda path: np.savez_compressed(path, train_labels=np.zeros(10**8, np.uint8)),
    "objects": lambda path: np.savez(path, train_labels=rows_of([1, 2])),
    "no zip": lambda path: path.write_bytes(b"PK" * 1000) and None,
}


def attacks() -> Iterator[Attack]:
    tables = (("imdb.npz", IMDB), ("texts", TEXTS), ("word vectors", VECTORS))
    for reader, table in tables:
        for name, write in table.items():
            yield Attack(name, reader, write)
    for name, make in CACHES.items():
        yield Attack(name, "corpus cache", _cached(make))
    yield from special("imdb.npz", "", lambda folder, name: write_imdb(folder) and _away(folder / "imdb.npz"))
    yield from special("texts", ".csv")
    yield from special("word vectors", ".txt")


def _away(path: Path) -> Path:
    path.unlink()
    return path
