"""Windows of a series: training on them, their order, and what is refused. tests/parity/ compares them with Keras'."""

import re
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.keras import preprocessing
from scratchnn.layers import GRU, Dense
from scratchnn.utils import set_random_seed, timeseries_dataset_from_array

SERIES = np.random.default_rng(0).normal(size=(60, 2))
TARGETS = SERIES[6:, 0]


def dataset(**options: Any) -> Any:
    return timeseries_dataset_from_array(**{"data": SERIES, "targets": TARGETS, "sequence_length": 6, **options})


def model() -> Sequential:
    made = Sequential([GRU(4), Dense(1)], seed=1)
    made.compile("adam", "mse")
    return made


def arrays() -> tuple[np.ndarray, np.ndarray]:
    return np.stack([SERIES[i : i + 6] for i in range(54)]), TARGETS


def test_training_on_windows_is_training_on_the_arrays() -> None:
    """In their order, although fit's shuffle is True: a dataset keeps its own, as in Keras."""
    one, other = model(), model()
    x, y = arrays()
    of_arrays = one.fit(x, y, batch_size=10, epochs=3, shuffle=False, validation_data=(x, y), verbose=0)
    batches = dataset(batch_size=10)
    of_windows = other.fit(batches, epochs=3, validation_data=dataset(batch_size=54), verbose=0)
    assert of_windows.history["loss"] == of_arrays.history["loss"]
    np.testing.assert_allclose(of_windows.history["val_loss"], of_arrays.history["val_loss"], rtol=1e-6)
    for weight, expected in zip(other.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    np.testing.assert_array_equal(other.predict(batches, verbose=0), one.predict(x, batch_size=10, verbose=0))
    windows = dataset(targets=None, batch_size=54)
    np.testing.assert_allclose(other.predict(windows, verbose=0)[:54], one.predict(x, verbose=0), rtol=1e-5, atol=1e-7)


def test_shuffled_windows_keep_their_targets_and_come_in_another_order_each_time() -> None:
    def passes(seed: int | None) -> list[np.ndarray]:
        shuffled = dataset(batch_size=10, shuffle=True, seed=seed)
        found = []
        for _ in range(3):
            x, y = (np.concatenate(parts) for parts in zip(*shuffled, strict=True))
            rows = np.array([np.flatnonzero(TARGETS == target)[0] for target in y])
            np.testing.assert_array_equal(x, arrays()[0][rows])
            assert sorted(rows) == list(range(54))
            found.append(rows)
        return found

    one, again, other = passes(1), passes(1), passes(2)
    assert all(np.array_equal(*pair) for pair in zip(one, again, strict=True))
    orders = {tuple(rows) for rows in (*one, *other)}
    assert len(orders) == 6 and tuple(range(54)) not in orders
    set_random_seed(0)
    without, after_models = passes(None), (model(), passes(None))[1]
    assert all(np.array_equal(*pair) for pair in zip(without, after_models, strict=True))
    set_random_seed(7)
    assert not np.array_equal(passes(None)[0], without[0])
    set_random_seed(0)


def test_a_shuffled_dataset_trains_to_the_same_weights_twice() -> None:
    one, other = model(), model()
    for each in (one, other):
        each.fit(dataset(batch_size=10, shuffle=True, seed=1), epochs=2, verbose=0)
    plain = model()
    plain.fit(dataset(batch_size=10), epochs=2, verbose=0)
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])
    assert np.abs(one.get_weights()[0] - plain.get_weights()[0]).max() > 1e-5


def test_how_many_there_are_and_the_first_of_them() -> None:
    batches = dataset(batch_size=10)
    assert len(batches) == 6 and [len(y) for _, y in batches] == [10] * 5 + [4]
    assert "6 times 10 windows of 6 steps" in repr(batches)
    assert [len(list(batches.take(count))) for count in (0, 2, 9, -1)] == [0, 2, 6, 6]
    first = batches.take(2)
    for (x, y), (x_again, y_again) in zip(first, batches, strict=False):
        np.testing.assert_array_equal(x, x_again)
        np.testing.assert_array_equal(y, y_again)
    assert len(list(first)) == 2, "it can be gone over again"
    assert len(dataset(batch_size=None)) == 54 and next(iter(dataset(batch_size=None)))[0].shape == (6, 2)
    assert preprocessing.timeseries_dataset_from_array is timeseries_dataset_from_array


def test_a_series_on_disk_is_not_read_as_a_whole(tmp_path: Any) -> None:
    path = tmp_path / "series.npy"
    np.save(path, SERIES)
    for got, expected in zip(dataset(data=np.load(path, mmap_mode="r")), dataset(), strict=True):
        np.testing.assert_array_equal(got[0], expected[0])
        assert type(got[0]) is np.ndarray


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sequence_length": 0}, "sequence_length must be a whole number of at least 1, got 0"),
        ({"sequence_length": 61, "targets": None}, "a window of 61 steps needs 61 rows of data and a target, got 60"),
        ({"targets": []}, "got 60 with 0 targets"),
        ({"sampling_rate": 12}, "needs 61 rows of data and a target, got 60"),
        ({"sampling_rate": 60}, "sampling_rate must be a whole number from 1 to 59, got 60"),
        ({"sequence_stride": 0}, "sequence_stride must be a whole number from 1 to 59, got 0"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"start_index": -1}, "start_index must be a whole number from 0 to 59, got -1"),
        ({"start_index": 60}, "start_index must be a whole number from 0 to 59, got 60"),
        ({"end_index": 60}, "end_index must be a whole number from 1 to 59, got 60"),
        ({"start_index": 20, "end_index": 20}, "end_index must be a whole number from 21 to 59, got 20"),
        ({"start_index": 20, "targets": TARGETS[:30]}, "row 49 starts a window, and targets end before it, after 30"),
        ({"seed": -1}, "seed must be a whole number from 0 to 4294967295, got -1"),
        ({"data": ["warm", "cold"]}, "data must be an array of numbers"),
        ({"data": 3.0}, "data must have an axis of time"),
        ({"format": "numpy"}, "format='numpy' is refused: what comes back belongs to no library"),
    ],
)
def test_what_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        dataset(**options)


def test_what_a_dataset_of_tensorflow_has_beside_it() -> None:
    assert len(dataset(format="tf")) == len(dataset(format="grain")) == 1
    for name in ("map", "batch", "prefetch", "cache", "shuffle", "repeat", "as_numpy_iterator", "element_spec"):
        with pytest.raises(AttributeError, match=rf"has no attribute '{name}': \w+"):
            getattr(dataset(), name)
