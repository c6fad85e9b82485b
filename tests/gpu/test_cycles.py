"""The time loops take the cycles that docs/gpu.md says, counted from their machine code: nothing runs here."""

import re
from functools import cache
from pathlib import Path

import pytest
from scratchnn_kernels.gpu import device

from tests.gpu import cycles, nvrtc
from tests.gpu.test_compiled import CUPYS, persistent

PAGE = Path(__file__).parents[2] / "docs" / "gpu.md"
CELLS = {"simple_rnn": 1, "lstm": 1, "gru": 1, "gru_reset_before": 2}  # and the barriers of a step
UNITS = (32, 64, 96, 128)
# What the sources were written for: at most so many cycles forward and backward.
GOALS = {("lstm", 32): (320, 260), ("lstm", 64): (380, 320)}


@pytest.fixture(autouse=True)
def counted() -> None:
    if reason := cycles.missing():
        pytest.skip(reason)


@cache
def program(cell: str, H: int) -> bytes:
    source = persistent(f"{cell}.cu", H, 0)
    options = (*device.options(source.defines), *CUPYS, f"--gpu-architecture={cycles.CARD}")
    path = nvrtc.library_path()
    assert path is not None
    return nvrtc.compile_to_cubin(path, device.source(source.file), source.file, options)[0]


def counts(cell: str, H: int) -> tuple[int, int]:
    held = persistent(f"{cell}.cu", H, 0).defines.get("HELD", H)
    fours = max(0, (H - int(held)) // 4) * CELLS[cell]
    forward, backward = (
        cycles.of_a_step(program(cell, H), f"{cell}_{way}", CELLS[cell], fours) for way in ("forward", "backward")
    )
    return forward, backward


@pytest.mark.parametrize("cell", CELLS)
def test_the_table_has_what_is_counted(cell: str) -> None:
    row = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{cell}` |"))
    told = [(int(forward), int(backward)) for forward, backward in re.findall(r"(\d+) / (\d+)", row)]
    assert told == [counts(cell, H) for H in UNITS]


@pytest.mark.parametrize(("cell", "H"), GOALS)
def test_a_step_takes_no_longer_than_it_may(cell: str, H: int) -> None:
    assert all(count <= most for count, most in zip(counts(cell, H), GOALS[cell, H], strict=True))


def test_what_is_waited_for_is_counted() -> None:
    """Two instructions by hand: a load of 33 cycles, and a sum that waits for it."""
    load = cycles.Instruction("LDS.128 R4, [R2]", stall=1, sets=0, read=cycles.NONE, waits=0)
    add = cycles.Instruction("FADD R0, R4, R5", stall=4, sets=cycles.NONE, read=cycles.NONE, waits=0b1)
    assert cycles.replay([load, add]) == 33 + 4
    assert cycles.replay([load, add._replace(waits=0)]) == 1 + 4
    barrier = cycles.Instruction("BAR.SYNC 0x0", stall=6, sets=cycles.NONE, read=cycles.NONE, waits=0)
    assert cycles.replay([load, add, barrier]) == 33 + 4 + 6 + cycles.BARRIER


def test_a_load_that_is_waited_for_shows() -> None:
    """Without its ring the loop takes longer by what a load takes: a count that never rises would be worth nothing."""
    source = persistent("lstm.cu", 32, 0)
    text = device.source("lstm.cu")
    ring, none = "if (span.has_holes) return", "return"
    assert text.count(ring) == 1
    options = (*device.options(source.defines), *CUPYS, f"--gpu-architecture={cycles.CARD}")
    path = nvrtc.library_path()
    assert path is not None
    cubin, _ = nvrtc.compile_to_cubin(path, text.replace(ring, none), "lstm.cu", options)
    assert cycles.of_a_step(cubin, "lstm_forward", 1, 0) > counts("lstm", 32)[0] + 200
