"""The checks that all arguments share: what they take, what they refuse, in which words."""

import math
from typing import Any

import numpy as np
import pytest

from scratchnn.core.checks import share, whole_number


@pytest.mark.parametrize("value", [1, 7, np.int8(7), np.uint64(7)])
def test_whole_numbers_of_all_kinds_become_ints(value: Any) -> None:
    assert type(whole_number("n", value, 1, 7)) is int
    assert whole_number("n", value, 1) == value


@pytest.mark.parametrize("value", [0, 8, -1, 2.0, np.float32(2), True, np.True_, "2", None, math.nan, [2]])
def test_what_is_no_whole_number_of_the_range_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^n must be a whole number from 1 to 7, got ") as caught:
        whole_number("n", value, 1, 7)
    assert str(caught.value).endswith(repr(value))


def test_without_an_upper_end_there_is_none() -> None:
    assert whole_number("n", 10**30, 1) == 10**30
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, got 0"):
        whole_number("n", 0, 1)


def test_large_ends_are_powers_of_two() -> None:
    with pytest.raises(ValueError, match=r"seed must be a whole number from 0 to 2\*\*64 - 1, got -1"):
        whole_number("seed", np.int64(-1).item(), 0, 2**64 - 1)


@pytest.mark.parametrize("value", [0, 0.0, 0.999, np.float32(0.5)])
def test_shares_become_floats(value: Any) -> None:
    assert type(share("rate", value)) is float
    assert share("rate", value) == value


@pytest.mark.parametrize("value", [1, -0.1, math.nan, math.inf, False, "0.5", None, 0.5j])
def test_what_is_no_share_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^rate must be at least 0 and below 1, got ") as caught:
        share("rate", value)
    assert str(caught.value).endswith(repr(value))
