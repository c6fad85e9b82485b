"""A trace has the numbers of the fast kernels, by name and in the order of x."""

from typing import Any

import numpy as np
import pytest

from scratchnn.layers import GRU, LSTM, RNN, Bidirectional, Cell, SimpleRNN

RNG = np.random.default_rng(1)
X = RNG.normal(0, 1, (3, 9, 4)).astype("f4")
MASK = np.ones((3, 9), bool)
MASK[0, :4] = MASK[1, 6:] = MASK[2, 3] = False
LAYERS = {
    "rnn": lambda **s: SimpleRNN(5, **s),
    "lstm": lambda **s: LSTM(5, **s),
    "gru": lambda **s: GRU(5, **s),
    "gru-before": lambda **s: GRU(5, reset_after=False, recurrent_activation="hard_sigmoid", **s),
}
NAMES = {"rnn": "h", "lstm": "i f g o h c", "gru": "z r g h", "gru-before": "z r g h"}


def made(layer: Any, backend: str = "cpu") -> Any:
    layer.build((None, 9, 4), backend=backend, seed=2)
    return layer


@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
@pytest.mark.parametrize("back", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("kind", LAYERS)
def test_its_states_are_those_of_the_fast_kernels(kind: str, back: bool, mask: Any) -> None:
    layer = made(LAYERS[kind](go_backwards=back, return_state=True))
    begin = [RNG.normal(0, 0.5, (3, 5)).astype("f4") for _ in layer.state_names]
    trace = layer.trace(X, mask=mask, initial_state=begin)
    assert " ".join(trace) == NAMES[kind]
    assert {array.shape for array in trace.values()} == {(3, 9, 5)}
    for t in range(9):
        seen = slice(t, None) if back else slice(0, t + 1)
        part = None if mask is None else mask[:, seen]
        (_, *states), _ = layer.forward(X[:, seen], mask=part, initial_state=begin)
        for name, state in zip(layer.state_names, states, strict=True):
            np.testing.assert_allclose(trace[name][:, t], state, atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_every_backend_has_the_same_trace(kind: str) -> None:
    fast, reference = (made(LAYERS[kind](), backend).trace(X, mask=MASK) for backend in ("cpu", "reference"))
    for name in fast:
        np.testing.assert_array_equal(fast[name], reference[name])


def test_gates_make_the_states_and_masked_steps_have_none() -> None:
    t = made(LSTM(5)).trace(X, mask=MASK)
    before = np.concatenate([t.initial["c"][:, None], t["c"][:, :-1]], axis=1)
    c = np.where(MASK[:, :, None], t["f"] * before + t["i"] * t["g"], before)
    np.testing.assert_allclose(t["c"], c, atol=1e-6)
    np.testing.assert_allclose(t["h"][MASK], (t["o"] * np.tanh(t["c"]))[MASK], atol=1e-6)
    assert np.isnan(t["f"][~MASK]).all() and not np.isnan(t["f"][MASK]).any()
    t = made(GRU(5)).trace(X)
    before = np.concatenate([t.initial["h"][:, None], t["h"][:, :-1]], axis=1)
    np.testing.assert_allclose(t["h"], t["z"] * before + (1 - t["z"]) * t["g"], atol=1e-6)


def test_both_directions() -> None:
    layer = made(Bidirectional(LSTM(5, return_sequences=True)))
    trace, (y, _) = layer.trace(X), layer.forward(X)
    np.testing.assert_allclose(np.concatenate([trace["forward.h"], trace["backward.h"]], axis=-1), y, atol=1e-6)


def test_a_stateful_layer_carries_nothing_on() -> None:
    layer = made(LSTM(5, stateful=True))
    layer.forward(X)
    states = [state.copy() for state in layer.states]
    trace = layer.trace(X)
    np.testing.assert_array_equal(trace.initial["c"], states[1])
    np.testing.assert_array_equal(layer.states[1], states[1])
    np.testing.assert_allclose(trace["h"][:, -1], layer.forward(X)[0], atol=1e-6)


class Sum(Cell):
    state_size, gates = 5, 1

    def forward(self, ax: Any, ah: Any, state: Any) -> Any:
        return (state[0] + np.tanh(ax + ah),), ()

    def backward(self, dafter: Any, state: Any, after: Any, saved: Any) -> Any:
        da = dafter[0] * (1 - (after[0] - state[0]) ** 2)
        return da, da, (dafter[0],)


def test_a_cell_of_your_own_has_its_states() -> None:
    layer = made(RNN(Sum()), "reference")
    trace = layer.trace(X)
    assert list(trace) == ["h"] and "RNN" in repr(trace).upper()
    np.testing.assert_array_equal(trace["h"][:, -1], layer.forward(X)[0])
