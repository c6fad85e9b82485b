"""A class of the user's own defines a computation and its derivative together; rows of one number are no rows."""

from typing import Any

import numpy as np
import pytest

from scratchnn import losses, regularizers
from scratchnn.losses import CosineSimilarity, KLDivergence, Loss, MeanSquaredError
from scratchnn.regularizers import L2


def test_values_without_their_gradient_are_refused() -> None:
    class Ten(MeanSquaredError):
        def values(self, y: Any, target: Any) -> Any:
            return 10 * super().values(y, target)

    class Both(Ten):
        def gradient(self, y: Any, target: Any) -> Any:
            return 10 * super().gradient(y, target)

    class Whole(Ten):
        def backward(self, cache: Any) -> Any:
            return 10 * super().backward(cache)

    class Renamed(Both):
        """Which adds nothing."""

    with pytest.raises(TypeError, match="Ten defines values, and its gradient is that of other values"):
        losses.get(Ten())
    for kind in (Both, Whole, Renamed):
        assert isinstance(losses.get(kind()), kind)
    assert isinstance(losses.get(losses.BinaryCrossentropy()), Loss)


def test_a_penalty_without_its_gradient_is_refused() -> None:
    class Ten(L2):
        def __call__(self, w: Any) -> Any:
            return 10 * super().__call__(w)

    class Both(Ten):
        def gradient(self, w: Any) -> Any:
            return 10 * super().gradient(w)

    with pytest.raises(TypeError, match="Ten defines __call__, and its gradient is that of the class"):
        regularizers.get(Ten())
    assert isinstance(regularizers.get(Both()), Both)


@pytest.mark.parametrize("loss", [CosineSimilarity(), KLDivergence()], ids=lambda loss: loss.name)
def test_a_row_of_one_number_is_not_taken_for_one_of_steps(loss: Loss) -> None:
    """Keras takes the last two axes for one: with targets (B, T), rows are T numbers."""
    target = np.full((4, 3), 0.5)
    with pytest.raises(ValueError, match=r"let Reshape\(\(3,\)\) be the last layer"):
        loss.validate((4, 3, 1), target)
    assert loss.validate((4, 3), target).shape == (4, 3)
    assert loss.validate((4, 3, 1), target[..., None]).shape == (4, 3, 1)
    assert loss.validate((4, 1), np.full(4, 0.5)).shape == (4, 1)
