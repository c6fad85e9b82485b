"""The one place where a backend is chosen.

A backend is the folder of kernels of that name (`kernels/scratchnn_kernels/reference`, `cpu`, `gpu`) and the array
module that the layers without kernels are written in.
"""

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
    from scratchnn_kernels.gpu import availability

    problem = availability.problem()
    if problem is not None:
        return f'backend="gpu" {problem}. Without an NVIDIA GPU use backend="cpu"'
    return 'the gpu has kernels, but layers and trainer do not run on it yet (docs/gpu.md); use backend="cpu"'
