"""The published models by name, and a few of our own: layers, settings, and the figures they were published with.

`scratchnn`'s names are looked up when a model is built, not when this file is read, so that the command line can list
the names at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import scratchnn as nn
from scratchnn.lookup import look_up
from scratchnn.settings import Settings

if TYPE_CHECKING:
    from scratchnn.layers import Layer


@dataclass(frozen=True)
class Published:
    """What was said of a model where it was published; None where it was not said."""

    accuracy: float | None = None  # on the test reviews
    loss: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Architecture:
    name: str
    summary: str
    layers: Callable[[int], list["Layer"]]  # from the vocabulary size V
    defaults: Mapping[str, Any] = field(default_factory=dict)  # where they differ from those of `Settings`
    published: Published | None = None

    def settings(self, **chosen: Any) -> Settings:
        """The settings it is trained with; what is `chosen` wins."""
        return Settings(**{**self.defaults, **chosen, "arch": self.name})


def named(name: str) -> Architecture:
    """The architecture of that name; for an unknown one, a ValueError that suggests the nearest."""
    return look_up("architecture", name, ARCHITECTURES)


# ---- One article's models: vocabulary 1,000, the last 100 words, Adam, batches of 32, 10 epochs.


def _ff(V: int) -> list["Layer"]:
    return [nn.layers.Embedding(V, 16), nn.layers.Flatten(), _output()]


def _rnn(V: int) -> list["Layer"]:
    return [
        nn.layers.Embedding(V, 16),
        nn.layers.SimpleRNN(32, return_sequences=True),
        nn.layers.SimpleRNN(32),
        _output(),
    ]


def _lstm(V: int) -> list["Layer"]:
    return _with_dense_head(V, nn.layers.LSTM(32))


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


# ---- Models of ours with that article's settings: the reader's next questions.


def _gru(V: int) -> list["Layer"]:
    return _with_dense_head(V, nn.layers.GRU(32))


def _bilstm(V: int) -> list["Layer"]:
    return _with_dense_head(V, nn.layers.Bidirectional(nn.layers.LSTM(32)))


def _cnn_lstm(V: int) -> list["Layer"]:
    return [
        nn.layers.Embedding(V, 16),
        nn.layers.Conv1D(32, 7, activation="relu"),
        nn.layers.MaxPooling1D(5),
        nn.layers.LSTM(32),
        _output(),
    ]


# ---- Longer reviews, more words.


def _lstm_dropout(V: int) -> list["Layer"]:
    return [
        nn.layers.Embedding(V, 16),
        nn.layers.Dropout(0.25),
        nn.layers.LSTM(32),
        nn.layers.Dropout(0.25),
        _output(),
    ]


def _rnn28(V: int) -> list["Layer"]:
    return [nn.layers.Embedding(V, 32), nn.layers.SimpleRNN(28), _output()]


def _rnn32(V: int) -> list["Layer"]:
    return [nn.layers.Embedding(V, 32), nn.layers.SimpleRNN(32), _output()]


def _rnn_stacked(V: int) -> list["Layer"]:
    sequences = [nn.layers.SimpleRNN(32, return_sequences=True) for _ in range(3)]
    return [nn.layers.Embedding(V, 32), *sequences, nn.layers.SimpleRNN(32), _output()]


def _birnn(V: int) -> list["Layer"]:
    return [nn.layers.Embedding(V, 32), nn.layers.Bidirectional(nn.layers.SimpleRNN(32)), _output()]


def _rnn_vdropout(V: int) -> list["Layer"]:
    # Variational dropout: one mask for all time steps of a review.
    return [nn.layers.Embedding(V, 32), nn.layers.SimpleRNN(32, dropout=0.2, recurrent_dropout=0.2), _output()]


def _output() -> "Layer":
    return nn.layers.Dense(1, activation="sigmoid")


def _with_dense_head(V: int, recurrent: "Layer") -> list["Layer"]:
    return [
        nn.layers.Embedding(V, 16),
        recurrent,
        nn.layers.Dense(32, activation="relu"),
        nn.layers.Dropout(0.2),
        _output(),
    ]


_LONG = {"vocabulary": 10_000, "length": 500, "optimizer": "rmsprop", "batch_size": 128}
_LSTM_DROPOUT = {
    "vocabulary": 10_000,
    "length": 500,
    "resplit": True,
    "skip_top": 24,  # ids below 24 are the four special ones and the 20 most frequent words
    # Neither was published; these are the other article's.
    "batch_size": 32,
    "epochs": 10,
}

ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            "ff",
            "embedding and one dense layer: the order of words by position only",
            _ff,
            published=Published(0.7931, 0.5968),
        ),
        Architecture("rnn", "two stacked SimpleRNN", _rnn, published=Published(0.7911, 0.4948)),
        Architecture("lstm", "LSTM, dense layer, dropout", _lstm, published=Published(0.8321, 0.4092)),
        Architecture("cnn", "two convolutions with max pooling", _cnn),
        Architecture(
            "cnn-linear",
            "cnn as published, without the sigmoid at its end",
            _cnn_linear,
            published=Published(0.7915, 0.6494),
        ),
        Architecture("gru", "lstm with a GRU in the LSTM's place", _gru),
        Architecture("bilstm", "lstm, read from both ends", _bilstm),
        Architecture("cnn-lstm", "an LSTM on what one convolution found", _cnn_lstm),
        Architecture(
            "lstm-dropout",
            "LSTM between two dropouts, reviews joined and split again",
            _lstm_dropout,
            _LSTM_DROPOUT,
            Published(remark="published without batch size and epochs: these are ours"),
        ),
        Architecture("rnn28", "SimpleRNN of 28 units", _rnn28, _LONG),
        Architecture(
            "rnn32",
            "SimpleRNN of 32 units, trained until long after it overfits",
            _rnn32,
            {**_LONG, "epochs": 100},
            Published(remark="published: best validation accuracy about 0.85, overfits after 8 to 10 epochs"),
        ),
        Architecture("rnn-stacked", "four stacked SimpleRNN", _rnn_stacked, _LONG),
        Architecture("birnn", "SimpleRNN, read from both ends", _birnn, _LONG),
        Architecture(
            "rnn-vdropout",
            "rnn32 with dropout and recurrent dropout",
            _rnn_vdropout,
            {**_LONG, "epochs": 100},
            Published(remark="published: overfits after 60 to 70 epochs only"),
        ),
    )
}
