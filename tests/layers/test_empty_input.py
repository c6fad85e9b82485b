"""No layer takes x without numbers, whether or not it is built for it: kernels would return memory as they found it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import layers as L
from scratchnn.layers.base import Shape
from scratchnn.models import Sequential

EMPTY = {"rows": (0, 4, 3), "steps": (2, 0, 3), "features": (2, 4, 0)}
LAYERS: dict[str, Callable[[], L.Layer]] = {
    "LSTM": lambda: L.LSTM(3),
    "GRU": lambda: L.GRU(3),
    "SimpleRNN": lambda: L.SimpleRNN(3),
    "Bidirectional": lambda: L.Bidirectional(L.LSTM(3)),
    "TimeDistributed": lambda: L.TimeDistributed(L.Dense(2)),
    "Dense": lambda: L.Dense(2),
    "Conv1D": lambda: L.Conv1D(2, 1),
    "GlobalMaxPooling1D": L.GlobalMaxPooling1D,
    "GlobalAveragePooling1D": L.GlobalAveragePooling1D,
    "Activation": lambda: L.Activation("tanh"),
    "Dropout": lambda: L.Dropout(0.5),
    "Flatten": L.Flatten,
    "Lambda": lambda: L.Lambda(lambda x: 2 * x, backward=lambda dy, x: 2 * dy),
}
cases = pytest.mark.parametrize("axis", EMPTY)
kinds = pytest.mark.parametrize("kind", LAYERS)


def refused(shape: Shape) -> Any:
    lengths = ", ".join(map(str, shape[1:]))
    return pytest.raises(ValueError, match=rf"at least one number along every axis of x, got shape \(\w+, {lengths}\)")


@cases
@kinds
def test_unbuilt_layer_called_on_it(kind: str, axis: str) -> None:
    with refused(EMPTY[axis]):
        LAYERS[kind]()(np.ones(EMPTY[axis]))


@kinds
@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("axis", ["steps", "features"])
def test_build_for_it(kind: str, axis: str, backend: str) -> None:
    layer, shape = LAYERS[kind](), (None, *EMPTY[axis][1:])
    with refused(shape):
        layer.build(shape, backend=backend)
    assert not layer.built


@cases
@kinds
def test_built_for_any_length(kind: str, axis: str) -> None:
    layer = LAYERS[kind]()
    layer.build((None, 4 if kind == "Flatten" else None, 3))
    with refused(EMPTY[axis]):
        layer.forward(np.ones(EMPTY[axis]))


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (2, 0, 3)])
def test_ids(shape: tuple[int, ...]) -> None:
    ids = np.ones(shape, np.int32)
    with refused(shape):
        L.Embedding(4, 2)(ids)
    layer = L.Embedding(4, 2)
    layer.build((None, *[None] * (len(shape) - 1)))
    with refused(shape):
        layer.forward(ids)


def test_model_that_is_not_built_yet() -> None:
    model = Sequential([L.LSTM(3), L.Dense(1)])
    with pytest.raises(ValueError, match=r"x is empty, of shape \(2, 0, 3\); give at least one row and one time step"):
        model.predict(np.ones((2, 0, 3)))


def test_axis_of_no_length_that_a_layer_before_leaves() -> None:
    class Nothing(L.Layer):
        def compute_output_shape(self, input_shape: Shape) -> Shape:
            return (input_shape[0], 0, input_shape[2])

    with refused((None, 0, 3)):
        Sequential([L.Input((4, 3)), Nothing(), L.LSTM(3)])
