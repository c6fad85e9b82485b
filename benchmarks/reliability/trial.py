"""One file, read by a process of its own: what came of it, and what it took."""

import hashlib
import os
import resource
import signal
import stat
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_MB, MOST_TIMES, MOST_SECONDS = 64.0, 3.0, 5.0
_HANGS = 60.0  # seconds, on a busy machine too
_MOST_ADDRESSES = 8 << 30  # bytes, so that a file that takes all memory harms nobody else


@dataclass(frozen=True)
class Outcome:
    what: str  # "read", "refused", or what else it came to
    said: str
    mb: float
    """Growth of peak memory."""
    seconds: float
    """Of the processor."""

    def fails(self, size: int) -> str | None:
        """What is wrong with that, for a file of so many bytes."""
        if self.what not in ("read", "refused"):
            return f"{self.what}: {self.said}"
        most = MOST_TIMES * size / 2**20 + MOST_MB
        if self.mb > most:
            return f"took {self.mb:.0f} MB, and {most:.0f} MB are allowed; {self.what}: {self.said}"
        if self.seconds > MOST_SECONDS:
            return f"took {self.seconds:.1f} s; {self.what}: {self.said}"
        return None


def attempt(read: Callable[[], Any], errors: tuple[type[Exception], ...]) -> Outcome:
    """Read in a child. No thread of this process may be at work."""
    told, tell = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        os.close(told)
        os.write(tell, _in_child(read, errors).encode()[:4000])
        os._exit(0)
    os.close(tell)
    status, usage = _wait(process)
    answer = os.read(told, 10**6).decode(errors="replace")
    os.close(told)
    seconds = usage.ru_utime + usage.ru_stime
    if status is None:
        return Outcome("hangs", f"longer than {_HANGS:.0f} s", 0.0, _HANGS)
    if status or not answer:
        return Outcome("crashes", f"status {status}", 0.0, seconds)
    what, mb, said = answer.split("\n", 2)
    return Outcome(what, said, float(mb), seconds)


def _in_child(read: Callable[[], Any], errors: tuple[type[Exception], ...]) -> str:
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_ADDRESSES, _MOST_ADDRESSES))
    warnings.simplefilter("ignore")
    before = _status_mb("VmRSS")
    try:
        found = read()
        what, said = "read", type(found).__name__
    except errors as error:
        what, said = "refused", f"{type(error).__name__}: {error}"
    except BaseException as error:
        what, said = "another error", f"{type(error).__name__}: {error}"
    return f"{what}\n{_status_mb('VmHWM') - before:.3f}\n{said[:500]}"


def _status_mb(key: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(key)


def _wait(process: int) -> tuple[int | None, Any]:
    deadline = time.monotonic() + _HANGS
    while time.monotonic() < deadline:
        done, status, usage = os.wait4(process, os.WNOHANG)
        if done:
            return status, usage
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    return None, os.wait4(process, 0)[2]


@contextmanager
def untouched(folder: Path) -> Iterator[list[str]]:
    """A list that says at the end what was changed of the files in the folder.

    A study may move what is in its way: a file counts as there wherever it is.
    """
    before, changed = _files(folder), []
    yield changed
    after = _files(folder)
    changed += [f"{name} was changed or is gone" for name, what in before.items() if what not in after.values()]
    changed += [f"{name} is new" for name, what in after.items() if what not in before.values()]


def size_of(path: Path) -> int:
    """Bytes on the disk of a file, or of what is in a folder."""
    every = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(status.st_size for each in every if stat.S_ISREG((status := each.lstat()).st_mode) and _is_full(status))


def _is_full(status: os.stat_result) -> bool:
    return status.st_blocks * 512 >= status.st_size // 2


def _files(folder: Path) -> dict[str, tuple[int, str]]:
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode):
            content = ""
            if stat.S_ISREG(status.st_mode) and _is_full(status):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(folder))] = (stat.S_IFMT(status.st_mode), content or str(status.st_ino))
    return found
