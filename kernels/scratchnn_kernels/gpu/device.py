"""Compiling and launching kernels: the only file that talks to CuPy (availability.py asks whether it can).

A kernel is in a .cu file next to the module that calls it, and is compiled by CuPy (NVRTC, in about 0.1 s) when it
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
from scratchnn_kernels.gpu.activations import enumeration

FOLDER = Path(__file__).parent
Defines = Mapping[str, int | str]


class Device(Protocol):
    """What runs the kernels. A test may replace the GPU by another one: see `use`."""

    @property
    def xp(self) -> ModuleType:
        """The array module: CuPy."""
        ...

    @property
    def name(self) -> str:
        """The name that its vendor gave it."""
        ...

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array: ...

    def free_memory(self) -> int:
        """In bytes."""
        ...

    def launch(
        self, file: str, kernel: str, defines: Defines, grid: tuple[int, ...], block: int, arguments: list[Any]
    ) -> None: ...


def source(file: str) -> str:
    """The text of a .cu file with its includes expanded: one string, the key in CuPy's cache of programs."""
    if file == "activations.py":
        return enumeration()
    text = (FOLDER / file).read_text(encoding="ascii")  # CuPy writes it to a file in whatever encoding is usual there
    return re.sub(r'^#include "(.+?)".*$', lambda found: source(found[1]), text, flags=re.MULTILINE)


def options(defines: Defines) -> tuple[str, ...]:
    """The compiler's options. Subnormal numbers become 0: 4% fewer instructions in a step of the LSTM."""
    return ("-ftz=true", *(f"-D{name}={value}" for name, value in sorted(defines.items())))


class CUDADevice:
    """The current CUDA device, through CuPy."""

    def __init__(self) -> None:
        import cupy  # pyright: ignore[reportMissingImports]

        self.xp = cupy
        self.name = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()
        self._kernel = cache(self._compiled)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return self.xp.empty(shape, dtype)

    def free_memory(self) -> int:
        return self.xp.cuda.runtime.memGetInfo()[0] + self.xp.get_default_memory_pool().free_bytes()

    def launch(
        self, file: str, kernel: str, defines: Defines, grid: tuple[int, ...], block: int, arguments: list[Any]
    ) -> None:
        self._kernel(file, kernel, tuple(defines.items()))(grid, (block,), tuple(arguments))

    def _compiled(self, file: str, kernel: str, defines: tuple[tuple[str, int | str], ...]) -> Any:
        return self.xp.RawModule(code=source(file), options=options(dict(defines))).get_function(kernel)


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
    """An uninitialised array.

    Raises:
        MemoryError: if the device has too little memory for it; says how much is needed.
    """
    try:
        return current().empty(shape, dtype)
    except MemoryError as error:  # CuPy's is one
        require_memory(np.dtype(dtype).itemsize * math.prod(shape), f"an array of shape {shape}", error)
        raise


def array(x: Any, dtype: Any) -> Array:
    """x, on the host or the device, as a contiguous array on the device.

    Raises:
        MemoryError: as `empty`.
    """
    try:
        return xp().ascontiguousarray(xp().asarray(x, dtype))
    except MemoryError as error:
        shape = np.shape(x)  # x may be a list
        require_memory(np.dtype(dtype).itemsize * math.prod(shape), f"an array of shape {shape}", error)
        raise


def require_memory(needed: int, what: str, cause: Exception | None = None) -> None:
    """Raise MemoryError if fewer than `needed` bytes of the device's memory are free."""
    free = current().free_memory()
    if needed > free:
        raise MemoryError(
            f"{what} needs {needed / 2**20:,.1f} MB of the GPU's memory, of which {free / 2**20:,.1f} MB are free"
        ) from cause


def launch(file: str, kernel: str, defines: Defines, grid: int | tuple[int, ...], block: int, *arguments: Any) -> None:
    """Run a kernel. None stands for a null pointer, a Python number for an int; the block has one dimension.

    Raises:
        TypeError: for an array of the host. CuPy would take an array of one number for that number.
    """
    grid = (grid,) if isinstance(grid, int) else grid
    current().launch(file, kernel, defines, grid, block, [_argument(each) for each in arguments])


def _argument(value: Any) -> Any:
    if value is None:
        return np.uint64(0)
    if type(value) is np.ndarray:
        raise TypeError(f"a kernel takes arrays of the device, got one of the host, of shape {value.shape}")
    return np.int32(value) if isinstance(value, int) else value


def real_of(dtype: Any) -> str:
    """The word for a dtype in CUDA C."""
    return {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}[np.dtype(dtype)]
