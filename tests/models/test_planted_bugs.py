"""Mistakes planted into what a model begins with and draws: each must be noticed by the tests that are named beside it.

A test notices a fault when it fails. That it passes without one is what the test run itself shows.
"""

from collections.abc import Callable
from typing import Any

import pytest

from scratchnn import Sequential
from tests.core import test_streams as places
from tests.models import test_initial_state as start
from tests.parity import test_initial_weights as spread
from tests.planting import plant
from tests.training import test_dropout_draws as draws

Tests = list[Callable[[], None]]


def biases(*names: str) -> Tests:
    test = start.test_biases_begin_at_zero_but_those_of_a_forget_gate_at_one
    return [lambda name=name: test(name, "cpu") for name in names]


def spreads(*names: str) -> Tests:
    return [lambda name=name: spread.test_fresh_weights_are_spread_as_keras_spread_them(name) for name in names]


def streams(*names: str) -> Tests:
    """What looks at the streams of weights: in six layers of a kind, and in one of each kind."""
    return [
        *(lambda name=name: start.test_six_equal_layers_begin_differently(name, "cpu") for name in names),
        *(lambda b=backend: start.test_no_number_is_drawn_twice_in_a_model(b) for backend in ("reference", "cpu")),
    ]


BOTH_WAYS = ("SimpleRNN, both ways", "LSTM, both ways", "GRU, both ways")
BODY = "\n            self.params["  # of build
FORGET = f"if self.use_bias and self.unit_forget_bias:{BODY}"
STREAM = '"weights", layer=index)'
# (module, name, text, what replaces it, the tests that must notice)
FAULTS: list[tuple[str, str, str, str, Tests]] = [
    (
        "scratchnn.layers.lstm", "unit_forget_bias ignored", FORGET, f"if self.use_bias:{BODY}",
        [*biases("LSTM, told not to", "both ways, told not to"), *spreads("LSTM without forget bias, as it is")],
    ),
    (
        "scratchnn.layers.lstm", "no forget bias", FORGET, f"if False:{BODY}",
        [*biases("LSTM", "LSTM, told to", "LSTM, twos", "both ways"), *spreads("LSTM, as it is")],
    ),
    (
        "scratchnn.layers.lstm", "another gate's bias", "self.units : 2 * self.units", ": self.units",
        [*biases("LSTM", "both ways"), *spreads("LSTM, as it is", "Bidirectional LSTM, as it is")],
    ),
    (
        "scratchnn.layers.bidirectional", "both directions begin alike",
        "backward_layer.build(input_shape, index=index + 2**32", "backward_layer.build(input_shape, index=index",
        streams(*BOTH_WAYS),
    ),
    (
        "scratchnn.layers.bidirectional", "a direction begins like the next layer",
        "backward_layer.build(input_shape, index=index + 2**32", "backward_layer.build(input_shape, index=index + 1",
        streams(*BOTH_WAYS),
    ),
    ("scratchnn.layers.base", "one stream for all layers", STREAM, STREAM.replace("index", "0"), streams(*start.SIX)),
    (
        "scratchnn.layers.base", "one stream for every other layer", STREAM, STREAM.replace("index", "index % 2"),
        streams(*start.SIX),
    ),
    (
        "scratchnn.layers.recurrent", "a bias with the fans of another array", "self.rule.spread(of) / own", "1.0",
        spreads("GRU, he_normal", "LSTM, glorot_uniform", "Bidirectional LSTM, he_normal"),
    ),
    (
        "scratchnn.core.randomness", "masks come again after 1,024 steps", "step % 2**28", "step % 2**10",
        [places.test_no_two_streams_share_a_word],
    ),
    (
        "scratchnn.core.randomness", "masks of layer 32 are those of layer 0", "layer % 2**14", "layer % 2**5",
        [places.test_no_two_streams_share_a_word],
    ),
]  # fmt: skip


def notices(test: Callable[[], None]) -> bool:
    try:
        test()
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize(
    ("module", "text", "instead", "tests"),
    [pytest.param(module, *fault, id=name) for module, name, *fault in FAULTS],
)
def test_a_fault_is_noticed(
    module: str, text: str, instead: str, tests: Tests, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(module, text, instead, monkeypatch)
    assert [notices(test) for test in tests] == [True] * len(tests)


def inference(*names: str) -> Tests:
    test = draws.test_inference_gives_what_a_model_without_dropout_gives
    return [lambda name=name, b=backend: test(name, b) for name in names for backend in ("reference", "cpu")]


def on_both(test: Callable[[str], None]) -> Tests:
    return [lambda b=backend: test(b) for backend in ("reference", "cpu")]


STEP_BY_STEP: Tests = [lambda: draws.test_no_mask_comes_again_in_another_step_or_epoch("cpu")]
INSIDE_OF_FIT = on_both(draws.test_validation_and_callbacks_inside_of_fit_drop_nothing)
# (method of a model, name, what its forward passes are told instead, the tests that must notice)
TOLD: list[tuple[str, str, dict[str, Any], Tests]] = [
    (
        "train_on_batch", "every call repeats its masks", {"epoch": 0, "step": 0},
        [
            *on_both(draws.test_no_mask_comes_again_in_another_call),
            draws.test_no_mask_of_fit_comes_again_when_training_goes_on_batch_by_batch,
        ],
    ),
    ("fit", "every epoch repeats its masks", {"epoch": 0}, STEP_BY_STEP),
    ("fit", "every step repeats its masks", {"step": 0}, STEP_BY_STEP),
    ("predict", "dropout left on", {"training": True}, [*inference("Dropout", "LSTM", "both ways"), *INSIDE_OF_FIT]),
    ("evaluate", "dropout left on", {"training": True}, [*inference("Dropout", "LSTM", "both ways"), *INSIDE_OF_FIT]),
    ("measure", "dropout left on in validation", {"training": True}, INSIDE_OF_FIT),
    ("fit", "dropout left on in validation and callbacks", {"training": True}, INSIDE_OF_FIT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "told", "tests"), [pytest.param(method, *fault, id=f"{method}: {name}") for method, name, *fault in TOLD]
)
def test_a_method_that_tells_its_forward_passes_something_wrong_is_noticed(
    method: str, told: dict[str, Any], tests: Tests, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = getattr(Sequential, method)

    def wrong(model: Any, *arguments: Any, **options: Any) -> Any:
        forward = model.forward
        with monkeypatch.context() as patch:
            patch.setattr(model, "forward", lambda x, **given: forward(x, **given | told))
            return right(model, *arguments, **options)

    monkeypatch.setattr(Sequential, method, wrong, raising=False)
    assert [notices(test) for test in tests] == [True] * len(tests)


def test_dropout_left_on_in_every_forward_pass_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    head = "caches, last, head = Caches(), self._layers[-1], self.head if pre_activation else None"
    plant("scratchnn.models.model", head, f"{head}\n        training = True", monkeypatch)
    tests = [*inference(*(name for name in draws.WITH_DROPOUT if name != "a cell")), *INSIDE_OF_FIT]
    assert [notices(test) for test in tests] == [True] * len(tests)
