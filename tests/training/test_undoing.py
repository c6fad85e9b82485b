"""A step that fails leaves model, optimizer and progress together: see tests/gpu/test_undoing.py for the gpu."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, initializers
from scratchnn.experiments.presets import PRESETS
from scratchnn.layers import RNN, Cell, Dense, Embedding
from scratchnn.training.ahead import has_own_classes
from scratchnn.training.progress import NonFiniteError
from tests.training.undoing import Undoing


class Counting(Cell):
    """A step of a SimpleRNN that grows at every call."""

    state_size, calls = 3, 0

    def forward(self, ax: Any, ah: Any, state: Any) -> tuple[Any, Any]:
        self.calls += 1
        return (np.tanh(ax + ah) * ax.dtype.type(1 + 0.001 * self.calls),), None

    def backward(self, dafter: Any, state: Any, after: Any, saved: Any) -> tuple[Any, Any, Any]:
        return dafter[0], dafter[0], (0 * dafter[0],)


class TestReference(Undoing):
    backend = "reference"

    def test_a_cell_with_hidden_state_takes_no_step_twice(self) -> None:
        def make() -> Any:
            return self.model([Embedding(20, 4), RNN(Counting()), Dense(1)])

        self.assert_watched_or_not(make, NonFiniteError, poison=True)


class TestCpu(Undoing):
    backend = "cpu"


class Halves(initializers.Initializer):
    """Drawn once, before training: no step calls it again."""

    name = "halves"

    def draw(self, shape: Any, generator: Any) -> Any:
        return np.full(shape, 0.5)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_published_models_have_nothing_of_the_users_own(preset: str) -> None:
    """They are as fast as they can be: copied and checked every hundred steps."""
    model = Sequential([*PRESETS[preset].layers(100), Dense(1, kernel_initializer=Halves())], backend="reference")
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    assert not has_own_classes(model)
