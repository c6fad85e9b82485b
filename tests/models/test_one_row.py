"""`predict` of one row, whose pass is recorded and repeated: the bits of the usual way, whatever is changed between."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.contract import Array

from scratchnn import Input, Sequential, layers
from scratchnn.activations import Activation
from scratchnn.callbacks import Callback

V, T = 50, 24
STACKS: dict[str, Callable[[], list[Any]]] = {
    "lstm": lambda: [layers.LSTM(32), layers.Dense(5, "relu"), layers.Dropout(0.5), layers.Dense(1, "sigmoid")],
    "gru": lambda: [layers.GRU(32), layers.Dropout(0.3), layers.Dense(9, "softmax")],
    "gru, reset before": lambda: [layers.GRU(7, reset_after=False, use_bias=False), layers.Dense(1, "tanh")],
    "rnn": lambda: [layers.SimpleRNN(6, return_sequences=True), layers.SimpleRNN(20), layers.Dense(1)],
    "cnn": lambda: [layers.Conv1D(8, 3), layers.MaxPooling1D(2), layers.Conv1D(8, 3), layers.GlobalMaxPooling1D()],
    "ff": lambda: [layers.Flatten(), layers.Dense(3), layers.Dense(1, "sigmoid", use_bias=False)],
}


def made_of(stack: list[Any], **settings: Any) -> Sequential:
    return Sequential([Input((T,)), layers.Embedding(V, 6, **settings), *stack], seed=3)


def texts(rows: int = 5) -> Array:
    """Ids, padded in front, more of it from row to row."""
    x = np.random.default_rng(1).integers(1, V, (rows, T))
    for row in range(rows):
        x[row, : 4 * row] = 0
    return x


def assert_rows_are_as_in_a_batch(model: Sequential, *, is_recorded: bool = True) -> None:
    x = texts()
    whole = model.predict(x)
    rows = [model.predict(row[None]) for row in [*x, *x[::-1]]]
    assert np.concatenate(rows[:5]).tobytes() == whole.tobytes()
    assert np.concatenate(rows[:4:-1]).tobytes() == whole.tobytes()
    known: Any = model._recorded_pass
    assert (known._x is not None) is is_recorded


@pytest.mark.parametrize("stack", STACKS)
def test_the_bits_are_those_of_a_batch(stack: str) -> None:
    assert_rows_are_as_in_a_batch(made_of(STACKS[stack]()))


@pytest.mark.parametrize(
    "unlike",
    [
        lambda: made_of([layers.LSTM(4), layers.Dense(1)], mask_zero=True),
        lambda: made_of([layers.LSTM(4, go_backwards=True), layers.Dense(1)]),
        lambda: made_of([layers.Conv1D(4, 3, padding="causal"), layers.GlobalMaxPooling1D()]),
        lambda: made_of([layers.GlobalAveragePooling1D(), layers.Dense(1)]),
        lambda: made_of(
            [
                layers.LSTM(4),
                layers.Dense(2, Activation("double", lambda a: a * 2, lambda dy, y: dy * 2)),
                layers.Dense(1),
            ]
        ),
    ],
)
def test_what_cannot_be_repeated_takes_the_usual_way(unlike: Callable[[], Sequential]) -> None:
    assert_rows_are_as_in_a_batch(unlike(), is_recorded=False)


def test_every_answer_is_an_array_of_its_own() -> None:
    model, x = made_of(STACKS["lstm"]()), texts()
    answers = [model.predict(row[None]) for row in x]
    answers[-1][:] = 9
    assert np.concatenate(answers[:-1]).tobytes() == model.predict(x)[:-1].tobytes()
    assert model.predict(x[:1]).tobytes() == answers[0].tobytes()


def _train(model: Sequential) -> None:
    model.compile("sgd", "mse")
    model.fit(texts(), np.arange(5) / 5, verbose=0)


def _freeze(model: Sequential) -> None:
    model.layers[1].trainable = False
    _train(model)


CHANGES: dict[str, Callable[[Sequential], object]] = {
    "trained": _train,
    "frozen and trained": _freeze,
    "weights set": lambda model: model.set_weights([2 * each for each in model.get_weights()]),
    "weights of a layer": lambda model: model.layers[1].set_weights([-each for each in model.layers[1].get_weights()]),
    "written into": lambda model: model.layers[-1].params["W"].fill(0.3),
    "other arrays": lambda model: model.layers[-1].set_params(
        {name: 2 * array for name, array in model.layers[-1].params.items()}
    ),
    "an activation": lambda model: setattr(model.layers[-1], "activation", "tanh"),
    "a layer added": lambda model: model.add(layers.Dense(2, "relu")),  # behind a sigmoid, which is array code
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_model_is_recorded_anew(change: str) -> None:
    model = made_of(STACKS["lstm"]())
    assert_rows_are_as_in_a_batch(model)
    before = model.predict(texts()[:1])
    CHANGES[change](model)
    after = model.predict(texts()[:1])
    assert after.tobytes() != before.tobytes()
    assert_rows_are_as_in_a_batch(model, is_recorded=change != "a layer added")


def test_a_layer_replaced_by_code_of_the_users_own_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made_of(STACKS["ff"]())
    assert_rows_are_as_in_a_batch(model)
    last: Any = model.layers[-1]
    monkeypatch.setattr(last, "forward", lambda x, **_: (np.full((len(x), 1), 7, np.float32), None))
    assert (model.predict(texts()[:1]) == 7).all() and (model.predict(texts()[:1]) == 7).all()


def test_states_go_on_and_callbacks_are_told() -> None:
    told = []

    class Told(Callback):
        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            told.append(logs["outputs"].shape)

    model = Sequential([Input((T, 3), batch_size=1), layers.LSTM(4, stateful=True)], seed=1)
    x = np.random.default_rng(0).normal(size=(1, T, 3)).astype(np.float32)
    first, second, third = (model.predict(x, callbacks=[Told()]) for _ in range(3))
    model.reset_states()
    assert [model.predict(x).tobytes() for _ in range(3)] == [each.tobytes() for each in (first, second, third)]
    assert len({each.tobytes() for each in (first, second, third)}) == 3
    plain = made_of(STACKS["ff"]())
    assert_rows_are_as_in_a_batch(plain)
    plain.predict(texts()[:1], callbacks=[Told()])
    assert told == [(1, 4)] * 3 + [(1, 1)]


def test_bad_input_is_refused_as_ever() -> None:
    model = made_of(STACKS["lstm"]())
    assert_rows_are_as_in_a_batch(model)
    row = texts()[:1]
    with pytest.raises(ValueError, match="rows for ids 0 to 49, got ids from 50"):
        model.predict(np.full_like(row, V))
    with pytest.raises(ValueError, match="NaN or infinite"):
        model.predict(np.full((1, T), np.nan))
    with pytest.raises(ValueError, match="without a batch axis"):
        model.predict(row[0])
    with pytest.raises(ValueError, match="steps"):
        model.predict(row, steps=0)
    assert_rows_are_as_in_a_batch(model)


def test_lengths_types_and_layouts_may_change_from_row_to_row() -> None:
    model = Sequential([Input((None,)), layers.Embedding(V, 6), layers.LSTM(8)], seed=1)
    x = texts(1)
    for length in (5, 5, 5, 9, 9, 5, 9, 9, 9):
        for row in (x[:, :length], x[:, :length].astype(float), np.asfortranarray(x.astype(np.int32))[:, :length]):
            assert model.predict(row).tobytes() == model.predict(np.repeat(row, 2, axis=0))[:1].tobytes()


def test_several_threads_predict_at_once() -> None:
    model, x = made_of(STACKS["gru"]()), texts()
    whole, wrong = model.predict(x), []

    def work(first: int) -> None:
        for n in range(200):
            row = (first + n) % len(x)
            if model.predict(x[row : row + 1]).tobytes() != whole[row : row + 1].tobytes():
                wrong.append(row)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
