"""Update rules that are array code, and schedules, on the emulated device: the numbers of the reference."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, optimizers
from scratchnn.layers import Dense
from scratchnn.optimizers.schedules import CosineDecay
from tests.gpu.device_arrays import DeviceArray

pytestmark = pytest.mark.usefixtures("emulator")
RULES: list[dict[str, Any]] = [
    {"name": "adam", "amsgrad": True, "beta_2": 0.7},
    {"name": "adamw", "amsgrad": True, "beta_2": 0.7, "global_clipnorm": 0.5},
    {"name": "nadam"},
    {"name": "adamax"},
    {"name": "adagrad"},
    {"name": "adadelta"},
    {"name": "ftrl", "l1_regularization_strength": 0.01, "l2_shrinkage_regularization_strength": 0.1},
]
X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_two_epochs(rule: dict[str, Any]) -> None:
    models = []
    for backend in ("reference", "gpu"):
        model = Sequential([Input((3,)), Dense(4, "tanh"), Dense(1)], backend=backend, seed=1)
        model.compile(optimizers.get({"learning_rate": CosineDecay(0.1, 20), **rule}), "mse")
        model.fit(X, X[:, :1], batch_size=4, epochs=2, verbose=0)
        models.append(model)
    for expected, got in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    optimizer: Any = models[1].optimizer
    assert set(map(type, optimizer.slots.values())) == {DeviceArray}
    assert optimizer.learning_rate == models[0].optimizer.learning_rate  # type: ignore[union-attr]
