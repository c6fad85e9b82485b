"""Facts about the machine, and who else was using it.

"AMD EPYC" is the name of CPUs of which one is twice as fast as another. So family, model and stepping are recorded, and
beside a table of speeds stands what this machine was measured to do at its best (`benchmarks.floor.facts`).
"""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "numba", "llvmlite", "scratchnn", "keras", "tensorflow-cpu", "tensorflow", "torch", "jax")

CPUINFO_KEYS = {"family": "cpu family", "model": "model", "stepping": "stepping"}


def facts() -> dict[str, Any]:
    """What a figure of speed depends on. No names of hosts or users."""
    return {
        "cpu": cpu_model(),
        **{key: int(number) for key in ("family", "model", "stepping") if (number := _cpuinfo(CPUINFO_KEYS[key]))},
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "vectors": [flag for flag in ("avx2", "fma", "avx512f") if flag in cpu_flags()],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := version_of(name))},
        "thread_settings": {name: os.environ[name] for name in sorted(os.environ) if _is_about_threads(name)},
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def described(facts: dict[str, Any]) -> str:
    """The CPU as a table names it: model, family, and what was measured of it, as far as it is recorded."""
    numbers = [f"{key} {facts[key]}" for key in CPUINFO_KEYS if key in facts]
    if peak := facts.get("peak"):
        numbers += [f"{peak['ghz']:.1f} GHz"] if peak.get("ghz") else []
        numbers += [f"vectors of {8 * peak['vector_bytes']} bits"] if "vector_bytes" in peak else []
        numbers.append(f"measured on a core: {peak['gflops']:.0f} GFLOP/s, {peak['gactivations']:.1f} G activations/s")
    return f"{facts['cpu']}: {', '.join(numbers)}" if numbers else facts["cpu"]


def difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Why figures of two runs cannot stand in one table: the facts that differ, "" where none does."""
    names = ("cpu", *CPUINFO_KEYS, "usable_cores", "python", "packages", "thread_settings")
    apart = [name for name in names if one.get(name) != other.get(name)]
    return ", ".join(f"{name} was {one.get(name)} and is {other.get(name)}" for name in apart)


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
    return next(
        (value.strip() for name, _, value in (line.partition(":") for line in lines) if name.strip() == key), ""
    )


def _is_about_threads(name: str) -> bool:
    return name.startswith(("OMP_", "GOMP_", "KMP_", "MKL_", "NUMBA_", "OPENBLAS_", "XLA_", "TF_NUM"))
