"""The checks of gradients on backend="gpu": a complex step through the reference, beside gradients of the device."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.gradients import check
from scratchnn.gradients.locate import locate, walkable
from scratchnn.gradients.whole_models import check_model, in_float64, random_input
from scratchnn.layers import LSTM, Dense, Embedding

pytestmark = pytest.mark.usefixtures("emulator", "complex_numbers_are_taken")


@pytest.mark.parametrize(("title", "make"), [form for kind in ("SimpleRNN", "LSTM", "GRU") for form in walkable(kind)])
def test_a_walk_on_the_device(title: str, make: Any) -> None:
    seen, found = locate(make, "gpu")
    assert found is None
    assert len(seen) == 14


def test_a_layer_and_a_model_on_the_device() -> None:
    layer = LSTM(3, return_sequences=True)
    layer.build((None, 4, 2), backend="gpu", dtype=np.float64)
    errors = check(layer, np.random.default_rng(0).normal(size=(2, 4, 2)))
    model = Sequential([Embedding(9, 3), LSTM(3), Dense(1, "sigmoid")], backend="gpu", seed=0)
    model.build((None, 5))
    copy = in_float64(model, "gpu")
    copy.compile("sgd", "binary_crossentropy")
    errors += check_model(copy, random_input(copy))
    assert all(error.ok for error in errors)
    assert [error.method.name for error in errors] == ["complex step"] * 10 + ["central differences"]
