"""Replace a file whole or not at all, whatever happens meanwhile: a kill, a full disk, a power failure."""

import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from errno import EINVAL, ENOTSUP
from pathlib import Path
from typing import BinaryIO

_TEMPORARY = ".scratchnn-{}.tmp"
_LEFTOVER_SECONDS = 3600.0


def write_atomically(path: str | os.PathLike[str], chunks: Iterable[bytes]) -> None:
    """Replace the file at `path` by `chunks`; see `replacing`."""
    with replacing(path) as file:
        for chunk in chunks:
            file.write(chunk)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A temporary file of the same folder to write to; at the end it is synced and renamed to `path`, and the folder
    is synced.

    Raises:
        OSError: if that fails at any point: the earlier file is intact and the temporary one removed.
    """
    target = Path(os.path.realpath(path))  # a symbolic link stays, the file it points to is replaced
    temporary = target.parent / _TEMPORARY.format(secrets.token_hex(8))
    try:
        _remove_leftovers(target.parent)
        try:
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = f"not saved, what was there before is unchanged: {error.strerror or error}"
        if not target.parent.exists():
            reason = f"not saved, there is no folder {target.parent}; make it first, with os.makedirs"
        raise OSError(error.errno, reason, os.fspath(path)) from error
    try:
        _sync_folder(target.parent)
    except OSError as error:
        reason = f"saved, but may not survive a power failure: {error.strerror or error}"
        raise OSError(error.errno, reason, os.fspath(path)) from error


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary files of processes that were killed while saving: a save takes seconds, never an hour."""
    for leftover in folder.glob(_TEMPORARY.format("*")):
        try:
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
                leftover.unlink()
        except OSError:
            continue  # another process's, or already gone; not worth failing a save for


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (EINVAL, ENOTSUP):  # file systems that cannot sync a folder
            raise
    finally:
        os.close(descriptor)
