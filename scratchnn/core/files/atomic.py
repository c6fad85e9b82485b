"""Replace a file whole or not at all, whatever happens meanwhile: a kill, a full disk, a power failure."""

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
    is synced. What is replaced is a file that may be written, or nothing; its mode, owner and group stay.

    Raises:
        OSError: if that fails at any point: the earlier file is intact and the temporary one removed.
    """
    target = Path(os.path.realpath(path))  # a symbolic link stays, the file it points to is replaced
    temporary = target.parent / _TEMPORARY.format(secrets.token_hex(8))
    try:
        before = _replaceable(path, target)
        _remove_leftovers(target.parent)
        try:
            with open(temporary, "xb") as file:
                _take_over(before, file.fileno())
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


def _replaceable(path: str | os.PathLike[str], target: Path) -> os.stat_result | None:
    """What is at the target now; None for nothing. An OSError for what is no file of the user's to be replaced."""
    try:
        before = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            reason = f"it is a link to {target}, which is not there: remove the link, or make the file it leads to"
            raise OSError(errno.ENOENT, reason) from None
        return None
    if not stat.S_ISREG(before.st_mode):
        kind = "a folder" if stat.S_ISDIR(before.st_mode) else "a device, a pipe or a socket"
        code = errno.EISDIR if stat.S_ISDIR(before.st_mode) else errno.EINVAL
        raise OSError(code, f"it is {kind}, and no file: choose another name")
    if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise OSError(errno.EACCES, "the file may not be written: choose another name, or change its mode")
    return before


def _take_over(before: os.stat_result | None, descriptor: int) -> None:
    """Give the new file mode, owner and group of the one that it will replace. Windows has neither."""
    if before is None or not hasattr(os, "fchown"):
        return
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        except PermissionError:
            reason = "the file belongs to another user or group, and a new one would be yours: choose another name"
            raise OSError(errno.EPERM, reason) from None
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


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
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that cannot sync a folder
            raise
    finally:
        os.close(descriptor)
