"""One process at a time trains in a run's folder: a file `lock` in it says which, as long as it does.

The operating system holds the lock and lets go of it however the process ends, so a file that is left behind by one
that was killed is recognised. What a machine elsewhere holds on a shared disk cannot be asked for, and is taken for
granted.
"""

import contextlib
import errno
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: there it is not locked
    fcntl: Any = None

_NO_LINK_NO_WAITING = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_TAKEN = (errno.EAGAIN, errno.EACCES)


class LockedError(OSError):
    """Another process trains in this folder. The message names it."""


@contextmanager
def held(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Nobody else holds the run's folder while the block runs. What is no such folder, or read-only, is not held.

    Raises:
        LockedError: if another process holds it, or one on another machine did when it was last heard of.
    """
    path = Path(folder) / "lock"
    is_run = (Path(folder) / "config.toml").is_file()  # elsewhere a file of this name is the user's own
    descriptor = _taken(path) if is_run and fcntl is not None else None
    try:
        yield
    finally:
        if descriptor is not None:
            path.unlink(missing_ok=True)  # before it is let go of: the next one makes its own
            os.close(descriptor)


def _taken(path: Path) -> int | None:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK_NO_WAITING, 0o644)
        except OSError:
            return None  # what needs the folder will say why
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a pipe or a device cannot be read from its beginning
                raise LockedError(f"{path} is not the lock of a run: remove it, if nobody needs it")
            is_ours = _lock(descriptor)
            if _is_at(path, descriptor):  # or else its holder has just removed it
                _require_free(path, os.pread(descriptor, 4096, 0), is_ours)
                os.ftruncate(descriptor, 0)
                about = {"pid": os.getpid(), "host": socket.gethostname()}
                os.pwrite(descriptor, json.dumps(about).encode(), 0)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Whether the lock is this process's now; None where the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    return False


def _require_free(path: Path, content: bytes, is_ours: bool | None) -> None:
    """Raise unless the file is new, or left behind by a process of this machine that has ended."""
    try:
        about = json.loads(content) if content else None
        pid, host = (None, None) if about is None else (int(about["pid"]), str(about["host"]))
    except (ValueError, KeyError, TypeError):
        raise LockedError(f"{path} is not the lock of a run: remove it, if nobody needs it") from None
    here = socket.gethostname()
    if is_ours is False or (is_ours is None and host == here and pid is not None and _runs(pid)):
        who = "another process" if pid is None else f"process {pid} on {host}"
        raise LockedError(f"{who} trains in {path.parent}: wait until it has ended, or stop it")
    if host not in (None, here):
        raise LockedError(
            f"process {pid} on {host} trains in {path.parent}, or was killed there; from {here} nobody can tell. If it "
            f"does not run any more, remove {path}"
        )


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's
    return True
