"""The CPU that Numba compiles for, and the levels of x86-64 that many CPUs share.

By default it is the host. `NUMBA_CPU_NAME` and `NUMBA_CPU_FEATURES` name another.
"""

from typing import NamedTuple

from llvmlite import binding

from scratchnn_kernels.numba_private import config

# What a CPU of a level has, in LLVM's words: the x86-64 psABI, "Micro-Architecture Levels".
_LEVEL_2 = {"cx16", "sahf", "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3"}
_LEVEL_3 = _LEVEL_2 | {"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave"}
LEVELS = {
    "x86-64-v4": _LEVEL_3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "x86-64-v3": _LEVEL_3,
}


class Processor(NamedTuple):
    triple: str
    name: str
    features: str


def host_features() -> dict[str, bool]:
    """What this machine can do, less what `NUMBA_ENABLE_AVX=0` forbids."""
    features = dict(binding.get_host_cpu_features())
    if not config.ENABLE_AVX:
        features.update({name: False for name in features if name.startswith("avx")})
    return features


def of_numba() -> Processor:
    """The one that Numba compiles for in this process."""
    features = config.CPU_FEATURES
    if features is None:
        of_host = binding.get_host_cpu_features()
        of_host.update(host_features())
        features = of_host.flatten()
    return Processor(binding.get_process_triple(), config.CPU_NAME or binding.get_host_cpu_name(), features)


def of_level(level: str) -> Processor:
    return Processor(binding.get_process_triple(), level, "")


def levels_of_host() -> list[str]:
    """The levels whose code this machine runs, the highest first."""
    has = {name for name, is_there in host_features().items() if is_there}
    is_x86 = binding.get_process_triple().startswith("x86_64")
    return [level for level, needed in LEVELS.items() if is_x86 and needed <= has]
