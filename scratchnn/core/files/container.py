"""The file of a model or of a checkpoint: one uncompressed zip of raw arrays and one JSON, verified before it is used.

Layout, in this order:
    meta.json     {"format", "version", "arrays": {name: {"dtype", "shape", "sha256"}}, "meta": what the caller gave}
    <name>.npy    one member per array, sorted by name; `numpy.load(path)["name"]` reads them as in any npz
    the directory of the zip, whose comment, the last 64 bytes of the file, is the SHA-256 of meta.json

The last 64 bytes vouch for meta.json, meta.json vouches for the arrays, and every other byte (zip headers, npy headers,
directory) follows from these: reading recomputes it and compares, so a change anywhere in the file is noticed, and
equal content gives equal bytes. Nothing in a file is executed or unpickled, and no header is trusted for a size.
"""

import hashlib
import json
import math
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scratchnn.core import checks
from scratchnn.core.files.atomic import write_atomically
from scratchnn.core.files.bounded import MOST_VALUES, parsed_json, read_bytes, values_in
from scratchnn.core.files.errors import StorageError
from scratchnn.core.files.foreign import foreign_kind
from scratchnn.core.files.plain import plain

FORMAT_VERSION = 1
_META = "meta.json"
# Words separated by "/": no "..", no absolute path, no backslash; unpacking with other tools stays in its folder.
_ARRAY_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_DTYPES = ("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8")
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_FLOAT_KEY = "$float"  # {"$float": "nan"}: JSON has no NaN, and a history that diverged holds some
_MAX_MEMBERS = 10_000
_MAX_META_BYTES = 16 * 2**20
_MAX_FILE_BYTES = 2**32 - 1  # a zip without the 64-bit extension

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_DIRECTORY = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_DAMAGED = "is damaged: use an earlier copy, or train again"


def write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    meta: Mapping[str, Any],
    earlier: Path | None = None,
) -> None:
    """Replace the file at `path`, whole or not at all. The one before is kept under the name `earlier`.

    `arrays` hold booleans, integers or floats of any shape; they are stored little-endian and in C order. `meta` is
    anything JSON can hold, and NaN and infinities besides; its tuples come back as lists, its keys and `arrays` sorted.

    Raises:
        ValueError, TypeError: if a name, a dtype or a value of `meta` cannot be stored; nothing was touched.
        OSError: if it cannot be written; the earlier file is intact, unless the message says otherwise.
    """
    members: dict[str, bytes] = {}
    declared: dict[str, dict[str, Any]] = {}
    for name in sorted(arrays):
        if not _ARRAY_NAME.fullmatch(name):
            raise ValueError(f"an array name is words of A-Z a-z 0-9 _ . - separated by /, got {name!r}")
        array = np.asarray(arrays[name], order="C")
        dtype = array.dtype.newbyteorder("<")
        if dtype.str not in _DTYPES:
            raise ValueError(f"array {name!r} must hold booleans, integers or floats, got dtype {array.dtype}")
        content = _npy_header(dtype.str, array.shape) + array.astype(dtype, copy=False).tobytes()
        members[name + ".npy"] = content
        declared[name] = {"dtype": dtype.str, "shape": array.shape, "sha256": hashlib.sha256(content).hexdigest()}
    stored = plain(dict(meta), "meta", _marked, reserved=(_FLOAT_KEY,))
    head = {"format": "scratchnn", "version": FORMAT_VERSION, "arrays": declared, "meta": stored}
    text = json.dumps(head, sort_keys=True, allow_nan=False, indent=1).encode("ascii")
    members = {_META: text, **members}
    frames, directory = _frames(members)
    size = sum(map(len, frames)) + sum(map(len, members.values())) + len(directory)
    values = values_in(text)
    if len(members) > _MAX_MEMBERS or len(text) > _MAX_META_BYTES or values > MOST_VALUES or size > _MAX_FILE_BYTES:
        raise ValueError(
            f"at most {_MAX_MEMBERS} members, {_MAX_META_BYTES} bytes of meta, {MOST_VALUES} values in it and "
            f"{_MAX_FILE_BYTES} bytes in all can be stored, got {len(members)}, {len(text)}, {values} and {size}"
        )
    chunks = (chunk for frame, member in zip(frames, members.values(), strict=True) for chunk in (frame, member))
    write_atomically(path, [*chunks, directory], earlier)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the meta of the file at `path`, after everything in it has been verified.

    Raises:
        StorageError: if anything at all is wrong with the content.
        OSError: if the file is missing or may not be read.
    """
    path = checks.path("filepath", path)
    try:
        return _decode(memoryview(read_bytes(path, _MAX_FILE_BYTES, _require_ours)))
    except StorageError as error:
        raise StorageError(f"{path!r}: {error}") from None


def _require_ours(start: bytes) -> None:
    """Raise StorageError for the first bytes of another kind of file."""
    if start[:4] != b"PK\3\4" or start[_LOCAL.size : _LOCAL.size + len(_META)] != _META.encode("ascii"):
        raise StorageError(f"is not a model or a checkpoint of scratchnn, but {foreign_kind(start)}")


def _npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Return the header of npy format 1.0, which NumPy pads so that the data start at a multiple of 64 bytes."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    padding = -(10 + len(text) + 1) % 64
    return (
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + padding + 1) + f"{text}{' ' * padding}\n".encode("ascii")
    )


def _frames(members: Mapping[str, bytes | memoryview]) -> tuple[list[bytes], bytes]:
    """Return the bytes that precede each member, and those that follow the last."""
    frames, entries, offset = [], [], 0
    for name, content in members.items():
        encoded = name.encode("ascii")
        # zip 2.0, no flags, stored, midnight of 1980-01-01 (the earliest date there is), and no extra field
        common = (20, 0, 0, 0, 33, zlib.crc32(content), len(content), len(content), len(encoded), 0)
        frames.append(_LOCAL.pack(b"PK\3\4", *common) + encoded)
        entries.append(_DIRECTORY.pack(b"PK\1\2", 20, *common, 0, 0, 0, 0, offset) + encoded)
        offset += len(frames[-1]) + len(content)
        if offset > _MAX_FILE_BYTES:
            raise ValueError(f"at most {_MAX_FILE_BYTES} bytes can be stored in one file")
    directory = b"".join(entries)
    comment = hashlib.sha256(members[_META]).hexdigest().encode("ascii")
    n = len(members)
    return frames, directory + _END.pack(b"PK\5\6", 0, 0, n, n, len(directory), offset, len(comment)) + comment


def _decode(data: memoryview) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    members: dict[str, memoryview] = {}
    declared, meta = {}, {}
    for name, content in _walk(data):
        if not members:  # meta.json is first in every version of the format, so that its version can be read
            declared, meta = _decode_meta(name, content, data[-64:])
        if name in members:
            raise StorageError(f"member {name!r} is there twice; the file {_DAMAGED}")
        members[name] = content
        if len(members) > _MAX_MEMBERS:
            raise StorageError(f"more than {_MAX_MEMBERS} members; it is not a scratchnn file")
    expected = {_META} | {name + ".npy" for name in declared}
    if wrong := sorted(expected ^ members.keys()):
        raise StorageError(f"member {wrong[0]!r} is {'missing' if wrong[0] in expected else 'unknown'}; it {_DAMAGED}")
    arrays = {name: _decode_array(name, entry, members[name + ".npy"]) for name, entry in declared.items()}
    frames, directory = _frames(members)
    position = 0
    for frame, (name, content) in zip(frames, members.items(), strict=True):
        if data[position : position + len(frame)] != frame:
            raise StorageError(f"the zip header of member {name!r} {_DAMAGED}")
        position += len(frame) + len(content)
    if data[position:] != directory:
        raise StorageError(f"the zip directory after the last member {_DAMAGED}")
    return arrays, meta


def _walk(data: memoryview) -> Iterator[tuple[str, memoryview]]:
    """Yield name and content of the members from the front of the file.

    Once the first is checked against the last 64 bytes, which are hexadecimal digits, no header can reach the end.
    """
    position = 0
    while data[position : position + 4] == b"PK\3\4":
        start = position + _LOCAL.size
        _, _, flags, method, _, _, _, stored, size, name_length, extra = _LOCAL.unpack(data[position:start])
        raw_name = bytes(data[start : start + name_length])
        name = raw_name.decode("ascii", "backslashreplace")
        if name != _META and not (name.endswith(".npy") and _ARRAY_NAME.fullmatch(name[:-4])):
            raise StorageError(f"member name {name[:80]!r} is not allowed; the file is foreign, or it {_DAMAGED}")
        if flags or method or extra or stored != size:
            raise StorageError(f"member {name!r} is compressed, encrypted or extended; scratchnn stores plain members")
        position = start + name_length + size
        if position > len(data):
            raise StorageError(f"member {name!r} is cut off or declares a wrong size; the file {_DAMAGED}")
        yield name, data[position - size : position]


def _decode_meta(name: str, content: memoryview, sha256: memoryview) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what meta.json declares about the arrays, and the meta of the caller."""
    if name != _META or len(content) > _MAX_META_BYTES:
        raise StorageError(f"is not a model or a checkpoint of scratchnn: its first member is {name!r}")
    if hashlib.sha256(content).hexdigest().encode("ascii") != sha256:
        raise StorageError(f"member {_META!r} or the end of the file {_DAMAGED}")
    try:
        head = parsed_json(bytes(content), object_pairs_hook=_from_json, parse_constant=_refuse_constant)
    except StorageError as error:
        raise StorageError(f"member {_META!r} {error}") from None
    if not isinstance(head, dict) or head.get("format") != "scratchnn":
        raise StorageError("is not a model or a checkpoint of scratchnn (meta.json does not name the format)")
    if head.get("version") != FORMAT_VERSION:
        raise StorageError(
            f"has format version {head.get('version')!r}, this scratchnn reads {FORMAT_VERSION}; install a newer one"
        )
    declared, meta = head.get("arrays"), head.get("meta")
    if not isinstance(declared, dict) or not isinstance(meta, dict):
        raise StorageError(f"member {_META!r} lacks 'arrays' or 'meta'; it is not a scratchnn file")
    return declared, meta


def _decode_array(name: str, entry: Any, content: memoryview) -> np.ndarray:
    member = name + ".npy"
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "sha256": str(sha256)} if (
            dtype in _DTYPES and len(shape) <= 32
        ):
            pass
        case _:
            raise StorageError(f"member {member!r} is declared with a wrong dtype, shape or hash; it {_DAMAGED}")
    if not all(type(n) is int and 0 <= n < 2**63 for n in shape):
        raise StorageError(f"member {member!r} has an impossible shape; it {_DAMAGED}")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StorageError(f"member {member!r} {_DAMAGED}")
    header = _npy_header(dtype, tuple(shape))
    if content[: len(header)] != header or len(content) - len(header) != math.prod(shape) * np.dtype(dtype).itemsize:
        raise StorageError(f"member {member!r} is not the declared array of dtype {dtype} and shape {shape}")
    flat = np.frombuffer(content[len(header) :], dtype=np.uint8)
    if dtype == "|b1" and flat.size and flat.max() > 1:
        raise StorageError(f"member {member!r} holds booleans other than 0 and 1; it {_DAMAGED}")
    try:
        return flat.copy().view(dtype).reshape(shape)
    except ValueError:  # NumPy's own limit, such as 0 times 2**62 elements
        raise StorageError(f"member {member!r} has an impossible shape; it {_DAMAGED}") from None


def _marked(x: float) -> Any:
    return x if math.isfinite(x) else {_FLOAT_KEY: str(x)}


def _from_json(pairs: list[tuple[str, Any]]) -> Any:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is there twice")
    if _FLOAT_KEY not in value:
        return value
    if len(value) != 1 or value[_FLOAT_KEY] not in _NON_FINITE:
        raise ValueError(f"a wrong {_FLOAT_KEY}")
    return _NON_FINITE[value[_FLOAT_KEY]]


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")
