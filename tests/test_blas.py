"""BLAS libraries choose a kernel for the processor they find, and kernels round differently."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_training_on_the_reference_ends_alike_with_openblas_kernel_for_haswell() -> None:
    """Where OPENBLAS_CORETYPE is set already, with the kernel that it names."""
    environment = {"OPENBLAS_CORETYPE": "Haswell"} | os.environ
    environment.pop("PYTEST_ADDOPTS", None)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/training/test_trainer_endings.py"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout.splitlines()[-1]
