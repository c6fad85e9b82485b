"""A series of measurements as windows to learn from, in Keras' words."""

from collections.abc import Iterator
from copy import copy
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Shaped

from scratchnn.core.arrays import as_numbers
from scratchnn.core.attributes import Attributes, heeds_keras_in
from scratchnn.core.checks import flag, whole_number
from scratchnn.core.randomness import data_seed, generator

_PLAIN = "its batches are NumPy arrays, and going over it gives them"
Windows = Shaped[Array, "..."]


class TimeseriesDataset(Attributes):
    """Batches of windows, to go over as often as you like: fit, evaluate and predict take it in the place of x.

    A batch is (x, y), x: (B, T, ...), y: (B, ...), or x alone where there are no targets. They come in the order of the
    series, whatever fit's `shuffle` is, as those of Keras' datasets do; a dataset made with `shuffle=True` gives its
    windows in another order each time that it is gone over.
    """

    not_kept: ClassVar = {
        "as_numpy_iterator": f"{_PLAIN}: for x, y in dataset",
        **dict.fromkeys(("batch", "unbatch"), "make it with another batch_size; None gives one window after the other"),
        **dict.fromkeys(("cache", "prefetch"), f"leave it out: {_PLAIN} at once"),
        **dict.fromkeys(("cardinality", "element_spec"), f"len(dataset) is how many there are; {_PLAIN}"),
        **dict.fromkeys(("filter", "map", "skip"), f"write a generator: {_PLAIN}"),
        "repeat": "fit goes over it once an epoch: give epochs",
        "shuffle": "make it with shuffle=True",
    }

    def __init__(
        self, data: Windows, targets: Windows | None, starts: Array, steps: Array, batch_size: int | None, order: Any
    ) -> None:
        self._data, self._targets, self._starts, self._steps, self._batch_size = (
            data,
            targets,
            starts,
            steps,
            batch_size,
        )
        self._seed = order  # None: in the order of the series
        self._pass = 0
        self._length = -(-len(starts) // (batch_size or 1))

    def __len__(self) -> int:
        """How many batches there are; of a dataset without batches, how many windows."""
        return self._length

    def __repr__(self) -> str:
        size = "1 window" if self._batch_size is None else f"{min(self._batch_size, len(self._starts))} windows"
        return f"<TimeseriesDataset of {len(self):,} times {size} of {len(self._steps)} steps>"

    def take(self, count: int) -> "TimeseriesDataset":
        """The first batches alone; all of them where there are no more, or with -1."""
        count = whole_number("count", count, -1)
        first = copy(self)
        first._pass = 0
        first._length = self._length if count == -1 else min(count, self._length)
        return first

    def __iter__(self) -> Iterator[Any]:
        starts = self._starts
        if self._seed is not None:
            starts = generator(self._seed, "order", epoch=self._pass).permutation(starts)
            self._pass += 1
        return self._batches(starts)

    def _batches(self, starts: Array) -> Iterator[Any]:
        size = self._batch_size
        for number in range(self._length):
            first = starts[number] if size is None else starts[number * size : (number + 1) * size]
            x = self._data[np.add.outer(first, self._steps)]
            yield x if self._targets is None else (x, self._targets[first])


@heeds_keras_in("timeseries_dataset_from_array")
def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> TimeseriesDataset:
    """Cut a series into windows, batch after batch, without keeping more than one batch.

    Args:
        data: (N, ...), one row for each point of time.
        targets: (M, ...), of which row i belongs to the window that starts at row i; None for windows alone. To tell
            the next step, give `data[sequence_length:]`: rows without a target start no window.
        sequence_length: steps of a window.
        sequence_stride: from the start of one window to that of the next.
        sampling_rate: from one step of a window to the next.
        batch_size: windows in a batch, the last of which may have fewer; None: no batches, one window after the other.
        shuffle: whether windows come in another order each time that the dataset is gone over.
        seed: of that order; None: what `set_random_seed` set. Keras' own draws give other orders.
        start_index: rows before it, of data and of targets, are left out.
        end_index: it, and the rows behind it, are left out; below N.

    Raises:
        ValueError: for what is out of its range, where no window fits (Keras' dataset then is empty), and for windows
            whose target is missing (in Keras when the batch comes).
    """
    series = as_numbers("data", data)
    if not series.ndim:
        raise ValueError(f"data must have an axis of time, the first, got the single number {data!r}")
    first, end = _range(start_index, end_index, len(series))
    length = whole_number("sequence_length", sequence_length, 1)
    rate = whole_number("sampling_rate", sampling_rate, 1, len(series) - 1)
    stride = whole_number("sequence_stride", sequence_stride, 1, len(series) - 1)
    size = None if batch_size is None else whole_number("batch_size", batch_size, 1)
    count = end - first - (length - 1) * rate
    if targets is not None:
        targets = as_numbers("targets", targets)
        count = min(count, len(targets))
        targets = targets[first:end]
    if count < 1:
        reach, there = (length - 1) * rate + 1, "" if targets is None else f" with {len(targets)} targets"
        raise ValueError(
            f"a window of {length} steps needs {reach} rows of data and a target, got {end - first}{there}"
        )
    starts = np.arange(0, count, stride)
    if targets is not None and starts[-1] >= len(targets):
        raise ValueError(
            f"row {first + starts[-1]} starts a window, and targets end before it, after {first + len(targets)}: as in "
            "Keras, start_index counts in targets too, but does not shorten them. Give an end_index, or data[a:b] and "
            "targets[a:b] themselves"
        )
    shuffle = flag("timeseries_dataset_from_array", "shuffle", shuffle)
    order: Any = data_seed() if seed is None else whole_number("seed", seed, 0, 2**32 - 1)
    return TimeseriesDataset(
        series[first:end], targets, starts, rate * np.arange(length), size, order if shuffle else None
    )


def _range(start: Any, end: Any, N: int) -> tuple[int, int]:
    """Where the rows to use begin and end."""
    first = 0 if start is None else whole_number("start_index", start, 0, N - 1)
    return first, N if end is None else whole_number("end_index", end, first + 1, N - 1)
