"""The published models by name. Each is a list of layers for a vocabulary size.

`scratchnn`'s names are looked up when a model is built, not when this file is read, so that the command line can list
the names at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import scratchnn as nn

if TYPE_CHECKING:
    from scratchnn.layers import Layer


@dataclass(frozen=True)
class Architecture:
    name: str
    summary: str
    layers: Callable[[int], list["Layer"]]  # from the vocabulary size V


def _ff(V: int) -> list["Layer"]:
    return [nn.layers.Embedding(V, 16), nn.layers.Flatten(), nn.layers.Dense(1, activation="sigmoid")]


def _rnn(V: int) -> list["Layer"]:
    return [
        nn.layers.Embedding(V, 16),
        nn.layers.SimpleRNN(32, return_sequences=True),
        nn.layers.SimpleRNN(32),
        nn.layers.Dense(1, activation="sigmoid"),
    ]


def _lstm(V: int) -> list["Layer"]:
    return [
        nn.layers.Embedding(V, 16),
        nn.layers.LSTM(32),
        nn.layers.Dense(32, activation="relu"),
        nn.layers.Dropout(0.2),
        nn.layers.Dense(1, activation="sigmoid"),
    ]


def _cnn(V: int) -> list["Layer"]:
    return _cnn_up_to_its_output(V, "sigmoid")


def _cnn_linear(V: int) -> list["Layer"]:
    # As published: a cross-entropy on probabilities over an output that is not one. It clips the output to [0, 1],
    # where the gradient is zero, so reviews that leave the interval teach nothing any more.
    return _cnn_up_to_its_output(V, "linear")


def _cnn_up_to_its_output(V: int, activation: str) -> list["Layer"]:
    return [
        nn.layers.Embedding(V, 16),
        nn.layers.Conv1D(32, 7, activation="relu"),
        nn.layers.MaxPooling1D(5),
        nn.layers.Conv1D(32, 7, activation="relu"),
        nn.layers.GlobalMaxPooling1D(),
        nn.layers.Dense(1, activation=activation),
    ]


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("ff", "embedding and one dense layer: the order of words by position only", _ff),
        Architecture("rnn", "two stacked SimpleRNN", _rnn),
        Architecture("lstm", "LSTM, dense layer, dropout", _lstm),
        Architecture("cnn", "two convolutions with max pooling", _cnn),
        Architecture("cnn-linear", "cnn as published, without the sigmoid at its end", _cnn_linear),
    )
}
