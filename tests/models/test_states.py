"""States of a model's recurrent layers: given, returned, and carried along a stream."""

import copy
import pickle  # noqa: TID251 - the package has none; its users do
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, load_model
from scratchnn.callbacks import Callback
from scratchnn.layers import GRU, LSTM, Bidirectional, Dense, Embedding, SimpleRNN
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.optimizers import SGD
from scratchnn.training.progress import NonFiniteError, Progress

B, T, D, H, V = 3, 8, 2, 4, 11
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D)).astype(np.float32)
Y = RNG.normal(size=(B, 1)).astype(np.float32)
IDS = RNG.integers(0, V, (7, T))
BACKENDS = pytest.mark.parametrize("backend", ["reference", "cpu"])
SEQUENCES = {"return_sequences": True}


def stack(backend: str = "reference", *, dtype: str = "float32", masked: bool = False, **options: Any) -> Model:
    """Two recurrent layers, of which the first returns its states to nobody, and a Dense."""
    start = Input((None,) if masked else (None, D))
    x = Embedding(V, D, mask_zero=True)(start) if masked else start
    y, *_ = LSTM(H, return_state=True, **SEQUENCES, **options)(x)
    return Model(start, Dense(1)(GRU(H + 1, **SEQUENCES, **options)(y)), backend=backend, seed=1, dtype=dtype)


# ---- given and returned


@BACKENDS
@pytest.mark.parametrize("masked", [False, True])
def test_a_sequence_in_two_parts_is_the_sequence(backend: str, masked: bool) -> None:
    model, x = stack(backend, masked=masked), IDS if masked else np.concatenate([X, X, X[:1]])
    whole, end = model.predict(x, return_state=True)
    first, states = model.predict(x[:, :3], batch_size=4, return_state=True)
    second, last = model.predict(x[:, 3:], batch_size=4, initial_state=states, return_state=True)
    assert {name: [each.shape for each in state] for name, state in states.items()} == {
        "lstm": [(7, H), (7, H)],
        "gru": [(7, H + 1)],
    }
    np.testing.assert_array_equal(model.predict(x), whole)
    if not masked:  # before the first real step of a part, a masked step shows zeros: see Recurrent
        np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=1e-5, atol=1e-6)
        for name, state in end.items():
            for got, expected in zip(last[name], state, strict=True):
                np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_a_layer_that_is_left_out_begins_with_zeros() -> None:
    model = stack()
    _, states = model.predict(X, return_state=True)
    one = model.predict(X, initial_state={"gru": states["gru"]})
    zeros = [np.zeros((B, H))] * 2
    np.testing.assert_array_equal(one, model.predict(X, initial_state={"lstm": zeros, "gru": states["gru"]}))
    assert np.abs(one - model.predict(X)).max() > 1e-3


def test_a_last_layer_with_return_state_gives_both() -> None:
    start = Input((None, D))
    model = Model(start, list(LSTM(H, return_state=True)(start)))
    y, h, c = model.predict(X)
    (again, *_), states = model.predict(X, return_state=True)
    assert np.array_equal(again, y) and np.array_equal(states["lstm"], [h, c])
    both = Sequential([Input((None, D)), Bidirectional(GRU(H, return_state=True))])
    (y, *ends), states = both.predict(X, return_state=True)
    assert np.array_equal(states["bidirectional"], ends) and y.shape == (B, 2 * H)


@pytest.mark.parametrize("cut", [1, 5])
def test_gradients_go_on_through_states_that_are_given(cut: int) -> None:
    """Two windows, the second backward pass first, have together the gradient of the whole."""
    model = stack(dtype="float64")
    dy, dend = RNG.normal(size=(B, T, 1)), RNG.normal(size=(B, H))
    _, caches, _ = model.forward(X, return_state=True)
    dx, grads = model.backward(dy, caches, {"lstm": [None, dend]})
    whole = dx, grads.copy()

    _, caches1, states = model.forward(X[:, :cut], return_state=True)
    _, caches2, _ = model.forward(X[:, cut:], initial_state=states, return_state=True)
    dx2, grads, dstates = model.backward(dy[:, cut:], caches2, {"lstm": [None, dend]})
    grads2 = grads.copy()
    assert {name: len(state) for name, state in dstates.items()} == {"lstm": 2, "gru": 1}
    dx1, grads1 = model.backward(dy[:, :cut], caches1, dstates)
    np.testing.assert_allclose(np.concatenate([dx1, dx2], axis=1), whole[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(grads1 + grads2, whole[1], rtol=1e-10, atol=1e-12)


def test_gradients_of_states_that_are_outputs_too_add_up() -> None:
    start = Input((None, D))
    model = Model(start, list(LSTM(H, return_state=True)(start)), dtype="float64")
    dy, dh, dc = RNG.normal(size=(3, B, H))
    _, caches, _ = model.forward(X, return_state=True)
    expected = model.backward((dy, dh, 2 * dc), caches)[1].copy()
    np.testing.assert_allclose(model.backward((dy, dh, dc), caches, {"lstm": [None, dc]})[1], expected, rtol=1e-12)
    np.testing.assert_allclose(model.backward((dy, None, dc), caches, {"lstm": [dh, dc]})[1], expected, rtol=1e-12)


def test_gradients_of_given_states_are_differences_of_the_output() -> None:
    model = Sequential([Input((None, D)), Bidirectional(LSTM(H, **SEQUENCES)), GRU(H), Dense(1)], dtype="float64")
    states = {"bidirectional": [RNG.normal(size=(B, H)) for _ in range(4)], "gru": [RNG.normal(size=(B, H))]}
    dy = RNG.normal(size=(B, 1))

    def loss() -> float:
        return float((model.forward(X, initial_state=states)[0] * dy).sum())

    *_, dstates = model.backward(dy, model.forward(X, initial_state=states)[1])
    for name, arrays in states.items():
        for array, gradient in zip(arrays, dstates[name], strict=True):
            array[1, 2] += 1e-5
            above = loss()
            array[1, 2] -= 2e-5
            assert gradient[1, 2] == pytest.approx((above - loss()) / 2e-5, rel=1e-6)
            array[1, 2] += 1e-5


ZEROS = np.zeros((B, H))
REFUSED: list[tuple[Callable[[Model], Any], str]] = [
    (lambda m: m.predict(X, initial_state=[ZEROS]), r"is a dict \{'lstm': \[h, c\], 'gru': \[h\]\}, .* got list"),
    (lambda m: m.predict(X, initial_state={"ltsm": [ZEROS]}), r"got \['ltsm'\]"),
    (lambda m: m.forward(X, initial_state={"dense": [ZEROS]}), r"got \['dense'\]"),
    (lambda m: m.predict(X, initial_state={"lstm": [ZEROS]}), r"LSTM 'lstm' takes as initial_state \['h', 'c'\]"),
    (lambda m: m.predict(X, initial_state={"gru": [ZEROS]}), r"of shapes \[\(3, 5\)\]; got shapes \[\(3, 4\)\]"),
    (lambda m: m.predict(X[:2], initial_state={"lstm": [ZEROS] * 2}), r"shapes \[\(2, 4\), \(2, 4\)\]; got .*\(3, 4\)"),
    (
        lambda m: m.backward(np.zeros((B, T, 1)), m.forward(X)[1], {"gru": [ZEROS]}),
        "GRU 'gru' returned no states in this pass: call forward with return_state=True",
    ),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_does_not_fit_is_refused(call: Callable[[Model], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(stack())


def test_both_directions_are_named() -> None:
    model = Sequential([Input((None, D)), Bidirectional(LSTM(H))])
    with pytest.raises(ValueError, match=r"\{'bidirectional': \[forward.h, forward.c, backward.h, backward.c\]\}"):
        model.predict(X, initial_state={"lstm": [ZEROS] * 4})
    with pytest.raises(ValueError, match="Bidirectional 'bidirectional' takes 4 arrays as initial_state, got 2"):
        model.predict(X, initial_state={"bidirectional": [ZEROS] * 2})


def test_states_are_no_inputs_of_a_chain() -> None:
    start, state = Input((None, D)), Input((H,))
    with pytest.raises(
        TypeError, match=r"GRU: initial_state cannot be given in a chain. Give it to the model: model\."
    ):
        GRU(H)(start, initial_state=state)
    with pytest.raises(
        TypeError, match=r"one Input, and states are none: give them to model\.predict\(x, initial_state="
    ):
        Model([start, state], GRU(H)(start))


# ---- carried along a stream


def stream(backend: str = "reference", *layers: Any, rows: int | None = None, **options: Any) -> Sequential:
    layers = layers or (LSTM(H, stateful=True), Dense(1))
    model = Sequential([Input((None, D), batch_size=rows), *copy.deepcopy(layers)], backend=backend, seed=1, **options)
    model.compile(SGD(0.1), "mse")
    return model


def carried(model: Any) -> list[Any]:
    return [state.tolist() for states in model.states.values() for state in states or []]


def test_truncated_backpropagation_through_time_by_hand() -> None:
    """Three windows: the states go on, the gradient does not. With no truncation the weights would be others."""
    model = stream("reference", SimpleRNN(H, stateful=True), Dense(1), dtype="float64")
    Wx, Wh, b, W, c = (weight.copy() for weight in model.get_weights())
    x, targets = RNG.normal(size=(3, B, 4, D)), RNG.normal(size=(3, B, 1))
    start = np.zeros((B, H))
    for window, target in zip(x, targets, strict=True):
        loss = model.train_on_batch(window, target)
        h = [start]
        for t in range(4):
            h.append(np.tanh(window[:, t] @ Wx + h[t] @ Wh + b))
        error = h[-1] @ W + c - target
        assert loss == pytest.approx(np.mean(error**2), rel=1e-12)
        dy = 2 * error / error.size
        dW, dc, dh = h[-1].T @ dy, dy.sum(0), dy @ W.T
        dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
        for t in reversed(range(4)):
            da = dh * (1 - h[t + 1] ** 2)
            dWx, dWh, db, dh = dWx + window[:, t].T @ da, dWh + h[t].T @ da, db + da.sum(0), da @ Wh.T
        start = h[-1]
        for weight, gradient in ((Wx, dWx), (Wh, dWh), (b, db), (W, dW), (c, dc)):
            weight -= 0.1 * gradient
        for got, expected in zip(model.get_weights(), (Wx, Wh, b, W, c), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-10)
    np.testing.assert_allclose(model.layers[0].states[0], start, rtol=1e-12)


@BACKENDS
def test_fit_is_its_steps_and_epochs_go_on(backend: str) -> None:
    """Keras resets nothing between epochs; a callback does."""
    x, y = np.concatenate([X, 2 * X, 3 * X]), np.concatenate([Y, Y, Y])
    fitted, stepped = stream(backend, rows=B), stream(backend, rows=B)
    fitted.fit(x, y, B, epochs=2, shuffle=False, verbose=0)
    for _ in range(2):
        for rows in (slice(0, 3), slice(3, 6), slice(6, 9)):
            stepped.train_on_batch(x[rows], y[rows])
    assert carried(fitted) == carried(stepped)
    np.testing.assert_array_equal(fitted.flat_params, stepped.flat_params)

    class Reset(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.reset_states()

    again = stream(backend, rows=B)
    again.fit(x, y, B, epochs=2, shuffle=False, verbose=0, callbacks=[Reset()])
    assert carried(again) != carried(fitted)


def test_every_pass_moves_the_states_on_as_in_keras() -> None:
    """Tried in Keras 3.15.1: fit, evaluate, predict and validation each begin where the pass before ended."""
    model = stream(rows=B)
    model.optimizer.learning_rate = 1e-12
    moves: list[Callable[[], Any]] = [
        lambda: model.predict(X),
        lambda: model.evaluate(X, Y, verbose=0),
        lambda: model.train_on_batch(X, Y),
        lambda: model.fit(X, Y, verbose=0, shuffle=False),
        lambda: model.forward(X),
    ]
    for move in moves:
        before = carried(model)
        move()
        assert carried(model) != before
    model.reset_states()
    model.fit(X, Y, verbose=0, shuffle=False)
    model.predict(3 * X)
    after = carried(model)
    model.reset_states()
    model.fit(X, Y, verbose=0, shuffle=False, validation_data=(3 * X, Y))
    assert np.allclose(carried(model), after, atol=1e-6)
    model.reset_states()
    assert not np.any(carried(model))


def test_states_have_names_and_can_be_put_back() -> None:
    model = stream("cpu", LSTM(H, stateful=True, **SEQUENCES), Bidirectional(GRU(H, stateful=True)), Dense(1))
    assert model.states == {"lstm": None, "bidirectional": None}
    model.predict(X)
    states = model.states
    assert {name: len(state or []) for name, state in states.items()} == {"lstm": 2, "bidirectional": 2}
    y = model.predict(X)
    model.states = states
    np.testing.assert_array_equal(model.predict(X), y)


@pytest.mark.parametrize("rows", [None, B])
def test_a_loaded_stream_can_begin_anew_with_its_batch(rows: int | None, tmp_path: Path) -> None:
    model = stream(rows=rows)
    y = model.predict(X)
    model.save(tmp_path / "stream.npz")
    loaded = load_model(tmp_path / "stream.npz")
    assert loaded.input_shape == (rows, None, D) and list(loaded.states) == ["lstm"]
    loaded.reset_states()
    np.testing.assert_array_equal(loaded.predict(X), y)
    assert carried(loaded) == carried(model)


SIZES: list[tuple[Callable[[Sequential], Any], str]] = [
    (lambda m: m.fit(X[:2], Y[:2], verbose=0, shuffle=False), "2 rows in batches of 32 are not"),
    (lambda m: m.fit(LONG, LONG_Y, 3, verbose=0, shuffle=False), "8 rows in batches of 3 are not. Give batch_size=3"),
    (lambda m: m.fit(LONG, LONG_Y, 4, verbose=0, shuffle=False), "8 rows in batches of 4 are not"),
    (lambda m: m.fit(X, Y, verbose=0, shuffle=False, validation_data=(X[:2], Y[:2])), "2 rows in batches of 32 are"),
    (lambda m: m.fit(LONG[:6], LONG_Y[:6], 3, verbose=0, shuffle=False, validation_split=0.2), "4 rows in batches of"),
    (lambda m: m.evaluate(LONG, LONG_Y, verbose=0), "8 rows in batches of 32 are not"),
    (lambda m: m.predict(LONG, 3), "every batch has 3 rows, but 8 rows in batches of 3"),
    (lambda m: m.train_on_batch(X[:2], Y[:2]), "2 rows in batches of 2 are not"),
]
LONG, LONG_Y = np.concatenate([X, X, X[:2]]), np.concatenate([Y, Y, Y[:2]])


@BACKENDS
@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("way", ["file", "checkpoint", "pickle", "deepcopy"])
def test_a_stream_goes_on_in_a_file_and_in_a_copy(way: str, backend: str, both_ways: bool, tmp_path: Path) -> None:
    """To the same bits: what is carried is a part of the model."""
    layer: Any = LSTM(H, stateful=True, **SEQUENCES)
    layers = [Bidirectional(layer) if both_ways else layer, GRU(3, stateful=True), Dense(1)]
    model = Sequential([Input((None, D)), *layers], backend=backend, seed=1)
    model.compile("adam", "mse")
    windows = [(RNG.normal(size=(B, 3, D)), RNG.normal(size=B)) for _ in range(4)]
    for window in windows[:2]:
        model.train_on_batch(*window)
    match way:
        case "file":
            model.save(tmp_path / "m.npz")
            other = load_model(tmp_path / "m.npz")
        case "checkpoint":
            save_checkpoint(model, Progress(), tmp_path / "c.npz")
            other, _ = load_checkpoint(tmp_path / "c.npz")
        case "pickle":
            other = pickle.loads(pickle.dumps(model))
        case _:
            other = copy.deepcopy(model)
    for window in windows[2:]:
        assert other.train_on_batch(*window) == model.train_on_batch(*window)
    x = windows[0][0]
    assert other.predict(x).tobytes() == model.predict(x).tobytes()
    other.reset_states()
    assert other.predict(x).tobytes() != model.predict(x).tobytes()  # they carry their own


@pytest.mark.parametrize(("call", "message"), SIZES)
@pytest.mark.parametrize("fixed", [True, False])
def test_batches_of_another_size_are_refused_before_anything_happens(
    call: Callable[[Sequential], Any], message: str, fixed: bool
) -> None:
    """Keras' predict on 5 rows in batches of 4 returns 8 rows; its fit stops in the middle of an epoch."""
    model = stream(rows=B if fixed else None)
    model.predict(X)
    before = [*carried(model), model.flat_params.tobytes()]
    with pytest.raises(ValueError, match=f"LSTM 'lstm' is stateful: .*{message}"):
        call(model)
    assert [*carried(model), model.flat_params.tobytes()] == before


def test_another_stream_may_have_another_size_after_a_reset() -> None:
    model = stream()
    model.predict(X)
    model.reset_states()
    assert model.predict(X[:1]).shape == (1, 1)
    fixed = stream(rows=B)
    fixed.reset_states()
    with pytest.raises(ValueError, match="every batch has 3 rows, but 1 rows"):
        fixed.predict(X[:1])


def test_shuffling_a_stream_is_warned_of() -> None:
    with pytest.warns(
        UserWarning, match=r"lstm: states are carried from each row .* Give fit\(\.\.\., shuffle=False\)"
    ):
        stream().fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    "start", [Input((None, D), batch_size=B), Input((None, D), B), Input(batch_shape=(B, None, D))], ids=range(3)
)
def test_a_shape_with_its_batch_is_shown_and_kept(start: Any) -> None:
    layer = GRU(H, stateful=True)
    for model in (Sequential([start, layer, Dense(1)]), Model(start, Dense(1)(GRU(H, stateful=True)(start)))):
        assert model.input_shape == (B, None, D) and model.output_shape == (B, 1)
        assert model.layers[0].states[0].shape == (B, H)
        words: list[str] = []
        model.summary(print_fn=words.append)
        assert f"({B}, {H})" in words[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Input takes shape="),
        ({"shape": (3,), "batch_shape": (2, 3)}, "or batch_shape= alone"),
        ({"batch_size": 2, "batch_shape": (2, 3)}, "or batch_shape= alone"),
        ({"shape": (3,), "batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"batch_shape": ("2", 3)}, "batch_size must be a whole number of at least 1, got '2'"),
    ],
)
def test_an_input_says_what_it_takes(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Input(**arguments)


def test_a_step_that_is_refused_moves_no_state() -> None:
    model = stream()
    model.train_on_batch(X, Y)
    before = [*carried(model), model.flat_params.tobytes()]
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError):
        model.train_on_batch(X, Y * np.float32(1e30))
    assert [*carried(model), model.flat_params.tobytes()] == before
