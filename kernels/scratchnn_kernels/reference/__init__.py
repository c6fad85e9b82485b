"""The mathematics in NumPy, written to be read, in float32 and float64. Every other backend is tested equal to it."""

from scratchnn_kernels.reference import (
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
    recurrence,
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
    "recurrence",
    "simple_rnn",
]
