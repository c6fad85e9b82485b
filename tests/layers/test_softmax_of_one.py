"""A softmax over an axis of length 1 always gives 1: Keras 3.15.1 warns, and so does a layer that is built so."""

import warnings
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, activations
from scratchnn.layers import LSTM, Activation, Bidirectional, Conv1D, Dense, SimpleRNN, Softmax, TimeDistributed

X = np.random.default_rng(0).normal(size=(2, 1, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "layers",
    [
        [Dense(1, "softmax")],
        [Dense(1), Activation("softmax")],
        [Dense(1), Softmax()],
        [Softmax(axis=1)],
        [Dense(1), Softmax(axis=[1, 2])],
        [Conv1D(1, 1, activation=activations.softmax)],
        [TimeDistributed(Dense(1, "softmax"))],
        [LSTM(1, "softmax")],
        [SimpleRNN(1, "softmax")],
    ],
)
def test_it_is_said_once(layers: list[Any]) -> None:
    with pytest.warns(UserWarning, match=r"softmax over an axis of length 1, which always gives 1.* sigmoid") as told:
        model = Sequential([Input((1, 3)), *layers], backend="reference")
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = model.predict(X)
    if not isinstance(layers[-1], LSTM | SimpleRNN):  # whose gates and states are in between
        np.testing.assert_array_equal(y, np.ones_like(y))


def test_a_layer_alone_says_it_too() -> None:
    with pytest.warns(UserWarning, match="^Dense has a softmax over an axis of length 1"):
        Dense(1, "softmax")(X)


@pytest.mark.parametrize(
    "layer",
    [
        Dense(2, "softmax"),
        Dense(1, "sigmoid"),
        Dense(1),
        Softmax(),
        Bidirectional(LSTM(1)),
        Activation("softmax"),
        LSTM(2, "softmax"),
    ],
)
def test_nothing_is_said_where_there_is_something_to_share(layer: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Sequential([Input((1, 3)), layer], backend="reference").predict(X)


def test_a_length_that_is_not_known_is_not_told() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Sequential([Input((None, 3)), Softmax(axis=1)], backend="reference").predict(np.repeat(X, 2, axis=1))
