"""Recurrent layers against Keras 3.15.1 over 100 and 200 steps, in float64.

Long enough for what short sequences cannot show: a gradient that is cut, counted twice or mixed up where a run of
steps ends. The recorded arrays are always there; `make long` runs the same cases through Keras itself as well.
"""

import warnings
from typing import Any

import numpy as np
import pytest

from tests.parity.long_cases import EARLY, LONG, LongCase
from tests.parity.recording import Results, recorded
from tests.parity.test_layers import run_ours

SHARE = 1e-9  # of an array's largest number: that far may two sums of 200 steps be apart in float64
FORWARDS_ONLY = [name for name in LONG if not name.startswith("Bidirectional")]


def assert_is_keras(case: LongCase, results: Results, expected: Results) -> None:
    got = case.kept(results)
    assert got.keys() == expected.keys()
    for key, array in expected.items():
        assert (got[key].shape, got[key].dtype) == (array.shape, np.float64), key
        np.testing.assert_allclose(got[key], array, rtol=0, atol=SHARE * np.abs(array).max(), err_msg=key)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("name", LONG)
def test_a_long_sequence_gives_what_keras_gave(name: str, backend: str) -> None:
    case = LONG[name]
    assert_is_keras(case, run_ours(case, backend), recorded("long", name, case))


@pytest.mark.parametrize("name", FORWARDS_ONLY)
def test_gradients_reach_the_first_step(name: str) -> None:
    """Otherwise a pass that loses them on the way would look right."""
    dx = np.abs(recorded("long", name, LONG[name])["dx"])
    assert dx[:, 0].max() > EARLY * dx.max()


@pytest.mark.long
@pytest.mark.parametrize("name", LONG)
def test_a_long_sequence_gives_what_keras_gives(name: str, frameworks: Any) -> None:
    from tests.parity.run_keras import run_long

    case = LONG[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_is_keras(case, run_ours(case, "cpu"), run_long(case))
