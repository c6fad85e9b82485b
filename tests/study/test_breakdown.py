"""Answers taken apart: cases small enough to count by hand."""

import itertools

import numpy as np
import pytest

from scratchnn.study.breakdown import answers, calibration, confusion, mistakes, parts_by
from tests.study import fakes

Y = np.array([1, 1, 0, 0], np.float32)
P = np.array([[0.95, 0.45, 0.15, 0.85], [0.75, 0.65, 0.35, 0.45]], np.float32)


def test_more_than_a_half_is_positive() -> None:
    assert answers(P, Y).tolist() == [[True, False, True, False], [True, True, True, True]]
    assert answers(np.array([[0.5, 0.5]]), np.array([0.0, 1.0])).tolist() == [[True, False]]


def test_confusion_is_the_mean_over_the_seeds() -> None:
    assert confusion(P, Y) == ((1.5, 0.5), (0.5, 1.5))


def test_calibration_by_hand() -> None:
    found = calibration(P, Y)
    # Every answer has a bin of its own, within a seed.
    assert found.error == pytest.approx(((0.05 + 0.55 + 0.15 + 0.85) / 4 + (0.25 + 0.35 + 0.35 + 0.45) / 4) / 2)
    assert [each.answers for each in found.bins] == [1, 1, 2, 1, 1, 1, 1]  # 0.15 0.35 0.45+0.45 0.65 0.75 0.85 0.95
    middle = found.bins[2]
    assert (middle.probability, middle.true) == pytest.approx((0.45, 0.5))
    assert found.outside == 0


def test_a_perfectly_calibrated_model_has_no_error() -> None:
    rng = np.random.default_rng(0)
    p = rng.random((2, 50_000)).astype(np.float32)
    y = (rng.random(50_000) < p[0]).astype(np.float32)
    assert calibration(p[:1], y).error < 0.01
    assert calibration(1 - p[:1], y).error == pytest.approx(0.5, abs=0.01)


def test_answers_that_are_no_probabilities_are_moved_to_the_nearest() -> None:
    found = calibration(np.array([[-3.0, 1.5, 0.0, 1.0]]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert found.outside == 0.5
    assert [(each.answers, each.probability) for each in found.bins] == [(2, 0.0), (2, 1.0)]
    assert found.error == 0


def test_parts_hold_every_review_once_and_equal_values_together() -> None:
    values = np.array([5, 1, 1, 1, 1, 9, 7, 6])
    correct = np.array([[1, 0, 0, 1, 1, 0, 1, 1], [1] * 8], bool)
    low, high = parts_by(values, correct, parts=2)
    assert (low.low, low.high, low.reviews, low.accuracies) == (1, 1, 4, (0.5, 1.0))
    assert (high.low, high.high, high.reviews, high.accuracies) == (5, 9, 4, (0.75, 1.0))
    (only,) = parts_by(np.full(8, 0.25), correct)
    assert (only.low, only.high, only.reviews) == (0.25, 0.25, 8)


def test_parts_are_about_equal() -> None:
    about = fakes.reviews(5000)
    parts = parts_by(about.length, np.ones((1, 5000), bool))
    assert len(parts) == 8
    assert sum(part.reviews for part in parts) == 5000
    assert all(550 < part.reviews < 700 for part in parts)
    assert all(a.high < b.low for a, b in itertools.pairwise(parts))


def test_the_worst_mistakes_come_first() -> None:
    about = fakes.reviews(6)
    p = np.where(about.y > 0.5, 0.9, 0.1)
    p[[1, 4]] = 1 - p[[1, 4]]
    p[4] += 0.05 * np.sign(p[4] - 0.5)
    found = mistakes(np.stack([p, p]), about)
    assert [each.review for each in found] == [4, 1]
    label = int(about.y[4])
    worst = found[0]
    assert (worst.label, worst.called, worst.in_training) == (label, 1 - label, bool(about.in_training[4]))
    assert (worst.probability, worst.low, worst.high) == pytest.approx((0.95,) * 3)
    assert len(mistakes(np.stack([1 - about.y] * 2), about, most=3)) == 3
    assert mistakes(about.y[None], about) == ()
