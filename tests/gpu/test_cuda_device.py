"""How the modules speak to CuPy, with a stand-in for it: what is compiled, how it is launched, what lacks memory."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels import gpu
from scratchnn_kernels.gpu import device


class OnCard(np.ndarray):
    """What the stand-in makes: not an array of the host."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What CuPy was asked for."""
    seen: list[tuple] = []

    def raw_module(code: str, options: tuple[str, ...]) -> Any:
        seen.append(("compile", code, options))

        def get_function(kernel: str) -> Any:
            return lambda *arguments: seen.append(("launch", kernel, *arguments))

        return SimpleNamespace(get_function=get_function)

    def empty(shape: tuple[int, ...], dtype: Any) -> OnCard:
        if np.prod(shape) > 2**30:
            raise MemoryError("Out of memory allocating 8,589,934,592 bytes")  # CuPy's error is one of these
        return np.empty(shape, dtype).view(OnCard)

    cupy = ModuleType("cupy")
    vars(cupy).update(
        RawModule=raw_module,
        empty=empty,
        get_default_memory_pool=lambda: SimpleNamespace(free_bytes=lambda: 2**20),
        cuda=SimpleNamespace(
            Device=lambda: SimpleNamespace(id=0),
            runtime=SimpleNamespace(
                memGetInfo=lambda: (3 * 2**30, 8 * 2**30), getDeviceProperties=lambda number: {"name": b"NVIDIA T4"}
            ),
        ),
    )
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(device, "_device", None)
    return seen


def test_a_kernel_is_compiled_once_and_launched_as_asked(calls: list[tuple]) -> None:
    x = device.empty((5,), np.float32)
    for _ in range(2):
        device.launch("dropout.cu", "dropout_backward", {"REAL": "float", "H": 3}, 7, 256, x, None, 5, np.float32(2))
    (compiled, code, options), *launches = calls
    assert compiled == "compile" and "dropout_backward(" in code
    assert options == ("-ftz=true", "-DH=3", "-DREAL=float")
    assert len(launches) == 2
    _, kernel, grid, block, (first, null, number, real) = launches[0]
    assert (kernel, grid, block) == ("dropout_backward", (7,), (256,))
    assert first is x
    # CuPy passes NumPy's scalars by their size: a pointer has 8 bytes, an int 4.
    assert [(type(each), int(each)) for each in (null, number, real)] == [
        (np.uint64, 0),
        (np.int32, 5),
        (np.float32, 2),
    ]


@pytest.mark.parametrize("shape", [(), (1, 1), (4, 1)])
def test_an_array_of_the_host_is_never_launched_with(shape: tuple[int, ...], calls: list[tuple]) -> None:
    """CuPy refuses only those with more than one number; a single one would be taken for an address."""
    y = np.ones(shape, np.float32)
    with pytest.raises(TypeError, match=r"one of the host, of shape \("):
        gpu.binary_crossentropy.forward(y, y, False)
    assert not calls


def test_other_constants_are_another_program(calls: list[tuple]) -> None:
    for H in (3, 4, 3):
        device.launch("dropout.cu", "dropout_backward", {"H": H}, (7, 2), 256)
    assert [call[0] for call in calls] == ["compile", "launch", "compile", "launch", "launch"]
    assert calls[1][2] == (7, 2)


def test_included_files_stand_in_the_program() -> None:
    text = device.source("lstm.cu")
    assert "#include" not in text
    assert text.index("enum Activation") < text.index("struct __align__(16) Four") < text.index("lstm_forward")


def test_too_little_memory_says_how_much_is_needed(calls: list[tuple]) -> None:
    expected = r"an array of shape \(2, 1073741824\) needs 8,192.0 MB of the GPU's memory, of which 3,073.0 MB are free"
    with pytest.raises(MemoryError, match=expected):
        device.empty((2, 2**30), np.float32)


def test_data_that_do_not_fit_say_what_they_need(calls: list[tuple], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(x: np.ndarray, dtype: Any) -> None:
        raise MemoryError("Out of memory")

    for name in ("asarray", "ascontiguousarray"):
        monkeypatch.setattr(device.xp(), name, full, raising=False)
    x = np.broadcast_to(np.int32(0), (2**20, 1000))
    expected = r"shape \(1048576, 1000\) needs 4,000.0 MB of the GPU's memory, of which 3,073.0"
    with pytest.raises(MemoryError, match=expected):
        device.array(x, np.int32)
    with pytest.raises(MemoryError, match="Out of memory"):  # it would fit, were the memory in one piece
        device.array(x[:10], np.int32)


def test_the_device_says_its_name(calls: list[tuple]) -> None:
    assert device.current().name == "NVIDIA T4"
