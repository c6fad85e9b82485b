"""Ten optimizer steps of the published models with the gpu kernels, emulated, against the reference."""

import pytest
from scratchnn_kernels import gpu

from tests.gpu.emulator import Emulator
from tests.gpu.on_device import kernels_on_device
from tests.gpu.training import DROPPED, SMALL, assert_ten_steps_agree
from tests.parity.training_cases import TrainingCase


@pytest.mark.parametrize("case", [*SMALL, DROPPED], ids=lambda case: case.name)
def test_ten_steps(case: TrainingCase, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_ten_steps_agree(case, monkeypatch)
    rules = {"SGD": "sgd", "RMSprop": "rmsprop", "Adam": "adam"}
    assert emulator.launched.count(rules[case.optimizer.layer]) == case.steps
    assert "embedding_backward" in emulator.launched


def test_every_pair_is_part_of_it() -> None:
    assert set(vars(kernels_on_device())) == set(gpu.__all__)
