"""How the Numba kernels of this folder are compiled, cached and launched.

`serial` marks a function that one thread runs; `parallel` marks a kernel whose `prange` loop shares blocks of the
batch out to the threads. `launch` calls a parallel kernel. What is fixed here, for all of them:

- Compiled code is cached on disk, under a hash of the sources in this folder: Numba alone would not notice an edit in a
  function that another file imports. A cache that is broken, full or cannot be written costs a compilation, never an
  error.
- One lock around every parallel kernel: Numba's `workqueue` threads abort the process when two Python threads use
  them at once. After a fork the threads are gone (and OpenMP's kill the child), so the same kernel then runs its blocks
  one by one.
- Work is split by blocks of the batch, never by thread, so the number of threads cannot change a bit of any result.
"""

import hashlib
import os
import threading
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba.core import config as numba_config
from numba.core.caching import FunctionCache

config: Any = numba_config  # its names are made at import, which type checkers cannot see

# "numpy" leaves out the zero-division branch of Python's error model, which keeps loops from becoming vector code. The
# fast-math flags let sums of products fuse; "nnan" and "ninf" are absent, so that a NaN stays visible to the trainer.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}, "nogil": True}


def serial(function: Callable) -> Callable:
    """Compile a function that runs within one thread."""
    return _with_cache(numba.njit(**_OPTIONS)(function))


def parallel(function: Callable) -> Callable:
    """Compile a kernel whose `prange` loop runs over blocks of the batch. Call it through `launch`."""
    return _with_cache(numba.njit(parallel=True, **_OPTIONS)(function))


def launch(kernel: Callable, *args: Any) -> Any:
    """Call a parallel kernel, one at a time in this process."""
    with _launch_lock:
        if os.getpid() == _owner_pid or config.DISABLE_JIT:
            return kernel(*args)
        # The plain Python body: `prange` is then `range`, and the functions it calls are still compiled.
        return kernel.py_func(*args)  # type: ignore[attr-defined]


_launch_lock = threading.Lock()
_owner_pid = os.getpid()


def _renew_lock() -> None:
    # Another thread may have held the lock at the moment of the fork; nobody would release it in the child.
    global _launch_lock
    _launch_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


class _ForgivingCache(FunctionCache):
    """Numba's cache, except that trouble with its files means compiling again."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # a damaged entry can raise anything that unpickling can
            _warn_once(f"a compiled kernel in {self.cache_path} could not be read ({error!r}); compiling it again")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception as error:
            _warn_once(f"compiled kernels could not be stored in {self.cache_path} ({error!r}); they work uncached")


def _with_cache(dispatcher: Any) -> Any:
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

    `SCRATCHNN_CACHE` moves it. Its last part is a hash of this folder's sources and of Numba's version.
    """
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256(numba.__version__.encode() + b"".join(path.read_bytes() for path in sources)).hexdigest()
    root = os.environ.get("SCRATCHNN_CACHE") or platformdirs.user_cache_dir("scratchnn")
    folder = Path(root) / "kernels" / digest[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        _warn_once(f"no cache for compiled kernels in {folder} ({error!r}); they work uncached")
        return None
    return folder


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)
