"""How the Numba kernels of this folder are compiled, cached and launched.

`compiled` marks a function that one thread runs. A kernel is such a function whose first argument is the number of a
shard, its block of the batch, and `launch` shares the shards among the threads. What is fixed here, for all kernels:

- Compiled code is cached on disk, under a hash of the sources in this folder: Numba alone would not notice an edit in a
  function that another file imports. A cache that is broken, full or cannot be written costs a compilation, never an
  error.
- One lock around every launch: Numba's `workqueue` threads abort the process when two Python threads use them at once.
  After a fork the threads are gone (and OpenMP's kill the child), so the shards then run one by one.
- Work is split by shards, never by thread, so the number of threads cannot change a bit of any result.
"""

import contextlib
import hashlib
import os
import threading
import uuid
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import prange, types
from numba._dispatcher import compute_fingerprint
from numba.core import config as numba_config
from numba.core.caching import FunctionCache

from scratchnn_kernels import activations, user_cache

config: Any = numba_config  # its names are created at import, which type checkers cannot see

# "numpy" leaves out the zero-division branch of Python's error model, which keeps loops from becoming vector code. The
# fast-math flags let sums of products fuse; "nnan" and "ninf" are absent, so that a NaN stays visible to the trainer.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}, "nogil": True}


def compiled(function: Callable) -> Any:
    """Compile a function that runs within one thread."""
    return _with_cache(numba.njit(**_OPTIONS)(function))


def compiled_sum(function: Callable) -> Any:
    """The same for a function that sums many numbers and may do so in the order that suits vector code.

    The order is fixed at compilation; it depends on how many numbers there are, and on nothing else.
    """
    return _with_cache(numba.njit(**_OPTIONS | {"fastmath": _OPTIONS["fastmath"] | {"reassoc"}})(function))


WORTH_SHARING = 150_000  # numbers; waking another thread takes as long as reading and writing about this many


# While it holds a list, launches are recorded there and nothing runs: see precompile.py.
notes: ContextVar[list[tuple[Any, Any, bool]] | None] = ContextVar("notes", default=None)


def launch(kernel: Any, shards: int, *args: Any, work: int = WORTH_SHARING) -> None:
    """Run kernel(s, *args) for s = 0 ... shards - 1, on all threads, or on this one alone where that is faster.

    `work`: the size of the arrays, for a kernel that does little more than read and write; by default, large enough.
    """
    alone = shards == 1 or work < WORTH_SHARING
    if (noted := notes.get()) is not None:
        noted.append((kernel, numba.typeof(args), not alone))
        return
    if alone:
        for s in range(shards):
            kernel(s, *args)
        return
    with _launch_lock:
        if os.getpid() == _owner_pid and not config.DISABLE_JIT:
            start_threads()
            _loop_of(kernel, args)(shards, args)
        else:
            for s in range(shards):
                kernel(s, *args)


@cache
def start_threads() -> int:
    """Start the kernels' threads if they are not running, and return their number.

    Threads that wait for work should spin about as long as the gap between two kernels of a step, and
    then sleep. OpenMP's spin for milliseconds by default: where other programs want the cores too, that made a pass of
    0.4 ms take 8 ms (this way about 1 ms); threads that sleep at once are slow to wake. OpenMP reads the setting
    once, when it is loaded; the user's own settings win.
    """
    if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        return numba.get_num_threads()
    os.environ["GOMP_SPINCOUNT"] = "10000"
    try:
        return numba.get_num_threads()
    finally:
        del os.environ["GOMP_SPINCOUNT"]


class _Pointer(types.WrapperAddressProtocol):
    """The address of a compiled kernel.

    Called through it, a kernel stays outside of `_run_shards`, which is compiled in a second. Called by name, all of
    its code would be copied into that parallel loop and optimised again, twice: that took as long as everything else.
    """

    def __init__(self, kernel: Any, signature: Any) -> None:
        kernel.compile(signature.args)
        self._compiled = kernel.overloads[signature.args]
        self._numba_type_ = types.FunctionType(signature)
        self._signature = signature
        wrapper = self._compiled.fndesc.llvm_cfunc_wrapper_name
        self._address = self._compiled.library.get_pointer_to_function(wrapper)

    def __wrapper_address__(self) -> int:
        return self._address

    def signature(self) -> Any:
        return self._signature


_loops: dict[Any, Callable[[int, tuple], None]] = {}


def _loop_of(kernel: Any, args: tuple) -> Callable[[int, tuple], None]:
    """`_run_shards` for a kernel and arguments of these types.

    Its compiled code is called directly: Numba's own call of a parallel loop takes longer than many a kernel. The
    fingerprint is that by which Numba itself knows types again: 0.1 us for five arrays, where a tuple of what the
    types depend on took 0.9 (python -m timeit).
    """
    key = kernel, compute_fingerprint(args)
    loop = _loops.get(key)
    if loop is None:
        pointer = _Pointer(kernel, types.void(types.intp, *[numba.typeof(arg) for arg in args]))
        sig = (pointer._numba_type_, types.intp, numba.typeof(args))
        _run_shards.compile(sig)
        loop = _loops[key] = partial(_run_shards.overloads[sig].entry_point, pointer)
    return loop


_warned = False
_launch_lock = threading.Lock()
_owner_pid = os.getpid()


def _renew_lock() -> None:
    # Another thread may have held the lock at the moment of the fork; in the child it would never be released.
    global _launch_lock
    _launch_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


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


@_with_cache
@numba.njit(parallel=True, **_OPTIONS)
def _run_shards(kernel, shards, args):
    for s in prange(shards):
        kernel(np.intp(s), *args)
