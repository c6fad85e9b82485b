"""A `Symbol` has no numbers: what would need them says what to write instead. A model's outputs start at its Input."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential
from scratchnn.layers import LSTM, Cropping1D, Dense, Embedding, Lambda


def disconnected() -> Model:
    a, b = Input((12,)), Input((12,))
    return Model(b, Dense(1)(LSTM(3)(Embedding(50, 4)(a))))


def a_state_of_another_chain() -> Model:
    a, b = Input((12, 2)), Input((12, 2))
    y, _, _ = LSTM(3, return_state=True)(a)
    return Model(b, y)


@pytest.mark.parametrize("construct", [disconnected, a_state_of_another_chain])
def test_outputs_of_another_input_are_refused_whatever_its_shape(construct: Callable[[], Model]) -> None:
    with pytest.raises(ValueError, match=r"outputs start from another Input, of shape .* give that one"):
        construct()


def test_a_model_of_the_right_input_next_to_another_one() -> None:
    a, b = Input((2,)), Input((2,))
    first, second = Model(a, Dense(1)(a)), Model(b, Dense(1)(b))
    assert first.count_params() == second.count_params() == 3
    assert Model.from_config(first.get_config()).count_params() == 3  # with an Input of its own


@pytest.mark.parametrize(
    ("construct", "message"),
    [
        (
            lambda i: Model(Dense(3)(i), Dense(1)(i)),
            r"got the output of Dense, of shape \(None, 2, 3\) and the output of ",
        ),
        (lambda i: Model(i, i), r"got an Input, of shape \(None, 2, 2\) and an Input"),
        (
            lambda i: Model([i, Input((2,))], Dense(1)(i)),
            "a model here has one Input, and states are none: give them to",
        ),
    ],
)
def test_what_is_no_input_or_output_is_named(construct: Callable[[Any], Model], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        construct(Input((2, 2)))


SYMBOL: Any = Input((6, 3))
NO_NUMBERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "the last step": (lambda s: s[:, -1], "return_sequences=False gives the last time step alone, Cropping1D"),
    "times 2": (lambda s: s * 2, r"^\* cannot be used on an Input, of shape \(None, 6, 3\), .* Lambda\(function"),
    "2 times": (lambda s: 2 * s, "Lambda"),
    "minus": (lambda s: -s, "Lambda"),
    "larger": (lambda s: s > 0, "Lambda"),
    "plus another": (lambda s: s + Input((6, 3)), "one chain of layers, without branches"),
    "an array plus it": (lambda s: np.ones((6, 3)) + s, r"^numpy\.add cannot be used on .* Lambda"),
    "np.add of two": (lambda s: np.add(s, Input((6, 3))), r"^numpy\.add .* without branches"),
    "np.concatenate": (lambda s: np.concatenate([s, Input((6, 3))]), r"^numpy\.concatenate .* without branches"),
    "np.mean": (lambda s: np.mean(s, axis=1), r"^numpy\.mean .* Lambda"),
    "as an array": (np.asarray, "^NumPy cannot be used on"),
    "len": (len, "^len cannot be used on"),
    "a truth value": (bool, "^a truth value cannot be used on"),
    "float": (float, "^float cannot be used on"),
    "unpacked": (lambda s: [*LSTM(3)(s)], r"the output of LSTM, of shape \(None, 3\).* return_state=True"),
    "predicted": (lambda s: Sequential([s, Dense(1)]).predict(s), "has no numbers before data come"),
}


@pytest.mark.parametrize("what", NO_NUMBERS)
def test_a_symbol_says_what_to_do_instead(what: str) -> None:
    use, message = NO_NUMBERS[what]
    with pytest.raises(TypeError, match=message):
        use(SYMBOL)


def test_what_is_advised_works() -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)

    def backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        dx = np.zeros_like(x)
        dx[:, 0] = dy
        return dx

    first = Lambda(lambda x: x[:, 0], backward=backward)
    inputs = Input((6, 3))
    np.testing.assert_array_equal(Model(inputs, first(Cropping1D((2, 0))(inputs))).predict(x), x[:, 2])
    lstm = LSTM(3, return_sequences=True)
    steps = Model(inputs, lstm(inputs)).predict(x)
    last = LSTM(3)
    model = Model(inputs, last(inputs))
    model.set_weights(lstm.get_weights())
    np.testing.assert_array_equal(model.predict(x), steps[:, -1])
