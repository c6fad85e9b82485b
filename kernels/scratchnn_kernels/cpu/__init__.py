"""The layers as Numba kernels: whole passes inside one parallel region each, for an ordinary CPU."""

from scratchnn_kernels.cpu import (
    binary_crossentropy,
    conv1d,
    dense,
    dropout,
    embedding,
    global_max_pooling1d,
    gru,
    lstm,
    max_pooling1d,
    optimizer,
    simple_rnn,
)

__all__ = [
    "binary_crossentropy",
    "conv1d",
    "dense",
    "dropout",
    "embedding",
    "global_max_pooling1d",
    "gru",
    "lstm",
    "max_pooling1d",
    "optimizer",
    "simple_rnn",
]
