"""A folder whose files nobody but the user can have written, as code that is read back and run must be.

Below the folder that the user named, no symbolic link is followed; the folder and its files belong to the user, and no
other may read or write them (mode 0700; an access list shows in those bits too). Everything is checked on what has been
opened, and files are opened by their name within the opened folder, so that nothing can be exchanged in between. What
an administrator, or a program of the same user, writes there cannot be told apart: they could change the sources as
well. On Windows only the user's own folders keep others out.
"""

import contextlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a file that a process has open cannot be removed: that is the lock there
    fcntl = None

_POSIX = hasattr(os, "geteuid")
# No link, no translated line ends, and no waiting for whoever may write into a pipe.
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | _CAREFUL
_UNFINISHED, _UNFINISHED_SECONDS = ".unfinished-", 3600.0


class NotPrivateError(OSError):
    """Another user owns or can write what is there, or it is a link."""


class PrivateFolder:
    """`root` and the folders `parts` below it, of which the last is private."""

    def __init__(self, root: Path, *parts: str) -> None:
        self._root, self._parts = root, parts
        self.path = root.joinpath(*parts)

    def make(self) -> None:
        """Make the folder, if it is not there, and check that files can be written in it.

        Raises:
            NotPrivateError: if it is not the user's alone.
            OSError: if it cannot be made or written.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        for n in range(len(self._parts)):
            with contextlib.suppress(FileExistsError):
                os.mkdir(self._root.joinpath(*self._parts[: n + 1]), 0o700)
        with self._opened() as folder:
            probe = self._at(folder, f"{_UNFINISHED}{secrets.token_hex(8)}")
            os.close(os.open(probe, _NEW, 0o600, dir_fd=folder))
            os.unlink(probe, dir_fd=folder)

    def names(self) -> list[str]:
        """The names of the finished files in it; none where there is no folder.

        Raises:
            NotPrivateError: if it is not the user's alone.
        """
        try:
            with self._opened() as folder:
                names = os.listdir(self.path if folder is None else folder)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if not name.startswith(_UNFINISHED))

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            NotPrivateError: if folder or file are not the user's alone.
            OSError: if it is not there or cannot be read.
        """
        with self._opened() as folder:
            descriptor = os.open(self._at(folder, name), os.O_RDONLY | _CAREFUL, dir_fd=folder)
            with open(descriptor, "rb") as file:
                _require_own(os.fstat(descriptor), self.path / name, stat.S_ISREG)
                return file.read()

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all. The folder is made again where it has gone meanwhile.

        Raises:
            OSError: if it is not written.
        """
        if not self.path.exists():
            self.make()
        with self._opened() as folder:
            self._remove_unfinished(folder)
            unfinished = self._at(folder, f"{_UNFINISHED}{secrets.token_hex(8)}")
            try:
                with open(os.open(unfinished, _NEW, 0o600, dir_fd=folder), "wb") as file:
                    file.write(content)
                os.replace(unfinished, self._at(folder, name), src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(unfinished, dir_fd=folder)
                raise

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            OSError: if it cannot be removed.
        """
        with contextlib.suppress(FileNotFoundError), self._opened() as folder:
            os.unlink(self._at(folder, name), dir_fd=folder)

    def hold(self, name: str, content: bytes) -> int:
        """Write a file that is known as ours while this process lives, or until `let_go` is given the descriptor.

        Raises:
            OSError: if the file, or its lock, cannot be had.
        """
        with self._opened() as folder:
            descriptor = os.open(self._at(folder, name), _NEW, 0o600, dir_fd=folder)
            try:
                if fcntl is not None:  # before anything is written: until then, it says nothing
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.write(descriptor, content)
            except OSError:
                os.close(descriptor)
                os.unlink(self._at(folder, name), dir_fd=folder)
                raise
            return descriptor

    def let_go(self, name: str, descriptor: int) -> None:
        """Remove a file that is held."""
        if _POSIX:  # removed before its lock is gone, so that nobody takes it for one left behind
            self.remove(name)
            os.close(descriptor)
        else:
            os.close(descriptor)
            self.remove(name)

    def left_behind(self, name: str) -> bytes | None:
        """The content of a file that was held, which is then removed, if the process that held it has ended."""
        with contextlib.suppress(OSError), self._opened() as folder:
            descriptor = os.open(self._at(folder, name), os.O_RDONLY | _CAREFUL, dir_fd=folder)
            with open(descriptor, "rb") as file:
                if fcntl is not None:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                content = file.read()
                if _POSIX:
                    os.unlink(self._at(folder, name), dir_fd=folder)
            if not _POSIX:
                os.unlink(self._at(folder, name))
            return content
        return None

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        """A descriptor of the folder, once it is known to be private; None on Windows, which has none."""
        if not _POSIX:
            yield None
            return
        flags = os.O_RDONLY | os.O_DIRECTORY
        folder = os.open(self._root, flags)
        try:
            for part in self._parts:
                try:
                    inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=folder)
                except NotADirectoryError:  # what a link is said to be
                    if os.path.islink(self.path):
                        raise NotPrivateError(f"{self.path} is a link, and none is followed") from None
                    raise
                os.close(folder)
                folder = inner
            _require_own(os.fstat(folder), self.path, stat.S_ISDIR)
            yield folder
        finally:
            os.close(folder)

    def _at(self, folder: int | None, name: str) -> str:
        return str(self.path / name) if folder is None else name

    def _remove_unfinished(self, folder: int | None) -> None:
        """What processes left that were killed while writing: a file takes a moment, never an hour."""
        for name in os.listdir(self.path if folder is None else folder):
            if name.startswith(_UNFINISHED):
                with contextlib.suppress(OSError):  # another process has removed it
                    there = self._at(folder, name)
                    if time.time() - os.stat(there, dir_fd=folder).st_mtime > _UNFINISHED_SECONDS:
                        os.unlink(there, dir_fd=folder)


def _require_own(found: os.stat_result, path: Path, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(found.st_mode):
        raise NotPrivateError(f"{path} is neither a plain file nor a folder")
    if not _POSIX:
        return
    if found.st_uid != os.geteuid():
        raise NotPrivateError(f"{path} belongs to another user (number {found.st_uid})")
    if others := stat.S_IMODE(found.st_mode) & 0o077:
        raise NotPrivateError(f"{path} is open to other users (mode {others:03o}); chmod go= {path}")
