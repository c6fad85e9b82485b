"""Stateful layers: what a batch leaves, the next one begins with, row by row; for Keras, see tests/parity."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from examples.peephole_lstm import PeepholeLSTM
from scratchnn.gradients import check
from scratchnn.layers import GRU, LSTM, RNN, Bidirectional, Layer, SimpleRNN

B, T, D, H = 2, 9, 3, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D)).astype(np.float32)
SEQUENCES = {"return_sequences": True, "stateful": True}
KINDS: dict[str, Callable[[], Any]] = {
    "SimpleRNN": lambda: SimpleRNN(H, **SEQUENCES),
    "LSTM": lambda: LSTM(H, **SEQUENCES),
    "GRU": lambda: GRU(H, **SEQUENCES),
    "GRU before": lambda: GRU(H, reset_after=False, **SEQUENCES),
    "RNN": lambda: RNN(PeepholeLSTM(H), **SEQUENCES),
}


def built(layer: Any, backend: str = "reference", B: int | None = None, **settings: Any) -> Any:
    layer.build((B, None, D), backend=backend, seed=1, **settings)
    for param in layer.params.values():
        param[...] = np.random.default_rng(param.size).normal(scale=0.5, size=param.shape)
    return layer


@pytest.mark.parametrize(
    ("kind", "backend"), [(kind, backend) for kind in KINDS for backend in ("reference", "cpu")][:-1]
)
def test_windows_of_any_length_are_one_long_sequence(kind: str, backend: str) -> None:
    layer = built(KINDS[kind](), backend)
    whole, _ = layer.forward(X, initial_state=[np.zeros((B, H))] * len(layer.state_names))
    for _ in range(2):
        layer.reset_states()
        parts = [layer(X[:, a:b]) for a, b in ((0, 4), (4, 5), (5, T))]
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
        np.testing.assert_array_equal(layer.states[0], whole[:, -1])


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_mask_holds_what_is_carried(backend: str) -> None:
    """Keras shows zeros until the first real step, whatever is carried, and goes on from it there."""
    layer, mask = built(GRU(H, **SEQUENCES), backend), np.ones((B, T), bool)
    layer(X)
    carried = layer.states
    mask[0, :2] = mask[1] = False
    y = layer(X, mask=mask)
    assert not y[0, :2].any() and y[0, 2:].all() and not y[1].any()
    np.testing.assert_array_equal(layer.states[0][1], carried[0][1])
    layer.reset_states()
    expected = layer(X[:1, 2:], initial_state=[carried[0][:1]])
    np.testing.assert_allclose(y[:1, 2:], expected, rtol=1e-5)


def test_given_states_go_before_carried_ones_and_are_carried_on() -> None:
    layer, state = built(LSTM(H, **SEQUENCES)), [RNG.normal(size=(B, H)) for _ in "hc"]
    layer(X)
    y = layer(X, initial_state=state)
    fresh = built(LSTM(H, return_sequences=True, return_state=True))
    expected = fresh(X, initial_state=state)
    np.testing.assert_array_equal(y, expected[0])
    for got, wanted in zip(layer.states, expected[1:], strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_bidirectional_carries_the_states_of_both_directions() -> None:
    """As in Keras, the layer that reads from the end begins a window with what it left at the start of the last."""
    layer = built(Bidirectional(LSTM(H, stateful=True)))
    layer(X)
    forward, backward = layer.forward_layer.states, layer.backward_layer.states
    assert [each.shape for each in layer.states] == [(B, H)] * 4
    for got, expected in zip(layer.states, [*forward, *backward], strict=True):
        np.testing.assert_array_equal(got, expected)
    y = layer(X)
    layer.states = [*forward, *backward]
    np.testing.assert_array_equal(layer(X), y)
    layer.reset_states()
    assert layer.states is None


def test_backward_ends_where_the_window_begins() -> None:
    layer = built(SimpleRNN(H, stateful=True))
    layer(X)
    carried = layer.states
    y, cache = layer.forward(X)
    dx, grads = layer.backward(np.ones_like(y), cache)  # no dh0: nobody gave a state
    layer.reset_states()
    _, cache = layer.forward(X, initial_state=carried)
    (expected, _), expected_grads = layer.backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(dx, expected)
    for name, grad in grads.items():
        np.testing.assert_array_equal(grad, expected_grads[name])


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_the_gradient_check_begins_each_pass_with_the_same_states(kind: str) -> None:
    layer = built(KINDS[kind](), dtype="float64")
    layer(X)
    carried = layer.states
    errors = check(layer, X[:, :3])
    assert all(error.ok for error in errors)
    assert {error.name for error in errors} >= {"x", "Wx", "Wh"}
    assert all(np.array_equal(now, then) for now, then in zip(layer.states, carried, strict=True))
    layer.reset_states()
    assert all(error.ok for error in check(layer, X[:, :3]))


def test_what_is_carried_is_nobody_elses_array() -> None:
    layer = built(GRU(H, stateful=True), "cpu")
    y = layer(X)
    before = layer.states[0].copy()
    y[...] = 7
    np.testing.assert_array_equal(layer.states[0], before)


# ---- the size of a batch


def test_the_first_batch_decides_unless_the_shape_does() -> None:
    free, fixed = built(LSTM(H, stateful=True)), built(LSTM(H, stateful=True), B=B)
    assert free.states is None and [state.tolist() for state in fixed.states] == [[[0.0] * H] * B] * 2
    for layer in (free, fixed):
        layer(X)
        with pytest.raises(ValueError, match=r"LSTM is stateful: .* every batch has 2 rows, got 1\. Call reset_states"):
            layer(X[:1])
        layer.reset_state()
    free(X[:1])  # another stream
    with pytest.raises(ValueError, match="every batch has 2 rows, got 1"):
        fixed(X[:1])
    assert not np.any(fixed.states)


def test_states_of_other_shapes_are_refused() -> None:
    layer = built(LSTM(H, stateful=True))
    layer.states = [np.zeros((B, H))]
    with pytest.raises(ValueError, match=r"takes as initial_state \['h', 'c'\] of shapes"):
        layer(X)
    with pytest.raises(ValueError, match="takes 2 arrays as initial_state, got 1"):
        built(Bidirectional(GRU(H, stateful=True))).states = [np.zeros((B, H))]


@pytest.mark.parametrize("layer", [SimpleRNN(H), LSTM(H, return_state=True), GRU(H)], ids=lambda layer: layer.label)
def test_other_layers_carry_nothing(layer: Layer) -> None:
    """In Keras resetting them is no error, and does nothing: every batch begins with zeros already."""
    layer = built(layer.clone())
    y = layer(X)
    assert layer.states is None
    layer.reset_states()
    np.testing.assert_array_equal(layer(X), y)


def test_bidirectional_says_that_it_is_not_stateful() -> None:
    with pytest.raises(AttributeError, match="carries no states: give stateful=True to the layer that it wraps"):
        built(Bidirectional(GRU(H))).reset_states()


def test_building_anew_begins_with_zeros() -> None:
    layer = built(GRU(H, stateful=True))
    layer(X)
    assert built(layer).states is None
    copy = layer.clone()
    assert copy.stateful and copy.states is None and copy.describe() == "4 units, tanh, stateful"
