"""How much memory is left for this process: by the system, by its cgroup (a container's limit) and by `ulimit -v`."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_UNLIMITED = 2**60  # bytes; version 1 of cgroups says some huge number for "no limit"


def available() -> int | None:
    """In bytes, swap space included; None where the system does not say."""
    known = [each for each in (_of_system(), *_of_cgroups(), _of_address_space()) if each is not None]
    return max(0, min(known)) if known else None


def _of_system() -> int | None:
    with suppress(OSError, KeyError):
        rows = re.findall(r"^(\w+):\s+(\d+) kB", (_PROC / "meminfo").read_text(), re.MULTILINE)
        kilobytes = {name: int(number) for name, number in rows}
        return 1024 * (kilobytes["MemAvailable"] + kilobytes.get("SwapFree", 0))
    with suppress(AttributeError, OSError, ValueError):  # elsewhere: all that there is, so that it is no guess
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _of_cgroups() -> Iterator[int]:
    """What each limit that is set on this process' group, or one around it, leaves."""
    names = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")
    with suppress(OSError):
        for line in (_PROC / "self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            root, (limit, usage) = (_CGROUPS / "memory", names[1]) if controllers else (_CGROUPS, names[0])
            group = root / path.lstrip("/")
            for folder in (group, *group.parents):
                with suppress(OSError, ValueError):  # no such file, or "max"
                    if (most := int((folder / limit).read_text())) < _UNLIMITED:
                        yield most - int((folder / usage).read_text()) + _reclaimable(folder)
                if folder == root:
                    break


def _reclaimable(folder: Path) -> int:
    """Of what a group uses, the contents of files that nobody has used of late: they make room."""
    with suppress(OSError):
        if found := re.search(r"^(?:total_)?inactive_file (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE):
            return int(found[1])
    return 0


def _of_address_space() -> int | None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            return limit - int((_PROC / "self/statm").read_text().split()[0]) * resource.getpagesize()
    return None
