"""Every CUDA source compiles for every card we name, keeps its weights in registers, and leaves room for other blocks.

Nothing runs here. A register too many is a slower kernel, and a spill undoes the design: so both have limits.
"""

from pathlib import Path
from typing import NamedTuple

import pytest
from scratchnn_kernels.gpu import device, dispatch
from scratchnn_kernels.gpu.activations import NAMES
from scratchnn_kernels.gpu.embedding import IDS, WARPS

from tests.gpu import nvrtc
from tests.gpu.emulator import kernels_in

CARDS = {"sm_75": "T4, RTX 20", "sm_80": "A100", "sm_90": "H100, H200", "sm_100": "B200"}
CUPYS = ("--std=c++17", "-ftz=true", "--device-as-default-execution-space")  # what CuPy adds to our options
USUAL = {"ACT": NAMES.index("tanh"), "REC": NAMES.index("sigmoid")}


class Program(NamedTuple):
    file: str
    defines: device.Defines
    registers: int  # at most, of any of its kernels

    def __str__(self) -> str:
        return " ".join([self.file, *(f"{name}={value}" for name, value in self.defines.items())])


def persistent(file: str, H: int, registers: int, dropout: int = 0) -> Program:
    cell = file.removesuffix(".cu")
    held = {} if cell == "simple_rnn" else {"HELD": dispatch.held(dispatch.choose(cell, H, 32, "float32"), H)}
    return Program(file, {"REAL": "float", "H": H, "DROPOUT": dropout, **held, **USUAL}, registers)


# H and the limit. With four threads for each unit, 128 registers are all that 512 threads can have.
FOUR_THREADS = ((5, 64), (32, 80), (64, 128), (65, 144), (96, 168), (97, 128), (100, 128), (111, 128), (128, 128))


PROGRAMS = [
    *(
        persistent("simple_rnn.cu", H, registers)
        for H, registers in ((1, 64), (32, 88), (64, 104), (100, 168), (128, 176))
    ),
    *(
        persistent(file, H, registers, p)
        for file in ("lstm.cu", "gru.cu")
        for H, registers in FOUR_THREADS
        for p in (0, 1)
    ),
    *(persistent("gru_reset_before.cu", H, registers) for H, registers in FOUR_THREADS),
    *(
        # In double, which is for checking, a number takes two.
        Program(file, {"REAL": real, **USUAL, **more}, 64 if real == "float" else 80)
        for real in ("float", "double")
        for file, more in (
            ("simple_rnn_step.cu", {}),
            ("lstm_step.cu", {}),
            ("gru_step.cu", {}),
            ("binary_crossentropy.cu", {"BLOCK": 256}),
            ("conv1d.cu", {}),
            ("pointwise.cu", {}),
            ("pooling.cu", {}),
            ("dropout.cu", {}),
            ("embedding.cu", {"ID": "id_int32", "WARPS": WARPS, "IDS": IDS[4 if real == "float" else 8]}),
            ("optimizer.cu", {"BLOCK": 1024}),
        )
    ),
]


@pytest.fixture(scope="module")
def compiler() -> Path:
    path = nvrtc.library_path()
    if path is None:
        pytest.skip("needs NVRTC: pip install nvidia-cuda-nvrtc (part of the extra `test` on Linux and Windows)")
    return path


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_a_program_compiles_within_its_budget(program: Program, card: str, compiler: Path) -> None:
    text = device.source(program.file)
    options = (*device.options(program.defines), *CUPYS, f"--gpu-architecture={card}")
    cubin, usage = nvrtc.compile_to_cubin(compiler, text, program.file, options)
    assert cubin.startswith(nvrtc.ELF)
    assert usage.keys() == kernels_in(text).keys() != set()
    for kernel, used in usage.items():
        assert (used.spilled, used.stack) == (0, 0), kernel
        assert used.registers <= program.registers, kernel
        assert used.shared <= 48 * 1024, kernel


def test_every_source_is_tried() -> None:
    assert {path.name for path in device.FOLDER.glob("*.cu")} == {program.file for program in PROGRAMS}


@pytest.mark.parametrize("name", NAMES)
def test_every_activation_compiles(name: str, compiler: Path) -> None:
    number = NAMES.index(name)
    for real in ("float", "double"):
        defines = {"REAL": real, "ACT": number, "REC": number}
        options = (*device.options(defines), "--gpu-architecture=sm_75")
        _, usage = nvrtc.compile_to_cubin(compiler, device.source("lstm_step.cu"), "lstm_step.cu", options)
        assert all(used.spilled == 0 for used in usage.values())


def test_a_mistake_is_told(compiler: Path) -> None:
    with pytest.raises(RuntimeError, match="wrong"):
        nvrtc.compile_to_cubin(compiler, "int x = wrong;", "mistake.cu", ["--gpu-architecture=sm_90"])


def test_too_many_registers_are_seen(compiler: Path) -> None:
    """128 weights in each of 1024 threads cannot be kept: the check that never fails would be worth nothing."""
    text = device.source("lstm.cu").replace("THREADS = 4 * PADDED", "THREADS = 1024")
    options = (*device.options(persistent("lstm.cu", 128, 0).defines), "--gpu-architecture=sm_90")
    _, usage = nvrtc.compile_to_cubin(compiler, text, "lstm.cu", options)
    assert min(used.spilled for used in usage.values()) > 0
