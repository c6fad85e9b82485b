"""The most memory that this process has used, since a moment of one's choice where the system can tell that."""

import ctypes
import gc
import re
import sys
from contextlib import suppress
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def start_counting() -> None:
    """Give back what is free, and forget the peak so far: what follows is then little more than its own.

    Only Linux can do all of it; elsewhere the peak is that of the process' whole life.
    """
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps what Python has freed
    with suppress(OSError):
        _CLEAR.write_text("5")


def peak() -> float:
    """In MB, of resident memory; NaN where the system does not tell."""
    with suppress(OSError):
        if found := re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE):
            return int(found[1]) / 1024
    try:
        import resource
    except ImportError:
        return float("nan")
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if sys.platform == "darwin" else used / 1024
