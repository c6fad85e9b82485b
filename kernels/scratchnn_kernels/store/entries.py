"""The kernel store: an entry is one file, the compiled code of one function for arguments of certain types.

Numba keeps compiled code as pickles, and unpickling runs what a pickle says. So an entry begins with the key of what it
must be and with a digest of the rest, and not a byte of it is interpreted before both are right:

    "scratchnn kernel 1\\n", key (32 bytes), SHA-256 of key and code (32 bytes), code

The digest tells of damage. It is no secret of the user's that it is made with: whoever could write into the private
folder (see private_folder.py) could read such a secret too. What is taken from elsewhere is checked with a digest that
the user was told by another way (exported.py).

Code that passes all of this may still crash, on a machine that is not what it says, say. While code from the store is
loaded, or runs for the first time in a process, a marker with its names lies in the folder, which goes when the process
gets through; one that is left behind removes those entries, and they are compiled anew.
"""

import atexit
import contextlib
import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from scratchnn_kernels.store.private_folder import PrivateFolder

MAGIC = b"scratchnn kernel 1\n"
SUFFIX = ".kernel"
_HEAD = len(MAGIC) + 64
_MARKER = "running-"


def packed(key: bytes, code: bytes) -> bytes:
    """The content of an entry."""
    return MAGIC + key + hashlib.sha256(key + code).digest() + code


def fault_of(content: bytes) -> str | None:
    """What is wrong with the content of an entry, whatever it is for; None for one that is whole."""
    if not content.startswith(MAGIC):
        return "is no entry of this kernel store"
    key, digest, code = content[len(MAGIC) : _HEAD - 32], content[_HEAD - 32 : _HEAD], content[_HEAD:]
    if hashlib.sha256(key + code).digest() != digest:
        return "is damaged"
    return None


class Store:
    """The entries of one private folder.

    `tell` is called with what a user should know; nothing that is wrong with the store raises an error.
    """

    def __init__(self, folder: PrivateFolder, tell: Callable[[str], None]) -> None:
        self.folder, self._tell = folder, tell
        self._is_cleared = False

    def load(self, name: str, key: bytes) -> bytes | None:
        """The code of an entry; None where there is none, or one that may not be used."""
        self._clear_after_crash()
        try:
            content = self.folder.read(name)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tell(f"compiled kernels are not used ({error}); compiling them again")
            return None
        fault = fault_of(content)
        if fault is None and content[len(MAGIC) : _HEAD - 32] != key:
            fault = "is for something else, another CPU perhaps"
        if fault is not None:
            self._tell(f"{self.folder.path / name} {fault}; compiling such kernels again")
            return None
        return content[_HEAD:]

    def save(self, name: str, key: bytes, code: bytes) -> None:
        try:
            self.folder.write(name, packed(key, code))
        except OSError as error:
            self._tell(f"compiled kernels could not be stored in {self.folder.path} ({error}); they work uncached")

    def remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            self.folder.remove(name)

    def faults(self) -> dict[str, str | None]:
        """What is wrong with each entry; None for those that are whole.

        Raises:
            OSError: if the folder cannot be read, or is not the user's alone.
        """
        found: dict[str, str | None] = {}
        for name in self.folder.names():
            if name.endswith(SUFFIX):
                try:
                    found[name] = fault_of(self.folder.read(name))
                except OSError as error:
                    found[name] = f"cannot be used: {error}"
        return found

    def _clear_after_crash(self) -> None:
        """Once for each process: remove what was running when another one ended without a word."""
        if self._is_cleared:
            return
        self._is_cleared = True
        with contextlib.suppress(OSError):  # told of when an entry is read
            for marker in self.folder.names():
                if marker.startswith(_MARKER) and (names := self.folder.left_behind(marker)):
                    for name in names.decode("utf-8", "replace").splitlines():
                        if name.endswith(SUFFIX) and name in self.folder.names():
                            self.remove(name)
                            self._tell(f"a process ended while {name} ran for the first time; compiling it again")


class Trials:
    """Which code from the store has not run yet in this process, and the markers of what is running.

    `waiting` and `running` are looked at before and after every launch: they are empty nearly always.
    """

    def __init__(self) -> None:
        self.waiting: dict[Any, list[tuple[Store, str]]] = {}  # by kernel: loaded, to be run
        self.running: list[tuple[Store, str, int]] = []  # markers: store, file, descriptor

    def begin(self, kernel: Any, entries: list[tuple[Store, str]] | None = None) -> None:
        """From here on these entries (by default, those of the kernel that wait) must not crash."""
        for store, name in self.waiting.pop(kernel, []) if entries is None else entries:
            marker = f"{_MARKER}{secrets.token_hex(8)}"
            with contextlib.suppress(OSError):  # without a marker it runs as well
                self.running.append((store, marker, store.folder.hold(marker, name.encode())))

    def loaded(self, kernel: Any, store: Store, name: str) -> None:
        self.waiting.setdefault(kernel, []).append((store, name))

    def passed(self, kernel: Any = None) -> None:
        """What was begun has not crashed; the kernel, if one is given, has run."""
        self.waiting.pop(kernel, None)
        while self.running:
            store, marker, descriptor = self.running.pop()
            with contextlib.suppress(OSError):
                store.folder.let_go(marker, descriptor)


trials = Trials()
atexit.register(trials.passed)
