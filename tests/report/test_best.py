"""One definition of the best epoch, wherever it is told or kept."""

import math

import pytest

from scratchnn.report.best import best_epoch


@pytest.mark.parametrize(
    ("val_loss", "expected"),
    [
        ([0.69, 0.45, 0.42, 0.5], 3),
        ([0.5, 0.4, 0.4], 2),  # the first of equal ones
        ([0.5, 0.4, math.nan, 0.6], 2),
        ([math.nan, 0.4, -math.inf, 0.3], 4),
        ([1e30], 1),
        ([math.nan, math.inf], None),
        ([], None),
    ],
)
def test_the_best_epoch_has_the_lowest_validation_loss(val_loss: list[float], expected: int | None) -> None:
    assert best_epoch(val_loss) == expected
    assert best_epoch(iter(val_loss)) == expected
