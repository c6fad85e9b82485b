"""The worker of benchmarks/gpu.py where there is no GPU: everything runs on the emulated device.

python -m tests.gpu.emulated_worker FOLDER      FOLDER keeps the compiled sources
"""

import os
import sys
from pathlib import Path
from typing import Any

from scratchnn_kernels.gpu import availability, device

from benchmarks import run_scratchnn_gpu
from benchmarks.gpu_timing import HostClock
from benchmarks.gpu_workers import serve
from benchmarks.run_scratchnn_gpu import Answers
from tests.gpu.emulator import Emulator


class Emulated(Answers):
    def machine(self) -> dict[str, Any]:
        return {"device": "emulated"}

    def fail(self) -> None:
        raise RuntimeError("as asked")

    def too_little_memory(self) -> None:
        raise MemoryError("as asked")

    def die(self) -> None:
        os._exit(7)

    def process(self) -> int:
        print("no answer")  # which must not be taken for one
        return os.getpid()

    def hang(self) -> None:
        while True:
            pass


if __name__ == "__main__":
    emulator: Any = Emulator(Path(sys.argv[1]))
    device.use(emulator)
    availability.problem = lambda: None
    run_scratchnn_gpu.steps = lambda model: 2  # an epoch of a hundred would take a minute
    serve(Emulated(HostClock()))
