"""On the gpu, emulated, the same steps are refused, though others were taken after them before anybody looked."""

import pytest

from tests.training.step_limit import StepLimit


@pytest.mark.usefixtures("emulator")
class TestGpu(StepLimit):
    backend = "gpu"
