"""The one place where a backend is chosen.

A backend is the folder of kernels of that name (`kernels/scratchnn_kernels/reference`, `cpu`) and the array module
that the layers without kernels are written in.
"""

import importlib.util
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from scratchnn_kernels.contract import Kernels

from scratchnn.lookup import look_up
from scratchnn.threads import check_environment

BACKENDS = ("reference", "cpu", "gpu")


@dataclass(frozen=True)
class Backend:
    name: str
    kernels: Kernels
    xp: ModuleType


def load(name: str) -> Backend:
    """Return a backend: `reference` (NumPy, to be read), `cpu` (Numba, to be fast).

    Raises:
        ValueError: if there is no backend of that name.
        ImportError: if it cannot be used here.
    """
    # Written-out imports: the type checker holds each module against the `Kernels` protocol.
    name = look_up("backend", name, {known: known for known in BACKENDS})
    if name == "reference":
        from scratchnn_kernels import reference

        return Backend(name, reference, np)
    if name == "cpu":
        check_environment()
        from scratchnn_kernels import cpu

        return Backend(name, cpu, np)
    raise ImportError(_why_no_gpu())


def _why_no_gpu() -> str:
    if importlib.util.find_spec("cupy") is None:
        return (
            'backend="gpu" needs CuPy, which is not installed: pip install cupy-cuda12x (or cupy-cuda13x, after the '
            'CUDA version that nvidia-smi prints). Without an NVIDIA GPU use backend="cpu"'
        )
    return f'this version of scratchnn has no gpu kernels yet, only {BACKENDS[:2]}; use backend="cpu"'
