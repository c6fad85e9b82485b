"""A step that would lead nowhere is refused before it acts: see tests/gpu/test_step_limit.py for the gpu."""

from tests.training.step_limit import StepLimit


class TestReference(StepLimit):
    backend = "reference"


class TestCpu(StepLimit):
    backend = "cpu"
