"""Where compiled kernels are kept: a folder for each set of conditions under which compiled code is the same.

Those are the sources in cpu/, the versions of Numba, llvmlite and Python, Numba's settings, and the CPU: the one
compiled for and the one that tiles are shaped for (cpu/target.py). They differ where kernels were taken from elsewhere
(`python -m scratchnn.warmup --import`) for a level of x86-64 that this machine has: all kernels of a process must agree
about tiles, so what is missing there is compiled for this CPU, with those tiles.
"""

import hashlib
import json
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

import llvmlite
import numba

from scratchnn_kernels import activations, user_cache
from scratchnn_kernels.numba_private import config
from scratchnn_kernels.store import processor
from scratchnn_kernels.store.entries import Store
from scratchnn_kernels.store.private_folder import PrivateFolder
from scratchnn_kernels.store.processor import Processor

_SETTINGS = ("BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "OPT", "SLP_VECTORIZE", "USING_SVML")


class Place(NamedTuple):
    conditions: str  # what code in it was compiled under; part of every entry's key
    store: Store


@cache
def _sources() -> str:
    kernels = Path(activations.__file__).parent / "cpu"
    files = [*sorted(kernels.glob("*.py")), Path(activations.__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def conditions_for(compiled_for: Processor, tiles_for: Processor) -> dict[str, str]:
    return {
        "sources": _sources(),
        "Numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "Python": f"{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')}",
        "CPU": " ".join(compiled_for),
        "tiles": " ".join(tiles_for),
        "settings of Numba": " ".join(f"{name}={getattr(config, name, None)}" for name in _SETTINGS),
    }


def folder_for(conditions: dict[str, str]) -> PrivateFolder | None:
    """The folder of kernels compiled under these conditions, which need not be there; None where there is no home."""
    root = user_cache.folder()
    if root is None:
        return None
    return PrivateFolder(root, "kernels", hashlib.sha256(as_text(conditions).encode()).hexdigest()[:16])


def as_text(conditions: dict[str, str]) -> str:
    return json.dumps(conditions, sort_keys=True)


@cache
def tiles_for() -> Processor:
    """The CPU whose registers shape the tiles: Numba's, or a level for which kernels were brought here."""
    if config.CPU_NAME is None and config.CPU_FEATURES is None:
        for level in map(processor.of_level, processor.levels_of_host()):
            folder = folder_for(conditions_for(level, level))
            if folder is not None and folder.path.is_dir():
                return level
    return processor.of_numba()


@cache
def places() -> tuple[Place, ...]:
    """Where kernels are looked for, the first being where they are stored; none (with a warning) where none can be."""
    own, tiles = processor.of_numba(), tiles_for()
    found = []
    for cpu in dict.fromkeys((own, tiles)):
        conditions = conditions_for(cpu, tiles)
        folder = folder_for(conditions)
        if folder is None:
            warn_once("there is no home folder to keep compiled kernels in; they work uncached")
            return ()
        found.append(Place(as_text(conditions), Store(folder, warn_once)))
    try:
        found[0].store.folder.make()
    except OSError as error:
        reason = str(error) if error.strerror is None else f"{error.filename}: {error.strerror}"
        warn_once(f"no cache for compiled kernels in {found[0].store.folder.path} ({reason}); they work uncached")
        return ()
    return tuple(found)


_warned = False


def warn_once(message: str) -> None:
    """Warn about the first problem with stored kernels; later ones would say the same about others."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(message, RuntimeWarning, stacklevel=2)
