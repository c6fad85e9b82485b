"""Facts about the machine, and who else was using it."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "numba", "llvmlite", "scratchnn", "keras", "tensorflow-cpu", "tensorflow", "torch", "jax")


def facts() -> dict[str, Any]:
    """What a figure of speed depends on. No names of hosts or users."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "vectors": [flag for flag in ("avx2", "fma", "avx512f") if flag in cpu_flags()],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := version_of(name))},
        "thread_settings": {name: os.environ[name] for name in sorted(os.environ) if _is_about_threads(name)},
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def cpu_model() -> str:
    return _cpuinfo("model name") or platform.processor() or "unknown"


def cpu_flags() -> list[str]:
    return _cpuinfo("flags").split()


def version_of(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def busy_seconds() -> float | None:
    """Seconds that all cores together have been busy since the start, stolen ones included; None where unknown."""
    try:
        first = Path("/proc/stat").read_text().split("\n", 1)[0]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) for word in first.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def _is_about_threads(name: str) -> bool:
    return name.startswith(("OMP_", "GOMP_", "KMP_", "MKL_", "NUMBA_", "OPENBLAS_", "XLA_", "TF_NUM"))
