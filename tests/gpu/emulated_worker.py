"""The worker of benchmarks/gpu where there is no GPU: everything runs on the emulated device.

python -m tests.gpu.emulated_worker FOLDER      FOLDER keeps the compiled sources
"""

import os
import sys
from pathlib import Path
from typing import Any

from scratchnn_kernels.gpu import availability, device

from benchmarks.gpu import run_scratchnn
from benchmarks.gpu.run_scratchnn import Answers
from benchmarks.gpu.timing import HostClock
from benchmarks.gpu.workers import serve
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
    run_scratchnn.steps = lambda model: 2  # an epoch of a hundred would take a minute
    serve(Emulated(HostClock()))
