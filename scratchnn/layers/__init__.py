"""The layers. `LAYERS` finds a class by its name when a model file is read."""

from typing import TYPE_CHECKING, Any

from scratchnn.core.keras_missing import missing
from scratchnn.layers.activation import Activation
from scratchnn.layers.base import Layer
from scratchnn.layers.bidirectional import Bidirectional
from scratchnn.layers.cell import Cell
from scratchnn.layers.conv1d import Conv1D
from scratchnn.layers.dense import Dense
from scratchnn.layers.dropout import Dropout
from scratchnn.layers.embedding import Embedding
from scratchnn.layers.flatten import Flatten
from scratchnn.layers.gru import GRU
from scratchnn.layers.lstm import LSTM
from scratchnn.layers.pooling import GlobalAveragePooling1D, GlobalMaxPooling1D, MaxPooling1D
from scratchnn.layers.rnn import RNN
from scratchnn.layers.simple_rnn import SimpleRNN
from scratchnn.layers.symbol import Input

MaxPool1D, GlobalMaxPool1D, GlobalAvgPool1D = MaxPooling1D, GlobalMaxPooling1D, GlobalAveragePooling1D  # as Keras

LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Embedding, SimpleRNN, LSTM, GRU, RNN, Bidirectional, Conv1D, MaxPooling1D, GlobalMaxPooling1D,
        GlobalAveragePooling1D, Dense, Dropout, Flatten, Activation,
    )
}  # fmt: skip

__all__ = [
    "GRU",
    "LAYERS",
    "LSTM",
    "RNN",
    "Activation",
    "Bidirectional",
    "Cell",
    "Conv1D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAvgPool1D",
    "GlobalMaxPool1D",
    "GlobalMaxPooling1D",
    "Input",
    "Layer",
    "MaxPool1D",
    "MaxPooling1D",
    "SimpleRNN",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("layers", name, list(globals()))
