"""Compiles CUDA C with NVIDIA's run-time compiler alone: it needs neither a GPU nor a driver, where CuPy wants both."""

import ctypes
import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ELF = b"\x7fELF"


class Usage(NamedTuple):
    """What one kernel takes of a device."""

    registers: int  # of each thread
    spilled: int  # bytes that did not fit the registers, stored and loaded again
    stack: int
    shared: int  # bytes of a block


def library_path() -> Path | None:
    """libnvrtc from the wheel nvidia-cuda-nvrtc, if it is installed."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(each) for each in (spec.submodule_search_locations or [])] if spec else []
    found = [path for folder in folders for path in folder.rglob("libnvrtc.so.*") if "alt" not in path.name]
    return found[0] if found else None


@cache
def _library(path: Path) -> ctypes.CDLL:
    for part in sorted(path.parent.glob("libnvrtc-builtins.so*")):
        ctypes.CDLL(str(part), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(path))
    library.nvrtcGetErrorString.restype = ctypes.c_char_p
    return library


def compile_to_cubin(path: Path, text: str, name: str, options: Sequence[str]) -> tuple[bytes, dict[str, Usage]]:
    """The machine code, and what each kernel in it uses.

    Raises:
        RuntimeError: with the compiler's words, if it finds a mistake.
    """
    library = _library(path)
    program = ctypes.c_void_p()
    _check(library, library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), name.encode(), 0, None, None))
    words = [option.encode() for option in (*options, "--ptxas-options=-v")]
    result = library.nvrtcCompileProgram(program, len(words), (ctypes.c_char_p * len(words))(*words))
    log = _bytes(library.nvrtcGetProgramLogSize, library.nvrtcGetProgramLog, program).rstrip(b"\0").decode()
    if result != 0:
        raise RuntimeError(log)
    cubin = _bytes(library.nvrtcGetCUBINSize, library.nvrtcGetCUBIN, program)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return cubin, usage_in(log)


def usage_in(log: str) -> dict[str, Usage]:
    """What ptxas says about every kernel of a program."""
    found = {}
    for part in log.split("Compiling entry function '")[1:]:
        kernel = part.split("'")[0]
        numbers = [
            re.search(pattern, part)
            for pattern in (
                r"Used (\d+) registers",
                r"(\d+) bytes spill stores",
                r"(\d+) bytes spill loads",
                r"(\d+) bytes stack frame",
                r"(\d+) bytes smem",
            )
        ]
        assert all(numbers[:4]), part
        registers, stores, loads, stack, shared = (int(each[1]) if each else 0 for each in numbers)
        found[kernel] = Usage(registers, stores + loads, stack, shared)
    return found


def _bytes(size_of: Any, get: Any, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    get(program, buffer)
    return buffer.raw


def _check(library: ctypes.CDLL, result: int) -> None:
    if result != 0:
        raise RuntimeError(library.nvrtcGetErrorString(result).decode())
