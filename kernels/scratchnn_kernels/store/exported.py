"""Kernels for another machine: a folder of entries, and a list of them whose digest vouches for all.

It is compiled code. Nothing in it is run, or unpickled, when it is taken in; later it is, as the user. So it is taken
in only with the digest that whoever exported it has told, and its files become files of the user's own.
"""

import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any, NamedTuple

from scratchnn_kernels.store.entries import fault_of
from scratchnn_kernels.store.private_folder import PrivateFolder

LIST = "kernels.json"
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FORMAT = "scratchnn kernels 1"
_NAME = re.compile(r"\w[\w.]{0,150}-[0-9a-f]{24}\.kernel")
_MAX_LIST, _MAX_ENTRY, _MAX_ENTRIES = 2**22, 2**26, 10_000  # bytes, bytes, files


class Exported(NamedTuple):
    conditions: dict[str, str]  # what they were compiled under
    entries: dict[str, bytes]  # by name


def write(folder: PrivateFolder, conditions: dict[str, str], to: Path) -> tuple[int, str]:
    """Copy the entries of a folder into `to`, and return their number and the digest.

    Raises:
        OSError: if they cannot be written.
    """
    to.mkdir(parents=True, exist_ok=True)
    listed = {}
    for name in folder.names():
        if _NAME.fullmatch(name):
            content = folder.read(name)
            (to / name).write_bytes(content)
            listed[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps({"format": _FORMAT, "conditions": conditions, "entries": listed}, indent=1).encode()
    (to / LIST).write_bytes(text)
    return len(listed), hashlib.sha256(text).hexdigest()


def read(folder: Path, digest: str) -> Exported:
    """What was exported to a folder, all of it verified.

    Raises:
        ValueError: if it is not what the digest was told of, or no export.
        OSError: if a file cannot be read.
    """
    text = _content(folder / LIST, _MAX_LIST)
    found = hashlib.sha256(text).hexdigest()
    if found != digest.lower():
        raise ValueError(
            f"{folder / LIST} has the digest {found}, not {digest}: it is another export, or was changed; "
            "ask whoever exported it for the digest, and do not take it from the same place"
        )
    match json.loads(text):  # what is vouched for, and still may be of another version
        case {"format": str(format), "conditions": dict(conditions), "entries": dict(listed)} if format == _FORMAT:
            pass
        case _:
            raise ValueError(f"{folder / LIST} is no list of kernels that this version reads")
    if len(listed) > _MAX_ENTRIES:
        raise ValueError(f"{folder / LIST} names {len(listed)} kernels, more than {_MAX_ENTRIES}")
    return Exported(conditions, {name: _entry(folder, name, entry) for name, entry in listed.items()})


def _entry(folder: Path, name: str, listed: Any) -> bytes:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{folder / LIST} names a file {name!r}, which is no kernel's")
    content = _content(folder / name, _MAX_ENTRY)
    if hashlib.sha256(content).hexdigest() != listed["sha256"] or fault_of(content) is not None:
        raise ValueError(f"{folder / name} is damaged: it is not what {LIST} says")
    return content


def _content(path: Path, most: int) -> bytes:
    """Of a plain file, reached through no link in its last part."""
    descriptor = os.open(path, os.O_RDONLY | _CAREFUL)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise ValueError(f"{path} is no plain file of at most {most} bytes")
        return file.read(most)
