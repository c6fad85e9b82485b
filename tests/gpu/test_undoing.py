"""On the gpu, emulated, a step that fails is undone as on the host, and one of the user's own is never taken twice."""

import pytest

from tests.training.undoing import Undoing


@pytest.mark.usefixtures("emulator")
class TestGpu(Undoing):
    backend = "gpu"
