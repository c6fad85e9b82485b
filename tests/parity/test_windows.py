"""Windows of a series, against Keras 3.15.1's: recorded, and live."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scratchnn.utils import timeseries_dataset_from_array
from tests.parity.recording import Results, recorded
from tests.parity.window_cases import WINDOWS, gone_over

CASES = pytest.mark.parametrize("name", WINDOWS)


def compare(name: str, expected: Results) -> None:
    got = gone_over(timeseries_dataset_from_array(**WINDOWS[name].arguments()))
    assert got.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_array_equal(got[key], array, err_msg=key)


@CASES
def test_windows_are_cut_as_in_keras(name: str) -> None:
    compare(name, recorded("windows", name, WINDOWS[name]))


def test_the_cases_are_not_all_alike() -> None:
    counts = [int(recorded("windows", name, case)["batches"]) for name, case in WINDOWS.items()]
    assert len(set(counts)) > 5 and min(counts) == 1


@pytest.mark.long
@CASES
def test_windows_are_cut_as_keras_cuts_them(name: str, run_keras: ModuleType) -> None:
    compare(name, run_keras.windows(WINDOWS[name].arguments()))


@pytest.mark.long
def test_shuffled_windows_are_keras_windows_in_another_order(run_keras: ModuleType) -> None:
    """With their targets; the draws are Keras' and ours."""
    arguments = {**WINDOWS["next step"].arguments(), "shuffle": True, "seed": 3}
    expected, got = run_keras.windows(arguments), gone_over(timeseries_dataset_from_array(**arguments))
    assert expected.keys() == got.keys()
    (y, x), (our_y, our_x) = (
        [np.concatenate([each[key] for key in each if key.startswith(part)]) for part in "yx"]
        for each in (expected, got)
    )
    assert not np.array_equal(y, our_y) and (np.diff(y) < 0).any() and (np.diff(our_y) < 0).any()
    np.testing.assert_array_equal(our_x[np.argsort(our_y)], x[np.argsort(y)])


@pytest.fixture(scope="module")
def run_keras(frameworks: Any) -> ModuleType:
    """Keras' side."""
    from tests.parity import run_keras

    return run_keras
