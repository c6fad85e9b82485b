"""Windows of a series, in Keras and here."""

from typing import Any

import numpy as np
import pytest

from scratchnn.utils import timeseries_dataset_from_array

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.long]
SERIES = np.random.default_rng(0).normal(size=(40, 3))
SETTINGS: list[dict[str, Any]] = [
    {"sequence_length": 5},
    {"sequence_length": 5, "sequence_stride": 4, "batch_size": 3},
    {"sequence_length": 4, "sampling_rate": 3, "sequence_stride": 2, "batch_size": 7},
    {"sequence_length": 3, "start_index": 6, "end_index": 31, "sampling_rate": 2},
    {"sequence_length": 40},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("targets", [None, SERIES[:, 0], SERIES[4:30]], ids=["none", "numbers", "fewer"])
def test_the_same_batches(settings: dict[str, Any], targets: Any, frameworks: tuple[Any, Any]) -> None:
    _, keras = frameworks
    if targets is not None and len(targets) < settings.get("end_index", 0):
        return  # Keras looks for targets beyond the last
    theirs = list(keras.utils.timeseries_dataset_from_array(SERIES, targets, **settings))
    ours = list(timeseries_dataset_from_array(SERIES, targets, **settings))
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        pairs = zip(one, other, strict=True) if targets is not None else [(one, other)]
        for found, wanted in pairs:
            np.testing.assert_array_equal(found, wanted.numpy())


def test_shuffled_windows_are_the_same_set(frameworks: tuple[Any, Any]) -> None:
    """Keras then takes them out of a buffer, by TensorFlow's draws."""
    _, keras = frameworks
    settings = {"sequence_length": 3, "batch_size": 4, "shuffle": True, "seed": 5}
    theirs = np.concatenate(
        [x.numpy() for x in keras.utils.timeseries_dataset_from_array(np.arange(30), None, **settings)]
    )
    ours = np.concatenate(list(timeseries_dataset_from_array(np.arange(30), None, **settings)))
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))
