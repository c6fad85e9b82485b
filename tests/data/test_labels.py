"""One-hot rows: Keras' numbers, and no number that is no class."""

import numpy as np
import pytest

from scratchnn.utils import to_categorical

# keras.utils.to_categorical (3.15.1) gives these.
KERAS = [
    ([0, 2, 1], None, [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
    ([[1], [2]], 4, [[0, 1, 0, 0], [0, 0, 1, 0]]),
    (2, 4, [0, 0, 1, 0]),
    ([[0, 1], [2, 1]], None, [[[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [0, 1, 0]]]),
    (np.array([1.0, 0.0], np.float32), None, [[0, 1], [1, 0]]),
    (np.array([True, False]), 2, [[0, 1], [1, 0]]),
]


@pytest.mark.parametrize(("x", "classes", "expected"), KERAS, ids=str)
def test_as_keras(x, classes, expected):
    found = to_categorical(x, classes)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, np.array(expected))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([0, -1], r"x must hold class numbers from 0 to 2, got -1"),
        ([0, 3], r"x must hold class numbers from 0 to 2, got 3"),
        ([0, 1.7], r"x holds 1\.7 at 1"),
        ([0, np.nan], r"x holds nan at 1"),
        (["a"], r"x must be an array of numbers"),
    ],
)
def test_what_is_no_class_is_refused(x, message):
    with pytest.raises(ValueError, match=message):
        to_categorical(x, 3)
