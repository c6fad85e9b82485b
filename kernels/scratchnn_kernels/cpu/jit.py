"""How the Numba kernels of this folder are compiled and cached.

`compiled` marks a function that one thread runs; launching.py runs some of them on several.

Compiled code is cached on disk, under a hash of the sources in this folder: Numba alone would not notice an edit in a
function that another file imports. A cache that is broken, full or cannot be written costs a compilation, never an
error.
"""

import contextlib
import hashlib
import os
import uuid
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config as numba_config
from numba.core.caching import FunctionCache

from scratchnn_kernels import activations, user_cache

config: Any = numba_config  # its names are created at import, which type checkers cannot see

# "numpy" leaves out the zero-division branch of Python's error model, which keeps loops from becoming vector code. The
# fast-math flags let sums of products fuse; "nnan" and "ninf" are absent, so that a NaN stays visible to the trainer.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}, "nogil": True}


def compiled(function: Callable) -> Any:
    """Compile a function that runs within one thread."""
    return with_cache(numba.njit(**OPTIONS)(function))


def compiled_sum(function: Callable) -> Any:
    """The same for a function that sums many numbers and may do so in the order that suits vector code.

    The order is fixed at compilation; it depends on how many numbers there are, and on nothing else.
    """
    return with_cache(numba.njit(**OPTIONS | {"fastmath": OPTIONS["fastmath"] | {"reassoc"}})(function))


_warned = False


class _ForgivingCache(FunctionCache):
    """Numba's cache, except that trouble with its files means compiling again."""

    def holds(self, sig: Any, target_context: Any) -> bool:
        """Whether load_overload will find this signature. Nothing is loaded, so a damaged entry counts."""
        try:
            index = self._cache_file._load_index()
        except Exception:  # as in load_overload
            return False
        return self._index_key(sig, target_context.codegen()) in index

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # a damaged entry can raise anything that unpickling can
            _warn_once(f"compiled kernels in {self.cache_path} could not be read ({error!r}); compiling them again")
            with contextlib.suppress(OSError):
                self.flush()  # starts an empty index: the kernel compiled now can be stored
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        # Numba numbers the files of a function: with two processes at once, one's index could lead to the other's code.
        self._cache_file._data_name_pattern = f"{self._impl.filename_base}.{uuid.uuid4().hex[:16]}.{{number}}.nbc"
        try:
            super().save_overload(sig, data)
        except Exception as error:
            _warn_once(f"compiled kernels could not be stored in {self.cache_path} ({error!r}); they work uncached")


def with_cache(dispatcher: Any) -> Any:
    folder = cache_folder()
    if folder is None or config.DISABLE_JIT:
        return dispatcher
    # The cache's folder is a global setting of Numba's that is read when the cache object is made.
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        dispatcher._cache = _ForgivingCache(dispatcher.py_func)
    except (OSError, RuntimeError) as error:
        _warn_once(f"no cache for compiled kernels in {folder} ({error!r}); they work uncached")
    finally:
        config.CACHE_DIR = before
    return dispatcher


@cache
def cache_folder() -> Path | None:
    """The folder of compiled kernels, or None (with a warning) where none can be written.

    `SCRATCHNN_CACHE` moves it. Its last part is a hash of this folder's sources, of the table of activations and of
    Numba's version.
    """
    sources = [*sorted(Path(__file__).parent.glob("*.py")), Path(activations.__file__)]
    digest = hashlib.sha256(numba.__version__.encode() + b"".join(path.read_bytes() for path in sources)).hexdigest()
    root = user_cache.folder()
    if root is None:
        _warn_once("there is no home folder to keep compiled kernels in; they work uncached")
        return None
    folder = root / "kernels" / digest[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        _warn_once(f"no cache for compiled kernels in {folder} ({error!r}); they work uncached")
        return None
    return folder


def _warn_once(message: str) -> None:
    """Warn about the first problem with the cache; later ones would say the same about other kernels."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(message, RuntimeWarning, stacklevel=2)
