"""Small models with words of their own."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.data import Vocabulary
from scratchnn.layers import GRU, LSTM, Bidirectional, Dense, Dropout, Embedding, Flatten, SimpleRNN
from scratchnn.losses import BinaryCrossentropy

WORDS = tuple(
    "the a of and film great boring worst best plot good bad it was very not wonderful awful scene end".split()
)
T = 12
TEXT = "The film was very good, it was not boring"
KINDS = {
    "rnn": lambda: [SimpleRNN(4, return_sequences=True), SimpleRNN(5)],
    "lstm": lambda: [LSTM(5), Dense(4, "relu"), Dropout(0.3)],
    "gru": lambda: [GRU(5)],
    "gru-before": lambda: [GRU(5, reset_after=False)],
    "bilstm": lambda: [Bidirectional(LSTM(3, return_sequences=True)), Bidirectional(GRU(3), merge_mode="mul")],
    "ff": lambda: [Flatten()],
}
RECURRENT = [name for name in KINDS if name != "ff"]


def built(
    kind: str, *, backend: str = "reference", mask_zero: bool = False, words: Any = WORDS, length: Any = T
) -> Any:
    vocabulary = Vocabulary.from_ranked(words)
    inside = [*KINDS[kind](), Dense(1, "sigmoid")]
    model = Sequential(
        [Embedding(len(vocabulary), 3, mask_zero=mask_zero), *inside], backend=backend, seed=3, name=kind
    )
    model.build((None, length))
    rng = np.random.default_rng(5)
    model.set_weights([w + rng.normal(0, 0.7, w.shape).astype("f4") for w in model.get_weights()])  # words that count
    model.compile("sgd", "binary_crossentropy")
    model.metadata["vocabulary"] = list(vocabulary.words)
    return model


def with_logits(kind: str) -> Any:
    """The same model without its sigmoid, which its loss has."""
    model = Sequential([layer.clone() for layer in built(kind).layers[:-1]] + [Dense(1)], backend="reference")
    model.build((None, T))
    model.set_weights(built(kind).get_weights())
    model.compile("sgd", BinaryCrossentropy(from_logits=True))
    model.metadata["vocabulary"] = built(kind).metadata["vocabulary"]
    return model


@pytest.fixture(params=RECURRENT)
def model(request: pytest.FixtureRequest) -> Any:
    return built(request.param)
