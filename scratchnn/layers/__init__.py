"""The layers. `LAYERS` finds a class by its name when a model file is read."""

from typing import TYPE_CHECKING, Any

from scratchnn.core.keras_missing import missing
from scratchnn.layers.activation import Activation
from scratchnn.layers.base import Layer
from scratchnn.layers.bidirectional import Bidirectional
from scratchnn.layers.cell import Cell
from scratchnn.layers.concat_pooling import ConcatPooling1D
from scratchnn.layers.conv1d import Conv1D
from scratchnn.layers.dense import Dense
from scratchnn.layers.dropout import Dropout
from scratchnn.layers.embedding import Embedding
from scratchnn.layers.flatten import Flatten
from scratchnn.layers.gru import GRU
from scratchnn.layers.lambda_layer import Lambda
from scratchnn.layers.layer_normalization import LayerNormalization
from scratchnn.layers.lstm import LSTM
from scratchnn.layers.masking import Masking
from scratchnn.layers.noise import AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout1D
from scratchnn.layers.pooling import AveragePooling1D, GlobalAveragePooling1D, GlobalMaxPooling1D, MaxPooling1D
from scratchnn.layers.rectifiers import ELU, LeakyReLU, PReLU, ReLU
from scratchnn.layers.reshaping import Cropping1D, Permute, RepeatVector, Reshape, UpSampling1D, ZeroPadding1D
from scratchnn.layers.rnn import RNN
from scratchnn.layers.simple_rnn import SimpleRNN
from scratchnn.layers.softmax import Softmax
from scratchnn.layers.symbol import Input
from scratchnn.layers.time_distributed import TimeDistributed

MaxPool1D, AvgPool1D = MaxPooling1D, AveragePooling1D  # the short names, as in Keras
GlobalMaxPool1D, GlobalAvgPool1D = GlobalMaxPooling1D, GlobalAveragePooling1D

LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Embedding, SimpleRNN, LSTM, GRU, RNN, Bidirectional, Conv1D, MaxPooling1D, GlobalMaxPooling1D,
        GlobalAveragePooling1D, AveragePooling1D, ConcatPooling1D, Dense, Dropout, SpatialDropout1D, GaussianDropout,
        GaussianNoise, AlphaDropout, Flatten, Reshape, Permute, RepeatVector, ZeroPadding1D, Cropping1D, UpSampling1D,
        Masking, LayerNormalization, TimeDistributed, Activation, ReLU, LeakyReLU, PReLU, ELU, Softmax, Lambda,
    )
}  # fmt: skip

__all__ = [
    "ELU",
    "GRU",
    "LAYERS",
    "LSTM",
    "RNN",
    "Activation",
    "AlphaDropout",
    "AveragePooling1D",
    "AvgPool1D",
    "Bidirectional",
    "Cell",
    "ConcatPooling1D",
    "Conv1D",
    "Cropping1D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAvgPool1D",
    "GlobalMaxPool1D",
    "GlobalMaxPooling1D",
    "Input",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPool1D",
    "MaxPooling1D",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Reshape",
    "SimpleRNN",
    "Softmax",
    "SpatialDropout1D",
    "TimeDistributed",
    "UpSampling1D",
    "ZeroPadding1D",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("layers", name, list(globals()))
