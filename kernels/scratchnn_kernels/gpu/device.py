"""Compiling and launching kernels: the only file that talks to CuPy.

A kernel stands in a .cu file beside the module that calls it, and is compiled by CuPy (NVRTC, in about 0.1 s) when it
is first launched. Sizes that decide about registers, and activations, are constants of that compilation: `defines`.
CuPy is imported at the first launch, so this package can be read, and its sources compiled, where there is no GPU.
"""

import math
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from scratchnn_kernels.contract import Array

FOLDER = Path(__file__).parent
Defines = Mapping[str, int | str]


class Device(Protocol):
    """What runs the kernels. A test may put another one in the place of the GPU: see `use`."""

    @property
    def xp(self) -> ModuleType:
        """The array module: CuPy."""
        ...

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array: ...

    def launch(
        self, file: str, kernel: str, defines: Defines, grid: tuple[int, ...], block: int, arguments: list[Any]
    ) -> None: ...


def source(file: str) -> str:
    """The text of a .cu file with what it includes in place: one string, by which CuPy's cache of programs knows it."""
    text = (FOLDER / file).read_text(encoding="ascii")  # CuPy writes it to a file in whatever encoding is usual there
    return re.sub(r'^#include "(.+)"$', lambda found: source(found[1]), text, flags=re.MULTILINE)


def options(defines: Defines) -> tuple[str, ...]:
    """What the compiler is told. Subnormal numbers become 0: 4% fewer instructions in a step of the LSTM."""
    return ("-ftz=true", *(f"-D{name}={value}" for name, value in sorted(defines.items())))


class CUDADevice:
    """The current CUDA device, through CuPy."""

    def __init__(self) -> None:
        import cupy  # pyright: ignore[reportMissingImports]

        self.xp = cupy
        self._kernel = cache(self._compiled)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Raises MemoryError, which says how much is needed, if the device has too little memory."""
        try:
            return self.xp.empty(shape, dtype)
        except self.xp.cuda.memory.OutOfMemoryError as error:
            needed = np.dtype(dtype).itemsize * math.prod(shape)
            free, total = (size / 2**20 for size in self.xp.cuda.runtime.memGetInfo())
            raise MemoryError(
                f"an array of shape {shape} needs {needed / 2**20:,.0f} MB, and of the device's {total:,.0f} MB "
                f"{free:,.0f} are free: smaller batches or shorter sequences need less"
            ) from error

    def launch(
        self, file: str, kernel: str, defines: Defines, grid: tuple[int, ...], block: int, arguments: list[Any]
    ) -> None:
        self._kernel(file, options(defines), kernel)(grid, (block,), tuple(arguments))

    def _compiled(self, file: str, options: tuple[str, ...], kernel: str) -> Any:
        return self.xp.RawModule(code=source(file), options=options).get_function(kernel)


_device: Device | None = None


def use(device: Device | None) -> None:
    """Launch on `device` from now on; None for the GPU."""
    global _device
    _device = device


def current() -> Device:
    global _device
    if _device is None:
        _device = CUDADevice()
    return _device


def xp() -> Any:
    """NumPy's functions, on the device."""
    return current().xp


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    return current().empty(shape, dtype)


def launch(file: str, kernel: str, defines: Defines, grid: int | tuple[int, ...], block: int, *arguments: Any) -> None:
    """Run a kernel. None stands for a null pointer, a Python number for an int; the block has one dimension."""
    grid = (grid,) if isinstance(grid, int) else grid
    current().launch(file, kernel, defines, grid, block, [_argument(each) for each in arguments])


def _argument(value: Any) -> Any:
    if value is None:
        return np.uint64(0)
    return np.int32(value) if isinstance(value, int) else value


def real_of(dtype: Any) -> str:
    """The word for a dtype in CUDA C."""
    return {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}[np.dtype(dtype)]
