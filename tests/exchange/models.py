"""Models that the formats are tried with: every layer that one of them takes, and no weight that is zero."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchnn import Input, Sequential
from scratchnn.layers import (
    ELU,
    GRU,
    LSTM,
    Activation,
    AveragePooling1D,
    Bidirectional,
    ConcatPooling1D,
    Conv1D,
    Cropping1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    LayerNormalization,
    LeakyReLU,
    Masking,
    MaxPooling1D,
    Permute,
    PReLU,
    ReLU,
    RepeatVector,
    Reshape,
    SimpleRNN,
    Softmax,
    SpatialDropout1D,
    TimeDistributed,
    ZeroPadding1D,
)

V, D, T = 12, 3, 9


class Case(NamedTuple):
    layers: Callable[[], list[Any]]
    input: str = "ids"  # or "numbers"
    fixed: bool = False  # bound to T steps
    gaps: bool = False  # whether a mask with gaps is taken


def _words(mask: bool = True) -> Embedding:
    return Embedding(V, D, mask_zero=mask)


CASES: dict[str, Case] = {
    "lstm": Case(lambda: [_words(False), LSTM(4), Dense(1, "sigmoid")]),
    "lstm masked": Case(lambda: [_words(), LSTM(4), Dropout(0.5), Dense(3, "softmax")]),
    "gru masked": Case(lambda: [_words(), GRU(4), Dense(1)]),
    "gru reset before": Case(lambda: [_words(), GRU(4, reset_after=False), Dense(1)]),
    "gru without bias": Case(
        lambda: [
            _words(False),
            GRU(4, use_bias=False, return_sequences=True),
            GRU(3, reset_after=False, use_bias=False),
        ]
    ),
    "rnn masked": Case(lambda: [_words(), SimpleRNN(4), Dense(1, "relu", use_bias=False)]),
    "sequences masked": Case(lambda: [_words(), LSTM(4, return_sequences=True), TimeDistributed(Dense(2, "tanh"))]),
    "backwards": Case(lambda: [_words(False), SimpleRNN(4, go_backwards=True, return_sequences=True), GRU(3)]),
    "backwards masked": Case(
        lambda: [_words(), LSTM(4, go_backwards=True, return_sequences=True), Dense(2), GRU(3, go_backwards=True)]
    ),
    "zeros for masked steps": Case(
        lambda: [
            _words(),
            GRU(4, return_sequences=True, zero_output_for_mask=True),
            LSTM(3, go_backwards=True, return_sequences=True, zero_output_for_mask=True),
            SimpleRNN(3, zero_output_for_mask=True),
        ]
    ),
    "zeros, read from the end": Case(lambda: [_words(), LSTM(3, go_backwards=True, zero_output_for_mask=True)]),
    "bidirectional": Case(lambda: [_words(False), Bidirectional(LSTM(4)), Dense(1)]),
    "bidirectional masked": Case(
        lambda: [_words(), Bidirectional(GRU(4, return_sequences=True), "sum"), Bidirectional(LSTM(2), "ave")]
    ),
    "two kinds in one": Case(
        lambda: [
            _words(),
            Bidirectional(
                LSTM(4, return_sequences=True),
                backward_layer=GRU(3, return_sequences=True, go_backwards=True, reset_after=False),
            ),
            Bidirectional(SimpleRNN(2, go_backwards=True, return_sequences=True), "mul"),
        ]
    ),
    "activations of cells": Case(
        lambda: [
            _words(),
            LSTM(4, "relu", "hard_sigmoid", return_sequences=True),
            GRU(3, "softsign", "sigmoid", return_sequences=True),
            LSTM(4, "elu", "hard_sigmoid", return_sequences=True),
            SimpleRNN(3, "linear", return_sequences=True),
            GRU(4, "leaky_relu", "hard_sigmoid", return_sequences=True),
            SimpleRNN(3, "softplus", return_sequences=True),
            SimpleRNN(3, "hard_sigmoid", return_sequences=True),
            SimpleRNN(3, "leaky_relu"),
        ]
    ),
    "convolutions": Case(
        lambda: [
            _words(),  # whose mask ends at the convolution
            Conv1D(4, 3, padding="same", activation="relu"),
            Conv1D(4, 2, padding="causal", dilation_rate=2),
            Conv1D(3, 3, strides=2, padding="same"),
            Conv1D(3, 2, activation="elu", use_bias=False),
            MaxPooling1D(2, padding="same"),
            GlobalMaxPooling1D(),
        ],
        gaps=True,
    ),
    "a mask that ends": Case(lambda: [_words(), Conv1D(4, 3, padding="same"), LSTM(3)], gaps=True),
    "same and dilated": Case(
        lambda: [_words(False), Conv1D(2, 4, padding="same", dilation_rate=2), GlobalMaxPooling1D()]
    ),
    "pooling": Case(
        lambda: [
            _words(False),
            MaxPooling1D(3, 1),
            AveragePooling1D(3, 2, padding="same"),
            AveragePooling1D(2, 1),
            LSTM(2),
        ]
    ),
    "mean of words": Case(lambda: [_words(), GlobalAveragePooling1D(), Dense(1)], gaps=True),
    "last, largest and mean": Case(lambda: [_words(), ConcatPooling1D(), Dense(1)], gaps=True),
    "last, largest and mean of all": Case(lambda: [_words(False), ConcatPooling1D(), Dense(1)]),
    "mean of all": Case(lambda: [_words(False), GlobalAveragePooling1D(), Dense(1)]),
    "flat": Case(lambda: [_words(False), Conv1D(2, 3, padding="same"), Flatten(), Dense(2, "selu")], fixed=True),
    "numbers": Case(lambda: [LSTM(4, return_sequences=True), LayerNormalization(), GRU(2)], "numbers"),
    "numbers masked": Case(lambda: [Masking(0.0), LSTM(4, return_sequences=True), SimpleRNN(3)], "numbers"),
    "shapes": Case(
        lambda: [
            ZeroPadding1D((1, 2)),
            Cropping1D((2, 0)),
            Permute((2, 1)),
            Reshape((-1, 2)),
            LSTM(3),
            RepeatVector(2),
        ],
        "numbers",
        fixed=True,
    ),
    "activations": Case(
        lambda: [
            Dense(4, "hard_sigmoid"), ReLU(), ReLU(negative_slope=0.1), ReLU(max_value=0.4), LeakyReLU(), ELU(0.5),
            PReLU(),
            Activation("softplus"), Activation("exponential"), Softmax(), SpatialDropout1D(0.2),
            LayerNormalization(scale=False), TimeDistributed(Activation("softsign")), Dense(2, "leaky_relu"),
        ],
        "numbers",
        fixed=True,
    ),
}  # fmt: skip


def built(case: Case, backend: str = "reference", dtype: str = "float32") -> Sequential:
    """The model, every number of it drawn: a bias of zeros would hide where it goes."""
    shape = ((T,) if case.fixed else (None,)) + ((D,) if case.input == "numbers" else ())
    model = Sequential([Input(shape), *case.layers()], seed=3, backend=backend, dtype=dtype)
    draw(model)
    return model


def draw(model: Any) -> None:
    rng = np.random.default_rng(4)
    model.set_weights([rng.uniform(-0.8, 0.8, weight.shape) for weight in model.get_weights()])


def inputs(case: Case, B: int, steps: int = T) -> np.ndarray:
    """x with padding in front of some rows, behind others, in full and not at all."""
    rng = np.random.default_rng(B * 100 + steps)
    x = rng.integers(1, V, (B, steps)) if case.input == "ids" else rng.normal(size=(B, steps, D)).astype(np.float32)
    for b in range(B):
        n = (0, 2, 3, steps, steps - 1)[b % 5]
        x[b, : n if b % 2 else 0] = 0
        x[b, steps - (0 if b % 2 else n) :] = 0
    return x


def masks(layers: list[Any]) -> bool:
    return any(isinstance(each, Masking) or getattr(each, "mask_zero", False) for each in layers)
