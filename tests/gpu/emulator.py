"""A device that runs the CUDA sources on the CPU, compiled by g++ with cuda_on_cpu.h in front of them."""

import ctypes
import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scratchnn_kernels.gpu import device

from tests.gpu.device_arrays import DeviceArray, xp

HEADER = Path(__file__).with_name("cuda_on_cpu.h")
MOST_BLOCKS = (2**31 - 1, 65_535, 65_535)  # along each axis of a grid
ORDERS = ("forwards", "backwards", "at random", "warp ahead")
GUARD = 256  # bytes before and after every array, which no kernel may touch
DTYPES = {
    "unsigned char": ("bool", "uint8"),
    "int": ("int32",),
    "long long": ("int64",),
    "word": ("uint64",),
    "float": ("float32",),
    "double": ("float64",),
}


class Fault(AssertionError):
    """What a GPU might have done silently."""


class Parameter(NamedTuple):
    word: str
    is_pointer: bool
    is_const: bool


class Emulator:
    """`edit` changes a source before it is compiled: how mistakes are planted."""

    xp = xp
    name = "an emulated GPU"

    def __init__(
        self, folder: Path, order: str = "forwards", edit: Callable[[str, str], str] = lambda file, text: text
    ) -> None:
        self.folder, self.order, self.edit = folder, order, edit
        self.launched: list[str] = []
        self.memory = 2**30
        self._library = cache(self._compiled)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> DeviceArray:
        """Full of NaN, or of -1: whoever reads a number that was never written will be seen."""
        array = np.empty(shape, dtype)
        array.reshape(-1).view(np.uint8)[:] = 0xFF
        return DeviceArray(array)

    def free_memory(self) -> int:
        return self.memory

    def launch(
        self, file: str, kernel: str, defines: device.Defines, grid: tuple[int, ...], block: int, arguments: list[Any]
    ) -> None:
        library, parameters = self._library(file, device.options(defines))
        self.launched.append(kernel)
        if len(arguments) != len(parameters[kernel]):
            raise Fault(f"{kernel} takes {len(parameters[kernel])} arguments, got {len(arguments)}")
        held = [
            _Held(f"{kernel}, argument {n}", parameter, value, defines)
            for n, (parameter, value) in enumerate(zip(parameters[kernel], arguments, strict=True))
        ]
        pointers = (ctypes.c_void_p * len(held))(*[each.storage.ctypes.data for each in held])
        if any(size > most for size, most in zip(grid, MOST_BLOCKS, strict=False)):
            raise Fault(f"{kernel}: a grid of {grid} blocks is larger than a device takes")
        sizes = (ctypes.c_int * 2)(*(max(1, size) for size in (*grid, 1)[:2]))  # CuPy makes one block of none
        run = library[f"emulate_{kernel}"]
        run.restype = ctypes.c_char_p
        error = run(pointers, sizes, block, ORDERS.index(self.order), 1)
        if error is not None:
            raise Fault(f"{kernel}: {error.decode()}")
        for each in held:
            each.give_back()

    def _compiled(self, file: str, options: tuple[str, ...]) -> tuple[ctypes.CDLL, dict[str, list[Parameter]]]:
        text = self.edit(file, device.source(file))
        parameters = kernels_in(text)
        text += "\n" + "\n".join(f"EMULATE({kernel})" for kernel in parameters)
        defines = [option for option in options if option.startswith("-D")]
        command = ["g++", "-std=c++17", "-O1", "-fPIC", "-shared", "-fno-gnu-unique", "-w", *defines]
        name = hashlib.sha256("\n".join([HEADER.read_text(), text, *command]).encode()).hexdigest()
        path = self.folder / f"{name}.so"
        if not path.exists():
            new = Path(f"{path}.{os.getpid()}")  # several processes may share the folder
            arguments = [*command, "-include", str(HEADER), "-x", "c++", "-", "-o", str(new)]
            run = subprocess.run(arguments, input=text, capture_output=True, text=True)
            assert run.returncode == 0, run.stderr
            new.rename(path)
        return ctypes.CDLL(str(path)), parameters


class _Held:
    """An argument in memory of its own, between two guards."""

    def __init__(self, name: str, parameter: Parameter, value: Any, defines: device.Defines) -> None:
        self.name, self.parameter = name, parameter
        word = parameter.word
        if word == "real":
            word = str(defines["REAL"])
        expected = (str(defines["ID"]).removeprefix("id_"),) if word == "ID" else DTYPES[word]
        if isinstance(value, DeviceArray | np.ndarray):
            on_device = isinstance(value, DeviceArray) and value.flags.c_contiguous
            if not parameter.is_pointer or str(value.dtype) not in expected or not on_device:
                raise Fault(f"{name} is {parameter}, got {type(value)}, {value.dtype} {value.shape} {value.strides}")
            value = value.numbers
            self.value = value
            self.memory = np.full(value.nbytes + 2 * GUARD, 0xFF, np.uint8)
            self.inside = self.memory[GUARD : GUARD + value.nbytes]
            self.inside[:] = value.reshape(-1).view(np.uint8)
            self.storage = np.array([self.inside.ctypes.data], np.uint64)
        else:
            if (str(value.dtype) not in expected) if not parameter.is_pointer else value != 0:
                raise Fault(f"{name} is {parameter}, got {value!r}")
            self.memory, self.storage = None, np.array([value])

    def give_back(self) -> None:
        if self.memory is None:
            return
        if (self.memory[:GUARD] != 0xFF).any() or (self.memory[-GUARD:] != 0xFF).any():
            raise Fault(f"{self.name}: written beside the array")
        before = self.value.reshape(-1).view(np.uint8)
        if self.parameter.is_const:
            if not np.array_equal(before, self.inside):
                raise Fault(f"{self.name}: is const and was written")
        else:
            before[:] = self.inside


def kernels_in(text: str) -> dict[str, list[Parameter]]:
    """The kernels of a source, and their parameters."""
    text = re.sub(r"//.*", "", text)
    found = re.findall(r"__global__ void (?:__launch_bounds__\(\w+\)\s+)?(\w+)\((.*?)\)\s*\{", text, re.DOTALL)
    return {kernel: [_parameter(each) for each in parameters.split(",")] for kernel, parameters in found}


def _parameter(text: str) -> Parameter:
    words = re.sub(r"\w+$", "", text.strip()).strip()  # without the name
    word = words.replace("*", "").replace("const", "").strip()
    return Parameter(word, "*" in words, "const" in words)
