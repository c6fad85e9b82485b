"""The peak memory of this process, since a moment of one's choice if the system supports that."""

import ctypes
import gc
import re
import sys
from contextlib import suppress
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def start_counting() -> None:
    """Free unused memory and reset the peak: the next peak is then little more than what follows needs.

    Only Linux can do all of it; elsewhere the peak is that of the process' whole life.
    """
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps what Python has freed
    with suppress(OSError):
        _CLEAR.write_text("5")


def peak() -> float:
    """In MB, of resident memory; NaN if the system does not report it."""
    with suppress(OSError):
        if found := re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE):
            return int(found[1]) / 1024
    try:
        import resource
    except ImportError:
        return float("nan")
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if sys.platform == "darwin" else used / 1024
