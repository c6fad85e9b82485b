"""What layers say to shapes, masks, states and settings that do not fit: what they expected and what came."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.contract import Array

from scratchnn.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Layer,
    MaxPooling1D,
    SimpleRNN,
)

D, H, T = 5, 7, 6
X, MASK = np.ones((2, T, D)), np.ones((2, T), bool)


def built(layer: Layer, shape: tuple[int | None, ...]) -> Layer:
    layer.build(shape, backend="reference")
    return layer


MESSAGES: list[tuple[str, Callable[[], Any], str]] = [
    *(
        (
            f"{kind.__name__} of rank 2",
            lambda kind=kind: built(kind(H), (None, D)),
            r"\(B, T, D\).*got shape \(None, 5\)",
        )
        for kind in (SimpleRNN, LSTM, GRU)
    ),
    ("unknown features", lambda: built(LSTM(H), (None, T, None)), r"D known, got shape \(None, 6, None\)"),
    ("conv of rank 2", lambda: built(Conv1D(H, 3), (None, D)), r"Conv1D takes .*\(B, T, D\).*got shape \(None, 5\)"),
    (
        "conv too wide",
        lambda: built(Conv1D(H, 4, dilation_rate=2), (None, T, D)),
        "at least 7 time steps, got 6",
    ),
    ("pool too wide", lambda: built(MaxPooling1D(7), (None, T, D)), "at least 7 time steps, got 6"),
    ("pool of rank 2", lambda: built(MaxPooling1D(), (None, D)), r"\(B, T, D\), got shape \(None, 5\)"),
    ("global pool", lambda: built(GlobalMaxPooling1D(), (None, D)), r"GlobalMax.*\(B, T, D\), got shape \(None, 5\)"),
    ("embedding", lambda: built(Embedding(9, D), ()), r"ids of shape \(B, ...\), got shape \(\)"),
    ("dense of rank 1", lambda: built(Dense(H), (None,)), r"Dense takes .*\(B, ..., D\).*got shape \(None,\)"),
    ("flatten", lambda: built(Flatten(), (None, None, D)), r"Flatten needs .* got shape \(None, None, 5\)"),
    ("other features", lambda: run(LSTM(H), X[:, :, :3]), r"LSTM was built for x .*\(None, 6, 5\), got \(2, 6, 3\)"),
    ("which weights", lambda: run(LSTM(H), X[:, :, :3]), r"for which Wx would be \(3, 28\) instead of \(5, 28\)"),
    ("both ways", lambda: run(Bidirectional(GRU(H)), X[:, :, :3]), r"Wx would be \(3, 21\) instead of \(5, 21\)"),
    ("features, conv", lambda: run(Conv1D(H, 3), X[:, :, :3]), r"W would be \(3, 3, 7\) instead of \(3, 5, 7\)"),
    ("features, dense", lambda: run(Dense(H), X[:, 0, :3]), r"got \(2, 3\), for which W would be \(3, 7\)"),
    ("short, conv", lambda: run(Conv1D(H, 4), X[:, :3]), "at least 4 time steps, got 3"),
    ("no steps", lambda: run(LSTM(H), X[:, :0]), r"at least one number along every axis of x, got shape \(2, 0, 5\)"),
    ("no rows", lambda: run(LSTM(H), X[:0]), r"at least one number along every axis of x, got shape \(0, 6, 5\)"),
    ("other rank", lambda: run(GRU(H), X[0]), r"GRU takes sequences of shape \(B, T, D\) .* got shape \(6, 5\)"),
    ("other rank, dense", lambda: run(Dense(H), X[0, 0]), r"Dense takes x of shape \(B, ..., D\) .* got shape \(5,\)"),
    ("mask's shape", lambda: run(LSTM(H), X, mask=MASK[:, 1:]), r"mask of shape \(2, 6\), got bool of shape \(2, 5\)"),
    ("mask's dtype", lambda: run(LSTM(H), X, mask=MASK * 1.0), r"bool mask .* got float64 of shape \(2, 6\)"),
    (
        "pool's mask",
        lambda: run(GlobalAveragePooling1D(), X, mask=MASK[:1]),
        r"bool mask of shape \(2, 6\), got bool of shape \(1, 6\)",
    ),
    (
        "one state for two",
        lambda: run(LSTM(H), X, initial_state=[np.zeros((2, H))]),
        r"\['h', 'c'\] of shapes \[\(2, 7\), \(2, 7\)\]; got shapes \[\(2, 7\)\]",
    ),
    ("state's shape", lambda: run(GRU(H), X, initial_state=[np.zeros((2, 3))]), r"shapes \[\(2, 7\)\]; got .*\(2, 3\)"),
    (
        "states of one way",
        lambda: run(Bidirectional(GRU(H)), X, initial_state=[np.zeros((2, H))]),
        "Bidirectional takes 2 arrays as initial_state, got 1",
    ),
    ("dropout without rng", lambda: run(Dropout(0.5), X, training=True), "needs rng: a numpy.random.Generator"),
    ("id too large", lambda: ids(Embedding(9, D), 9), "ids 0 to 8, got ids from 0 to 9"),
    ("id below 0", lambda: ids(Embedding(9, D), -1), "ids 0 to 8, got ids from -1 to 0"),
    ("no whole id", lambda: ids(Embedding(9, D), 1.5), "whole numbers; got float64 values"),
    ("no id", lambda: ids(Embedding(9, D), np.nan), "whole numbers; got float64 values"),
    ("units 0", lambda: LSTM(0), "LSTM: units must be a whole number of at least 1, got 0"),
    ("units True", lambda: GRU(True), "GRU: units must be .*, got True"),
    ("rate 1", lambda: Dropout(1.0), "Dropout: rate must be at least 0 and below 1, got 1.0"),
    ("rate NaN", lambda: LSTM(H, dropout=np.nan), "LSTM: dropout must be at least 0 and below 1, got nan"),
    ("strides and dilation", lambda: Conv1D(H, 3, strides=2, dilation_rate=2), "cannot both be above 1, got 2 and 2"),
    ("activation", lambda: LSTM(H, activation="tahn"), "unknown activation 'tahn'; did you mean 'tanh'?"),
    ("padding", lambda: Conv1D(H, 3, padding="some"), "unknown padding 'some'; did you mean 'same'?"),
    ("merge mode", lambda: Bidirectional(GRU(H), "contact"), "unknown merge_mode 'contact'; did you mean 'concat'?"),
]


def run(layer: Layer, x: Array, **options: Any) -> Any:
    return built(layer, (None, T, D)).forward(x, **options)


def ids(layer: Layer, value: float) -> Any:
    return built(layer, (None, 2)).forward(np.array([[0, value]]))


@pytest.mark.parametrize(("call", "message"), [m[1:] for m in MESSAGES], ids=[m[0] for m in MESSAGES])
def test_messages(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert re.search(message.replace("?", r"\?"), str(caught.value)), str(caught.value)


def test_use_before_build_says_how_to_build() -> None:
    with pytest.raises(RuntimeError, match=r"Dense 'mine' has no parameters yet: call build\(input_shape\) first"):
        Dense(3, name="mine").forward(X)


@pytest.mark.parametrize(
    ("layer", "dy_shape", "expected"),
    [
        (LSTM(H, return_sequences=True), (2, T, 1), r"\(2, 6, 7\), got \(2, 6, 1\)"),
        (LSTM(H, return_sequences=True), (2, 1, H), r"\(2, 6, 7\), got \(2, 1, 7\)"),
        (SimpleRNN(H), (2, T, H), r"\(2, 7\), got \(2, 6, 7\)"),
        (GRU(H), (1, H), r"\(2, 7\), got \(1, 7\)"),
        (Conv1D(H, 3), (2, 4, 1), r"\(2, 4, 7\), got \(2, 4, 1\)"),
        (Dense(H), (2, T, 1), r"\(2, 6, 7\), got \(2, 6, 1\)"),
        (Flatten(), (2, T, D), r"\(2, 30\), got \(2, 6, 5\)"),
        (Dropout(0.5), (2, T * D), r"\(2, 6, 5\), got \(2, 30\)"),
        (GlobalAveragePooling1D(), (1, D), r"\(2, 5\), got \(1, 5\)"),
        (GlobalAveragePooling1D(), (2, 1), r"\(2, 5\), got \(2, 1\)"),
        (Bidirectional(GRU(H), "mul"), (1, H), r"\(2, 7\), got \(1, 7\)"),
        (Bidirectional(GRU(H)), (2, H), r"\(2, 14\), got \(2, 7\)"),
    ],
)
@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_gradient_of_another_shape_than_y_is_refused(
    layer: Layer, dy_shape: tuple[int, ...], expected: str, backend: str
) -> None:
    # A compiled kernel would read beyond its end.
    layer = layer.clone()
    layer.build((None, T, D), backend=backend)
    _, cache = layer.forward(X)
    with pytest.raises(ValueError, match=f"dy must have the shape of y, {expected}"):
        layer.backward(np.ones(dy_shape), cache)
