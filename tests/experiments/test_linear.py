"""Logistic regression on words: its gradient is that of its loss, its features are as in the paper, and it learns."""

import numpy as np
import pytest

from scratchnn.data import imdb, pad_sequences
from scratchnn.experiments import linear
from scratchnn.experiments.grams import features
from scratchnn.experiments.linear import NaiveBayes, loss_and_gradient
from scratchnn.experiments.presets import CONTROLS, PRESETS, named, named_network

X = pad_sequences([[5, 6, 5], [7], [6, 5]], 4)


def test_the_gradient_is_that_of_finite_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "PENALTY", 7.0)  # large enough among five reviews for its part to show
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5, 3)) * (rng.random((5, 3)) > 0.3), np.array([1.0, 0, 1, 1, 0])
    w = rng.normal(size=4)
    loss, gradient = loss_and_gradient(w, X, y)
    z = X @ w[:3] + w[3]
    assert loss == pytest.approx(np.log1p(np.exp(np.where(y > 0, -z, z))).mean() + 7 / 10 * (w[:3] ** 2).sum())
    h = 1e-6
    for n in range(4):
        step = h * np.eye(4)[n]
        difference = (loss_and_gradient(w + step, X, y)[0] - loss_and_gradient(w - step, X, y)[0]) / (2 * h)
        assert gradient[n] == pytest.approx(difference, rel=1e-8, abs=1e-9)


def test_rows_that_count_twice_are_rows_that_are_there_twice() -> None:
    rng = np.random.default_rng(1)
    X, y, w = rng.normal(size=(4, 3)), np.array([1.0, 0, 0, 1]), rng.normal(size=4)
    s = np.array([2.0, 1, 1, 2])
    loss, gradient = loss_and_gradient(w, X, y, s * 4 / 6)
    rows = [0, 0, 1, 2, 3, 3]
    expected, expected_gradient = loss_and_gradient(w, X[rows], y[rows])
    penalty = linear.PENALTY * (1 / 4 - 1 / 6)  # that of a mean over four rows, less that over six
    assert loss == pytest.approx(expected + penalty / 2 * (w[:3] ** 2).sum())
    assert gradient == pytest.approx(expected_gradient + penalty * np.append(w[:3], 0))


def test_a_large_margin_overflows_nowhere() -> None:
    loss, gradient = loss_and_gradient(np.array([1e4, 0.0]), np.array([[1.0], [-1.0]]), np.array([0.0, 1.0]))
    assert loss == pytest.approx(1e4 + linear.PENALTY / 4 * 1e8)
    assert np.isfinite(gradient).all()


def test_features_are_words_and_pairs_of_neighbours_once_each() -> None:
    rows, codes = features(X, 1)
    assert list(zip(rows, codes, strict=True)) == [(0, 5), (0, 6), (1, 7), (2, 5), (2, 6)]
    rows, codes = features(X, 2)
    pairs = [(row, (code >> 17, code & 2**17 - 1)) for row, code in zip(rows, codes, strict=True) if code >= 2**17]
    assert pairs == [(0, (5, 6)), (0, (6, 5)), (2, (6, 5))], "none crosses from padding into the review"
    assert [code for code in codes if code < 2**17] == [5, 6, 7, 5, 6]


def test_weights_are_those_of_naive_bayes() -> None:
    fitted = NaiveBayes.fit(X, np.array([1.0, 0, 1]), grams=1)
    assert fitted.known.tolist() == [5, 6, 7]
    # In positive reviews 5 and 6 occur in two each, 7 in none; in the negative one 7 alone: one more for each.
    p, q = np.array([3, 3, 1]) / 7, np.array([1, 1, 2]) / 4
    assert fitted.r == pytest.approx(np.log(p / q))


def test_words_that_training_has_not_seen_are_left_out() -> None:
    fitted = NaiveBayes.fit(X, np.array([1.0, 0, 1]), grams=2)
    others = fitted(pad_sequences([[8, 6, 9, 7], [], [7, 7], []], 4))
    found = np.stack([others @ one for one in np.eye(5)], axis=1)
    assert others.shape == (4, 5)
    known = [[1, 2], [], [2], []]
    assert found.tolist() == [[r if f in row else 0 for f, r in enumerate(fitted.r)] for row in known]
    np.testing.assert_array_equal([one @ others for one in np.eye(4)], found)
    assert (fitted(pad_sequences([[], [9]], 4)) @ np.ones(5)).tolist() == [0, 0]


def test_pairs_know_what_words_do_not() -> None:
    data = imdb.load(num_words=1000, maxlen=100, synthetic=True)
    right = {}
    for grams in (1, 2):
        fitted = NaiveBayes.fit(data.x_train[:2000], data.y_train[:2000], grams)
        weights: list[np.ndarray] = []
        linear.train(fitted(data.x_train[:2000]), data.y_train[:2000].astype(float), 10, weights.append)
        assert len(weights) == 10
        z = fitted(data.x_test[:2000]) @ weights[-1][:-1] + weights[-1][-1]
        right[grams] = np.mean((z > 0) == (data.y_test[:2000] > 0))
    assert right[1] > 0.65
    assert right[2] > right[1] + 0.02, "negations are pairs"


def test_they_are_compared_and_not_trained_alone() -> None:
    assert not PRESETS.keys() & CONTROLS.keys()
    assert [named(name).grams for name in CONTROLS] == [1, 2, 0]
    with pytest.raises(ValueError, match=r"'linear' is no network.*scratchnn.compare --arch linear lstm"):
        named_network("linear")
    with pytest.raises(ValueError, match=r"'linear' is no network: it has no learning_rate\. Leave learning_rate out"):
        named("linear").settings(learning_rate=0.1)
