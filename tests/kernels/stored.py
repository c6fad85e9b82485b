"""A program that uses two kernels and says what they computed, for tests of what is stored."""

import os
import subprocess
import sys
from pathlib import Path

# The cheapest kernels to compile. Its output: all numbers, and whether they are those of the reference.
WORK = """
import numpy as np
from scratchnn_kernels import cpu, reference
PREPARE
rng = np.random.default_rng(0)
x, E = rng.integers(0, 20, (40, 7)).astype(np.int32), rng.normal(size=(20, 5)).astype(np.float32)
dy = rng.normal(size=(40, 7, 5)).astype(np.float32)
results = []
for kernels in (cpu, reference):
    y, cache = kernels.embedding.forward(x, E)
    results.append((y, kernels.embedding.backward(dy, cache)["E"]))
for ours, theirs in zip(*results):
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
print(*(array.tobytes().hex() for array in results[0]))
"""


def work(cache: Path, prepare: str = "", first: str = "", **environment: str) -> tuple[str, list[str]]:
    """The numbers, and the warnings: a warning is one line, whatever Python prints of the source below it.

    `first` is run before anything is imported, `prepare` after the kernels are.
    """
    run = subprocess.run(
        [sys.executable, "-c", first + WORK.replace("PREPARE", prepare)],
        env=os.environ | {"SCRATCHNN_CACHE": str(cache), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout, [line for line in run.stderr.splitlines() if "Warning" in line]
