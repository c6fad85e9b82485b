"""Cycles of one time step of a persistent kernel, counted from its machine code: no GPU is needed.

The compiler writes into each instruction how many cycles to wait after it, and which of six scoreboards to wait for
before it. A replay of one warp's time loop with these needs only the latencies that the compiler cannot know: those of
memory, shuffles and the special function unit, taken from microbenchmarks of Hopper (so sm_90 alone is counted). What
several warps take away from each other is not in it. docs/gpu.md has the counts beside what a card took.
"""

import importlib.metadata
import importlib.util
import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

CARD = "sm_90"
# Counts belong to one compiler: these versions are pinned in the extra `test`.
PACKAGES = {"nvidia-cuda-nvrtc": "13.5.37", "nvidia-cuda-nvdisasm": "13.5.37"}
SCOREBOARDS = 6
NONE = 7  # the scoreboard of an instruction that sets none
READ = 12  # cycles until an instruction has read its operands, which another may then overwrite
BARRIER = 12
# By the beginning of the operation's name; the first that fits.
LATENCIES = {
    "LDS.128": 33, "LDS": 30, "SHFL": 24, "MUFU": 20, "LDG.E.128": 40, "LDG": 265, "LDC": 30, "S2UR": 30, "S2R": 25,
    "STS": 12, "STG": 15, "": 14,
}  # fmt: skip


class Instruction(NamedTuple):
    text: str
    stall: int  # cycles until the next instruction may be issued
    sets: int  # the scoreboard that its result releases, or NONE
    read: int  # the scoreboard that is released when its operands were read, or NONE
    waits: int  # bit k: it waits for scoreboard k

    @property
    def operation(self) -> str:
        return re.sub(r"^@!?U?P\w+\s+", "", self.text).split()[0]

    @property
    def target(self) -> str | None:
        """The label that a branch leads to."""
        found = re.search(r"\.L_\w+", self.text) if self.operation.startswith("BRA") else None
        return found[0] if found else None


def missing() -> str | None:
    """Why nothing can be counted here, or None."""
    for name, version in PACKAGES.items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return f"needs {name}=={version} (part of the extra `test` on x86-64 Linux)"
        if installed != version:
            return f"cycles are counted with {name} {version}; {installed} is installed"
    return None if disassembler() is not None else "needs nvdisasm, which nvidia-cuda-nvdisasm should have brought"


def disassembler() -> Path | None:
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(each) for each in (spec.submodule_search_locations or [])] if spec else []
    return next((path for folder in folders for path in folder.rglob("bin/nvdisasm*")), None)


def disassemble(cubin: bytes, kernel: str) -> tuple[list[Instruction], dict[str, int]]:
    """The instructions of a kernel, and where its labels stand among them."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [str(disassembler()), "-c", "-hex", file.name]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = text.split(f".text.{kernel}:\n")[-1]
    found: list[Instruction] = []
    labels: dict[str, int] = {}
    words = ""
    for line in text.splitlines():
        if re.match(r"\s*(//-+|\.section)", line):
            break
        if label := re.match(r"(\.L_\w+):", line):
            labels[label[1]] = len(found)
        elif first := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(.*?)\s*;?\s*/\* 0x[0-9a-f]{16} \*/", line):
            words = first[1].strip(" ;")
        elif (second := re.match(r"\s*/\* 0x([0-9a-f]{16}) \*/", line)) and words:
            control = int(second[1], 16) >> 41
            sets, read, waits = control >> 5 & 7, control >> 8 & 7, control >> 11 & 63
            found.append(Instruction(words, control & 15, sets, read, waits))
            words = ""
    return found, labels


def time_loops(instructions: list[Instruction], labels: dict[str, int]) -> list[tuple[int, int]]:
    """First and last instruction of every loop round a barrier, in the order of the code."""
    last: dict[int, int] = {}
    for n, each in enumerate(instructions):
        first = labels.get(each.target or "", n)
        if first < n and any(one.operation.startswith("BAR") for one in instructions[first:n]):
            last[first] = n
    return sorted(last.items())


def trace(
    instructions: list[Instruction], labels: dict[str, int], loop: tuple[int, int], fours: int
) -> list[Instruction]:
    """One turn of the time loop; a loop inside of it turns until `fours` loads of four weights were made."""
    first, last = loop
    found, n = [], first
    made = 0
    while n <= last:
        found.append(instructions[n])
        made += instructions[n].operation.startswith("LDG.E.128")
        target = labels.get(instructions[n].target or "", n + 1)
        n = target if n < last and first < target <= n and made < fours else n + 1
    return found


def replay(loop: list[Instruction], turns: int = 4) -> int:
    """Cycles of one warp for the last of several turns."""
    released = [0] * SCOREBOARDS
    now, ends = 0, []
    for _ in range(turns):
        for each in loop:
            now = max([now, *(time for k, time in enumerate(released) if each.waits >> k & 1)])
            latency = next(cycles for name, cycles in LATENCIES.items() if each.operation.startswith(name))
            if each.sets < SCOREBOARDS:
                released[each.sets] = max(released[each.sets], now + latency)
            if each.read < SCOREBOARDS:
                released[each.read] = max(released[each.read], now + READ)
            now += max(1, each.stall) + BARRIER * each.operation.startswith("BAR")
        ends.append(now)
    return ends[-1] - ends[-2]


def of_a_step(cubin: bytes, kernel: str, barriers: int, fours: int) -> int:
    """Cycles of a time step in the loop that takes most of them: the one that is unrolled, or else the fastest.

    `barriers`: of one step, since a turn of an unrolled loop is several steps; `fours`: loads of four weights that are
    not held, in one step.
    """
    instructions, labels = disassemble(cubin, kernel)
    counts = []
    for loop in time_loops(instructions, labels):
        one_turn = trace(instructions, labels, loop, fours)
        steps = sum(each.operation.startswith("BAR") for each in one_turn) // barriers
        counts.append((-steps, round(replay(one_turn) / steps)))
    return min(counts)[1]
