"""A held-out end that has other classes than the rest is told, and a random one is not."""

import warnings
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, losses
from scratchnn.layers import Dense, Embedding
from scratchnn.training import balance

RNG = np.random.default_rng(5)


def told(y: Any, held: int, loss: str = "sparse_categorical_crossentropy") -> str | None:
    """What is said of these targets, as the loss takes them."""
    of = losses.get(loss)
    return balance.warning_of(balance.classes_in(y[:-held], of), balance.classes_in(y[-held:], of))


def fitted(y: np.ndarray, loss: str, outputs: int, share: float = 0.2) -> list[str]:
    """The warnings of fit."""
    last = {"binary_crossentropy": "sigmoid", "mse": None}.get(loss, "softmax")
    model = Sequential([Dense(outputs, activation=last)], seed=0)
    model.compile("sgd", loss)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model.fit(RNG.normal(size=(len(y), 2)), y, epochs=2, verbose=0, validation_split=share)
    return [str(each.message) for each in warned]


SORTED = np.repeat([0, 1], 50)
THREE = np.concatenate([np.tile([0, 1, 2], 20), np.tile([0, 1], 10)])


@pytest.mark.parametrize(
    ("y", "loss", "outputs", "words"),
    [
        (SORTED, "binary_crossentropy", 1, "every label of the 20 validation examples is 1 (class 0 is 0.0% of them"),
        (SORTED, "sparse_categorical_crossentropy", 2, "every label of the 20 validation examples is 1 "),
        (np.eye(2)[SORTED], "categorical_crossentropy", 2, "every label of the 20 validation examples is 1 "),
        (SORTED, "mse", 1, "every label of the 20 validation examples is 1 "),
        (
            THREE,
            "sparse_categorical_crossentropy",
            3,
            "none of the 16 validation examples is of class 2 (class 2 is 0.0%",
        ),
        (np.eye(3)[THREE], "categorical_crossentropy", 3, "none of the 16 validation examples is of class 2 "),
        (
            np.concatenate([np.arange(400) % 2, np.arange(100) % 5 > 0]),
            "binary_crossentropy",
            1,
            "the 100 validation examples have another balance of classes than the rest (class 0 is 20.0% of them and "
            "50.0% of the rest, class 1 is 80.0% of them and 50.0% of the rest): the last examples are held out as "
            "they are, so shuffle x and y together first",
        ),
    ],
)
def test_an_end_with_other_classes_is_told_once(y: np.ndarray, loss: str, outputs: int, words: str) -> None:
    messages = fitted(y, loss, outputs)
    assert len(messages) == 1 and messages[0].startswith(words)
    order = np.random.default_rng(0).permutation(len(y))
    assert fitted(y[order], loss, outputs) == []


def test_regression_and_steps_of_sequences_have_no_classes() -> None:
    assert fitted(np.linspace(-1, 1, 50), "mse", 1) == []
    assert fitted(np.arange(50.0), "mse", 1) == []
    assert fitted(np.repeat([0.2, 0.7], 25), "binary_crossentropy", 1) == []  # probabilities
    assert fitted(np.repeat([[0, 1], [1, 1]], 25, axis=0), "binary_crossentropy", 2) == []  # nothing is excluded
    model = Sequential([Embedding(5, 2), Dense(5, activation="softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    ids = np.sort(RNG.integers(0, 5, (30, 4)), axis=0)
    model.fit(ids, ids, verbose=0, validation_split=0.2)  # a warning would be an error
    model.fit(ids[:4], ids[:4], verbose=0, validation_data=(ids[4:8], ids[4:8]))


@pytest.mark.parametrize(
    ("classes", "N", "held"),
    [(2, 40, 8), (2, 100, 10), (2, 25_000, 5000), (10, 200, 40), (46, 9000, 900), (900, 9000, 900)],
)
def test_a_random_end_is_not_told(classes: int, N: int, held: int) -> None:
    """Classes as they come, many of them rare. Of eight examples in two classes, one in 128 ends is of one class."""
    alarms = 0
    for _ in range(200):
        shares = RNG.dirichlet(np.full(classes, 0.5)) if classes > 2 else None
        alarms += told(RNG.choice(classes, N, p=shares), held) is not None
    assert alarms <= 200 * 2 * 2.0**-8 * 2.5 if held == 8 else alarms <= 2


def test_the_more_unlikely_the_strangest_class_is_by_chance_the_later_it_is_told() -> None:
    y = np.tile([0, 1], 500)
    for more in (0, 10, 20):  # of 100 examples 50 + more are of class 1: 0, 2 and 4 standard deviations
        y[-100:] = np.arange(100) < 50 + more
        assert (told(y, 100) is not None) == (more == 20)
    few = [0] * 500 + [1] * 3
    assert told(np.array([0] * 600 + few), 503) is None  # three of a rare class, and none before
