"""Measures of a classifier, with the numbers of a small example worked out by hand."""

import numpy as np
import pytest

from scratchnn.data import DataError
from scratchnn.texts.labelled import numbers_of
from scratchnn.texts.measures import Bin, measure
from tests.texts.saved import THREE

P = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.0, 1.0, 0.0], [0.5, 0.25, 0.25]])
Y = np.array([0, 1, 1, 0, 0])


def test_a_small_example() -> None:
    found = measure(P, Y, THREE)
    assert found.texts == 5
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.confusion.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert found.of_class(0) == pytest.approx((2 / 3, 2 / 3, 2 / 3, 3))
    assert found.of_class(1) == pytest.approx((1 / 2, 1 / 2, 1 / 2, 2))
    assert found.of_class(2) == (None, None, None, 0)
    assert found.log_loss == pytest.approx(-np.log([0.9, 0.7, 0.3, 1e-7, 0.5]).mean())
    assert found.mistakes.tolist() == [3, 2]


def test_calibration() -> None:
    found = measure(P, Y, THREE)
    expected = [Bin(0.5, 0.6, 1, 0.5, 1.0), Bin(0.6, 0.7, 1, 0.6, 0.0), Bin(0.7, 0.8, 1, 0.7, 1.0)]
    expected += [Bin(0.9, 1.0, 2, 0.95, 0.5)]
    assert [tuple(each) for each in found.bins] == [pytest.approx(tuple(each)) for each in expected]
    assert found.calibration_error == pytest.approx((0.5 + 0.6 + 0.3 + 2 * 0.45) / 5)


def test_a_perfect_model_has_no_mistake() -> None:
    found = measure(np.eye(3), np.arange(3), THREE)
    assert (found.accuracy, found.calibration_error, len(found.mistakes)) == (1.0, 0.0, 0)
    assert found.log_loss == pytest.approx(1e-7, rel=1e-3)
    with pytest.raises(ValueError, match="no texts to measure with"):
        measure(np.empty((0, 3)), np.empty(0, int), THREE)


def test_labels_that_training_never_saw() -> None:
    places = [f"line {n}" for n in range(2, 6)]
    assert numbers_of(["art", "sport"], THREE, places[:2]).tolist() == [2, 0]
    expected = r"'Sport' \(line 3, 2 in all\), 'music' \(line 5, 1 in all\); did you mean 'sport'\? The model's classes"
    with pytest.raises(DataError, match=expected):
        numbers_of(["art", "Sport", "Sport", "music"], THREE, places)
