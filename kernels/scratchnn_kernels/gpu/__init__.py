"""The layers in CUDA C, launched through CuPy: a recurrent layer of up to 128 units takes all its time steps in one
launch, with its recurrent weights, or most of them, in registers."""

from scratchnn_kernels.gpu import (
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
