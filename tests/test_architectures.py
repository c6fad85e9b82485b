"""The published models: as large as published, and able to learn; and the names that the command line lists."""

import math

import numpy as np
import pytest

from scratchnn import Sequential, backend, optimizers, train
from scratchnn.architectures import ARCHITECTURES
from scratchnn.data import pad_sequences, synthetic

PARAMETERS = {"ff": 17_601, "rnn": 19_681, "lstm": 23_361, "cnn": 26_849, "cnn-linear": 26_849}
VOCABULARY, LENGTH = 1000, 100


@pytest.fixture(scope="module")
def reviews() -> tuple[np.ndarray, np.ndarray]:
    """x (400, T) ids and y (400,), in a mixed order."""
    train_reviews = synthetic.make_corpus(400, 2).train
    rows = np.split(train_reviews.tokens + 3, train_reviews.offsets[1:-1])
    x = pad_sequences([np.where(row < VOCABULARY, row, 2).tolist() for row in rows], LENGTH)
    order = np.random.default_rng(0).permutation(len(x))
    return x[order], train_reviews.labels[order]


def test_every_architecture_is_looked_at() -> None:
    assert list(ARCHITECTURES) == list(PARAMETERS)
    assert [architecture.name for architecture in ARCHITECTURES.values()] == list(PARAMETERS)


@pytest.mark.parametrize("arch", PARAMETERS)
def test_parameter_counts_are_the_published_ones(arch: str) -> None:
    model = Sequential([*ARCHITECTURES[arch].layers(VOCABULARY)], backend="reference")
    model.build((None, LENGTH))
    assert model.count_params() == PARAMETERS[arch]
    assert model.flat_params.size == PARAMETERS[arch]


@pytest.mark.parametrize("arch", PARAMETERS)
def test_it_learns(arch: str, reviews: tuple[np.ndarray, np.ndarray]) -> None:
    model = Sequential([*ARCHITECTURES[arch].layers(VOCABULARY)], seed=1)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    x, y = reviews
    before = model.evaluate(x, y, verbose=0)
    assert isinstance(before, list)
    losses = model.fit(x, y, epochs=2, verbose=0).history["loss"]
    after = model.evaluate(x, y, verbose=0)
    assert isinstance(after, list)
    assert len(losses) == 2
    assert all(map(math.isfinite, [*losses, *after]))
    if arch != "cnn-linear":  # it has no sigmoid: values outside of [0, 1] are clipped and may never learn
        assert losses[1] < losses[0]
        assert after[0] < before[0]


def test_the_command_line_lists_what_there_is() -> None:
    """It has lists of its own, because the real tables would take NumPy to read."""
    assert sorted(train.OPTIMIZERS) == sorted(optimizers.OPTIMIZERS)
    assert train.BACKENDS == backend.BACKENDS
