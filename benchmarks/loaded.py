"""Everything once more beside another busy program: a loop that holds the first core, as a laptop's browser would.

The peers run with all threads and with one, and the faster counts for them. Of ours both are shown: what is promised
is that threads never make it much slower than its own single one.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.harness import CONTENDERS, OURS, Contender

ONE_THREAD = ", one thread"  # behind the name of a contender
# What makes each framework use one thread. PyTorch chooses by measuring, too, but a few batches may mislead it.
SETTINGS: Mapping[str, Mapping[str, str]] = {
    OURS: {"NUMBA_NUM_THREADS": "1"},
    "keras": {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"},
    "keras-xla": {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"},
    "torch": {"OMP_NUM_THREADS": "1"},
    "torch-compiled": {"OMP_NUM_THREADS": "1"},
    "jax": {"NPROC": "1"},
}
LOADED: Mapping[str, Contender] = {
    name + suffix: replace(CONTENDERS[name], env={**CONTENDERS[name].env, **(settings if suffix else {})})
    for name, settings in SETTINGS.items()
    for suffix in ("", ONE_THREAD)
}

# Ends with the program that started it, whatever ends that.
BUSY_LOOP = """
import os, sys
core, parent = int(sys.argv[1]), int(sys.argv[2])
os.sched_setaffinity(0, {core})
print("busy", flush=True)
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


class Load:
    """A process that keeps a core busy."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process

    def seconds(self) -> float:
        """Of the CPU that it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def one_core_taken() -> Iterator[Load]:
    """A busy loop on the first core that this process may use, until the end of the block.

    Raises:
        RuntimeError: where a process cannot be kept on a core.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise RuntimeError("a busy loop can be kept on one core on Linux only: leave out --parts loaded")
    core = min(os.sched_getaffinity(0))
    command = [sys.executable, "-S", "-E", "-c", BUSY_LOOP, str(core), str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "busy\n":
                raise RuntimeError("the busy loop did not start; what it said is above")
            yield Load(process)
        finally:
            process.kill()


def compare(workloads: Sequence[str], contenders: Sequence[str], rounds: int, quick: bool) -> dict[str, Any]:
    """As `harness.compare`, under load; of every framework named, with all threads and with one."""
    chosen = {name: made for name, made in LOADED.items() if name.removesuffix(ONE_THREAD) in contenders}
    with one_core_taken() as load:
        return harness.compare(workloads, chosen, rounds, quick, load.seconds)
