"""How the Numba kernels of this folder are compiled, and kept in files.

`compiled` marks a function that one thread runs; launching.py runs some of them on several.

Stored code is found again under the hash of all sources in this folder: Numba's own cache would not notice an edit in a
function that another file imports. A store that is broken, full or cannot be written costs a compilation, never an
error; store/ says how code is verified before it is used.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numba

from scratchnn_kernels import numba_private
from scratchnn_kernels.numba_private import config
from scratchnn_kernels.store.entries import SUFFIX, trials
from scratchnn_kernels.store.places import Place, places, warn_once

# "numpy" leaves out the zero-division branch of Python's error model, which keeps loops from becoming vector code. The
# fast-math flags let sums of products fuse; "nnan" and "ninf" are absent, so that a NaN stays visible to the trainer.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}, "nogil": True}


def compiled(function: Callable) -> Any:
    """Compile a function that runs within one thread."""
    return stored(numba.njit(**OPTIONS)(function))


def compiled_sum(function: Callable) -> Any:
    """The same for a function that sums many numbers and may do so in the order that suits vector code.

    The order is fixed at compilation; it depends on how many numbers there are, and on nothing else.
    """
    return stored(numba.njit(**OPTIONS | {"fastmath": OPTIONS["fastmath"] | {"reassoc"}})(function))


def stored(dispatcher: Any) -> Any:
    """Let a compiled function be loaded from the store, and be stored."""
    if config.DISABLE_JIT or not places():
        return dispatcher
    if (storing := numba_private.storing()) is not None:
        numba_private.store_in(dispatcher, KernelCache(dispatcher, storing))
    return dispatcher


def cache_of(dispatcher: Any) -> "KernelCache | None":
    found = numba_private.store_of(dispatcher)
    return found if isinstance(found, KernelCache) else None


class KernelCache:
    """What Numba asks for compiled code of one function, and hands newly compiled code to."""

    def __init__(self, dispatcher: Any, storing: numba_private.Storing) -> None:
        self._dispatcher, self._storing = dispatcher, storing
        self.cache_path = str(places()[0].store.folder.path)  # Numba shows it

    def holds(self, sig: Any) -> bool:
        """Whether the store has code for this signature, and it is what was stored."""
        return any(place.store.load(*self._entry(place, sig)) is not None for place in places())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        for place in places():
            name, key = self._entry(place, sig)
            code = place.store.load(name, key)
            if code is None:
                continue
            target_context.refresh()  # all that the code may refer to is known to Numba then
            trials.begin(self._dispatcher, [(place.store, name)])
            try:
                found = self._storing.rebuild(target_context, *self._storing.loads(code))
            except Exception as error:  # whatever unpickling can raise
                warn_once(f"{place.store.folder.path / name} could not be loaded ({error!r}); compiling it again")
                place.store.remove(name)
                continue
            trials.loaded(self._dispatcher, place.store, name)
            return found
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        place = places()[0]
        name, key = self._entry(place, sig)
        # The key of a function with a closure, or with an argument known by its address, is not the whole of it.
        is_known = self._dispatcher.py_func.__closure__ is None and " at 0x" not in str(sig)
        if is_known and numba_private.can_be_stored(data):
            place.store.save(name, key, self._storing.dumps(self._storing.reduce(data)))

    def enable(self) -> None: ...

    def disable(self) -> None: ...

    def flush(self) -> None:
        """Numba's `recompile` would have it emptied; entries are replaced one by one instead."""

    def _entry(self, place: Place, sig: Any) -> tuple[str, bytes]:
        """Name and key of the entry for a signature."""
        function = self._dispatcher.py_func
        what = (place.conditions, function.__module__, function.__qualname__, str(sig))
        key = hashlib.sha256("\n".join(what).encode() + function.__code__.co_code).digest()
        module = function.__module__.rpartition(".")[2]
        return f"{module}.{function.__name__}-{key.hex()[:24]}{SUFFIX}", key
