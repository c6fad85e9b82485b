"""Windows of a series, against a loop; Keras' own are compared in tests/parity/test_windows.py."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential
from scratchnn.layers import GRU, Dense
from scratchnn.utils import timeseries_dataset_from_array

SERIES = np.random.default_rng(0).normal(size=(23, 2)).astype(np.float32)
SETTINGS: list[dict[str, Any]] = [
    {},
    {"sequence_stride": 3},
    {"sampling_rate": 2, "batch_size": 4},
    {"start_index": 2, "end_index": 17, "sequence_stride": 2, "sampling_rate": 3, "batch_size": 3},
    {"batch_size": 1, "end_index": 6},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_each_window_and_its_target(settings: dict[str, Any]) -> None:
    targets = SERIES[5:, 0]  # shorter than the series
    found = list(timeseries_dataset_from_array(SERIES, targets, 4, **settings))
    rate, end = settings.get("sampling_rate", 1), settings.get("end_index", 23)
    windows = []
    for s in range(settings.get("start_index", 0), end, settings.get("sequence_stride", 1)):
        steps = [s + t * rate for t in range(4)]
        if steps[-1] < end and s < len(targets):
            windows.append((SERIES[steps], targets[s]))
    assert {len(x) for x, _ in found[:-1]} <= {settings.get("batch_size", 128)}
    x, y = (np.concatenate(parts) for parts in zip(*found, strict=True))
    np.testing.assert_array_equal(x, np.stack([window for window, _ in windows]))
    np.testing.assert_array_equal(y, [target for _, target in windows])
    assert x.dtype == np.float32


def test_shuffled_windows_keep_their_targets() -> None:
    dataset = timeseries_dataset_from_array(np.arange(50), np.arange(50) * 10, 3, batch_size=7, shuffle=True, seed=4)
    x, y = (np.concatenate(parts) for parts in zip(*dataset, strict=True))
    np.testing.assert_array_equal(y, x[:, 0] * 10)
    assert sorted(x[:, 0]) == list(range(48)) != x[:, 0].tolist()
    again = timeseries_dataset_from_array(np.arange(50), None, 3, batch_size=7, shuffle=True, seed=4)
    np.testing.assert_array_equal(np.concatenate(list(again)), x)


def test_a_model_takes_them() -> None:
    model = Sequential([Input((4, 2)), GRU(3), Dense(1)], seed=0, backend="reference")
    model.compile("adam", "mse")
    windows = timeseries_dataset_from_array(SERIES, SERIES[4:, :1], 4, batch_size=8)
    model.fit(windows, epochs=2, verbose=0)
    assert np.isfinite(model.evaluate(windows, verbose=0))
    assert model.predict(timeseries_dataset_from_array(SERIES, None, 4), verbose=0).shape == (20, 1)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"sequence_length": 24},
            "1 apart, spans 24 of them, which steps 0 to 23 of a series of 23",
        ),
        ({"sampling_rate": 8}, "a window of 4 steps, 8 apart, spans 25 of them"),
        ({"start_index": 20}, "which steps 20 to 23"),
        ({"targets": []}, "and 0 targets do not hold"),
        ({"sequence_stride": 0}, "sequence_stride must be a whole number of at least 1, got 0"),
        ({"end_index": 24}, "end_index must be a whole number from 0 to 23, got 24"),
        ({"start_index": -1}, "start_index must be a whole number from 0 to 23, got -1"),
        ({"batch_size": None}, "batch_size must be a whole number of at least 1, got None"),
        ({"shuffle": 1}, "shuffle must be True or False"),
        ({"seed": -1, "shuffle": True}, "seed must be a whole number"),
        ({"data": 3}, "must be series, got a single number"),
        ({"format": "grain"}, "scratchnn's own PyDataset"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        timeseries_dataset_from_array(**{"data": SERIES, "targets": None, "sequence_length": 4, **settings})


def test_a_batch_that_is_not_there() -> None:
    with pytest.raises(IndexError, match="there are 2 batches, got number 2"):
        timeseries_dataset_from_array(np.arange(5), None, 2, batch_size=2)[2]
