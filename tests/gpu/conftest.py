"""The emulated device, and where its libraries are kept."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from scratchnn_kernels.gpu import availability, device

from tests.gpu.emulator import Emulator


@pytest.fixture(scope="session")
def library_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled sources, once per test run."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++, which compiles the CUDA sources for the CPU")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "emulated"  # one for all workers
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def shared_emulator(library_folder: Path) -> Emulator:
    return Emulator(library_folder)


@pytest.fixture
def emulator(shared_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The emulated device in the place of the GPU, for kernels and for backend="gpu"."""
    shared_emulator.order, shared_emulator.memory = "forwards", 2**30
    shared_emulator.launched.clear()
    device.use(shared_emulator)
    monkeypatch.setattr(availability, "problem", lambda: None)
    yield shared_emulator
    device.use(None)
