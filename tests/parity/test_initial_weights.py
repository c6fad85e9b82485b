"""What layers begin with against Keras 3.15.1: fresh weights as Keras shapes, packs and spreads them.

The recorded spreads are always there; `make long` draws with Keras itself as well.
"""

import math
import warnings
from typing import Any

import numpy as np
import pytest

from scratchnn import layers as ours
from tests.parity.cases import construct
from tests.parity.recording import Results, recorded
from tests.parity.start_cases import STARTS, StartCase

UNBOUNDED = ("random_normal", "orthogonal", "as it is")


def draw(case: StartCase) -> Results:
    def weights(number: int) -> list[np.ndarray]:
        layer = construct(ours, case.layer)
        layer.build(case.shape, backend="reference", seed=number)
        return layer.get_weights()

    return case.spread(weights)


def assert_is_keras(case: StartCase, got: Results, expected: Results) -> None:
    assert got.keys() == expected.keys()
    for key, theirs in expected.items():
        assert got[key].shape == theirs.shape, key
    for key, theirs in expected.items():
        for block, (mine, keras) in enumerate(zip(got[key].tolist(), theirs.tolist(), strict=True)):
            assert_is_as_spread(case, mine, keras, f"{key}, block {block}")


def assert_is_as_spread(case: StartCase, mine: list[float], keras: list[float], where: str) -> None:
    """To five deviations of what is compared, where that is left to chance."""
    (size, *got), (their_size, mean, deviation, largest) = mine, keras
    assert size == their_size, where
    if deviation == 0:
        assert got == [mean, 0, largest], where
        return
    assert got[0] == pytest.approx(mean, abs=5 * deviation * math.sqrt(2 / size)), where
    assert got[1] == pytest.approx(deviation, rel=5 / math.sqrt(size)), where
    if not case.name.endswith(UNBOUNDED):
        assert got[2] == pytest.approx(largest, rel=0.1), where


@pytest.mark.parametrize("name", STARTS)
def test_fresh_weights_are_spread_as_keras_spread_them(name: str) -> None:
    assert_is_keras(STARTS[name], draw(STARTS[name]), recorded("starts", name, STARTS[name]))


@pytest.mark.long
@pytest.mark.parametrize("name", STARTS)
def test_fresh_weights_are_spread_as_keras_spreads_them(name: str, frameworks: Any) -> None:
    from tests.parity.run_keras import start

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of an initializer used twice
        assert_is_keras(STARTS[name], draw(STARTS[name]), start(STARTS[name]))
