"""What a cell of the user's own may do wrong, and what the error says; and what it may do that is no mistake."""

from typing import Any

import numpy as np
import pytest

from examples.min_gru import MinGRU
from scratchnn import Sequential
from scratchnn.gradients import check
from scratchnn.layers import RNN, Cell, Dense, Embedding

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 3))
MASK = np.array([[True, True, False, True], [False, True, True, True]])
IDS = RNG.integers(0, 20, (64, 6))


class Leaky(Cell):
    """h' = h / 2 + ax + ah + p, right as it stands."""

    state_size: Any = 3

    def own_parameters(self) -> Any:
        return {"p": ((3,), "zeros")}

    def forward(self, ax: Any, ah: Any, state: Any, p: Any) -> Any:
        return (state[0] / 2 + ax + ah + p,), (ax,)

    def backward(self, dafter: Any, state: Any, after: Any, saved: Any, p: Any) -> Any:
        return dafter[0], dafter[0], (dafter[0] / 2,)

    def backward_own(self, dax: Any, dah: Any, dafter: Any, states: Any, saved: Any, p: Any) -> Any:
        return {"p": dax.sum(axis=(0, 1))}


def cell_with(**methods: Any) -> Cell:
    return type("Bad", (Leaky,), methods)()


def run(cell: Cell, dtype: Any = np.float64) -> None:
    layer = RNN(cell)
    layer.build((None, 4, 3), backend="reference", dtype=dtype)
    y, cache = layer.forward(X)
    layer.backward(np.ones_like(y), cache)


def test_the_cell_that_the_bad_ones_derive_from_is_right() -> None:
    assert all(error.ok for error in check(RNN(Leaky()), X))


BAD = [
    ({"state_size": None}, r"Bad has no state_size: set it to the number of units"),
    ({"state_size": ()}, r"Bad: state_size must name the width of one state or more, got \(\)"),
    ({"state_size": (3, 0)}, r"Bad: state_size must be .* at least 1, got 0"),
    ({"gates": 0}, r"Bad: gates must be .* at least 1, got 0"),
    ({"recurrent_gates": -1}, r"Bad: recurrent_gates must be a whole number of at least 0, got -1"),
    ({"recurrent_gates": "1"}, r"Bad: recurrent_gates must be a whole number of at least 0, got '1'"),
    ({"forward": Cell.forward}, "Bad must define forward: see scratchnn.layers.Cell"),
    ({"backward": Cell.backward}, "Bad must define backward: see scratchnn.layers.Cell"),
    (
        {"forward": lambda s, ax, ah, state, p: (None, (ax,))},
        r"Bad.forward must return as its new state a tuple of 1, float64 \(2, 3\); got None",
    ),
    (
        {"forward": lambda s, ax, ah, state, p: (ax, (ax,))},
        r"Bad.forward must return as its new state a tuple of 1, float64 \(2, 3\); got a bare ndarray",
    ),
    (
        {"forward": lambda s, ax, ah, state, p: ((None,), (ax,))},
        r"Bad.forward must return as its new state float64 \(2, 3\), got None",
    ),
    ({"forward": lambda s, ax, ah, state, p: ax}, r"Bad.forward must return \(after, saved\), got ndarray"),
    (
        {"forward": lambda s, ax, ah, state, p: ((ax.astype(np.float32),), (ax,))},
        r"Bad.forward must return as its new state float64 \(2, 3\), got float32 \(2, 3\)",
    ),
    (
        {"forward": lambda s, ax, ah, state, p: ((ax[:1],), (ax,))},
        r"Bad.forward must return as its new state float64 \(2, 3\), got float64 \(1, 3\)",
    ),
    (
        {"forward": lambda s, ax, ah, state, p: ((np.ma.array(ax),), (ax,))},
        r"Bad.forward must return as its new state float64 \(2, 3\), got masked_array",
    ),
    (
        {"forward": lambda s, ax, ah, state, p: ((ax,), None)},
        r"Bad.forward must save a tuple of arrays .* got NoneType",
    ),
    (
        {"backward": lambda s, dafter, *rest, p: (dafter[0], dafter[0])},
        r"Bad.backward must return \(dax, dah, dstate\), got a tuple of 2",
    ),
    (
        {"backward": lambda s, dafter, *rest, p: (dafter[0][:, :2], dafter[0], dafter)},
        r"Bad.backward must return as dax float64 \(2, 3\), got float64 \(2, 2\)",
    ),
    (
        {"backward": lambda s, dafter, *rest, p: (dafter[0], None, dafter)},
        r"Bad.backward must return as dah float64 \(2, 3\), got None",
    ),
    (
        {"backward": lambda s, dafter, *rest, p: (dafter[0], dafter[0], None)},
        r"Bad.backward must return as dstate a tuple of 1, float64 \(2, 3\); got None",
    ),
    (
        {"backward_own": lambda s, dax, *rest, p: {"q": dax.sum(axis=(0, 1))}},
        r"Bad.backward_own must return gradients of \['p'\], got \['q'\]",
    ),
    (
        {"backward_own": lambda s, dax, *rest, p: {"p": dax.sum(axis=0)}},
        r"Bad.backward_own must return for p float64 \(3,\), got float64 \(2, 3\)",
    ),
    *(
        ({"own_parameters": lambda s, own=own: own}, rf"Bad.own_parameters must return a dict of name: .*{got}")
        for own, got in (
            (None, "got None"),
            ([], r"got \[\]"),
            ({"p": (3,)}, r"got 'p': \(3,\)"),
            ({"p": (3, "ones")}, r"got 'p': \(3, 'ones'\)"),
            ({"p": ((-1,), "ones")}, r"got 'p'"),
        )
    ),
    *(
        (
            {"own_parameters": lambda s, name=name: {name: ((3,), "ones")}},
            f"Bad: its own parameter needs another .*{name}",
        )
        for name in ("Wx", "b", "ax", "state", "self", "two words")
    ),
]


@pytest.mark.parametrize(("methods", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_wrong_cell_is_named(methods: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(cell_with(**methods))


class Careless(Leaky):
    """Right, but for what it does with the arrays that it is given."""

    def forward(self, ax: Any, ah: Any, state: Any, p: Any) -> Any:
        h = state[0]
        h *= 0.5
        h += ax + ah + p
        return (h,), (ax,)


class CarelessBackward(Leaky):
    def backward(self, dafter: Any, state: Any, after: Any, saved: Any, p: Any) -> Any:
        d = dafter[0]
        d *= 0.5
        return 2 * d, 2 * d, (d,)


@pytest.mark.parametrize("cell", [Careless, CarelessBackward])
def test_a_cell_cannot_change_what_it_is_given(cell: Any) -> None:
    with pytest.raises(ValueError, match="read-only"):
        run(cell())


class OneBuffer(Leaky):
    """Returns the same arrays at every step, with new numbers."""

    def __init__(self) -> None:
        self.buffers = np.empty((2, 2, 3))

    def forward(self, ax: Any, ah: Any, state: Any, p: Any) -> Any:
        self.buffers[0] = state[0] / 2 + ax + ah + p
        return (self.buffers[0],), (ax,)

    def backward(self, dafter: Any, state: Any, after: Any, saved: Any, p: Any) -> Any:
        self.buffers[1] = dafter[0]
        return self.buffers[1], self.buffers[1], (dafter[0] / 2,)


def test_a_cell_may_return_the_same_buffer_again() -> None:
    results = []
    for cell in (Leaky(), OneBuffer()):
        layer = RNN(cell, return_sequences=True)
        layer.build((None, 4, 3), backend="reference", dtype=np.float64, seed=0)
        y, cache = layer.forward(X)
        results.append((y, *layer.backward(np.cos(y), cache)))
    (y, dx, grads), (y_, dx_, grads_) = results
    assert np.array_equal(y, y_) and np.array_equal(dx, dx_)
    assert all(np.array_equal(grads[name], grads_[name]) for name in grads)


class Reciprocal(Leaky):
    """h' = h / 2 + 1 / ax + 0 p: infinite where ax is 0, as it is at padding without a bias."""

    def forward(self, ax: Any, ah: Any, state: Any, p: Any) -> Any:
        with np.errstate(divide="ignore"):
            return (state[0] / 2 + 1 / ax + 0 * p,), (ax,)

    def backward(self, dafter: Any, state: Any, after: Any, saved: Any, p: Any) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return -dafter[0] / saved[0] ** 2, 0 * dafter[0], (dafter[0] / 2,)

    def backward_own(self, dax: Any, dah: Any, dafter: Any, states: Any, saved: Any, p: Any) -> Any:
        return {"p": 0 * p}


def test_what_a_masked_step_computes_is_thrown_away() -> None:
    layer = RNN(Reciprocal(), use_bias=False)
    layer.build((None, 4, 3), backend="reference", dtype=np.float64)
    x = np.where(MASK[:, :, None], X, 0)
    y, cache = layer.forward(x, mask=MASK)
    dx, grads = layer.backward(np.ones_like(y), cache)
    assert np.isfinite(y).all() and np.isfinite(dx).all()
    assert all(np.isfinite(gradient).all() for gradient in grads.values())
    assert not dx[~MASK].any()


def test_units_and_activation_are_the_cells_affair() -> None:
    with pytest.raises(TypeError, match="RNN takes no units: the cell decides about that"):
        RNN(MinGRU(3), units=3)
    with pytest.raises(TypeError, match="RNN takes no argument 'activation'"):
        RNN(MinGRU(3), activation="relu")


def test_recurrent_dropout_needs_recurrent_weights() -> None:
    with pytest.raises(ValueError, match="recurrent_dropout needs recurrent weights, but MinGRU has recurrent_gates=0"):
        RNN(MinGRU(3), recurrent_dropout=0.2)


def test_another_backend_is_refused_when_the_layer_is_built() -> None:
    model = Sequential([Embedding(20, 4, input_length=6), RNN(MinGRU(3)), Dense(1)], backend="reference")
    assert model.predict(IDS).shape == (64, 1)
    with pytest.raises(
        ValueError, match=r"RNN\(MinGRU\) runs on the reference backend only: 'cpu' has no kernels for it"
    ):
        Sequential([Embedding(20, 4, input_length=6), RNN(MinGRU(3)), Dense(1)], backend="cpu").predict(IDS)
