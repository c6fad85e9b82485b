"""A long series as windows of neighbouring steps, in batches: what a network that foretells it is trained with."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.arrays import as_numbers
from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.checks import flag, whole_number
from scratchnn.data.py_dataset import PyDataset


class Windows(PyDataset):
    """What `timeseries_dataset_from_array` returns: batch n is `windows[n]`, and `len(windows)` is how many there are.

    Nothing is copied before a batch is asked for.
    """

    data: Array  # (N, ...)
    targets: Array | None  # (N, ...)
    starts: Array  # of the windows, in their order
    steps: Array  # of a window, counted from its start
    batch_size: int

    def __init__(self, data: Array, targets: Array | None, starts: Array, steps: Array, batch_size: int) -> None:
        super().__init__()
        self.data, self.targets, self.starts, self.steps, self.batch_size = data, targets, starts, steps, batch_size

    def __repr__(self) -> str:
        return f"<{len(self.starts):,} windows of {len(self.steps)} steps, in {len(self)} batches>"

    def __len__(self) -> int:
        return -(-len(self.starts) // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} batches, got number {index}")
        starts = self.starts[index * self.batch_size : (index + 1) * self.batch_size]
        x = self.data[starts[:, np.newaxis] + self.steps]
        return x if self.targets is None else (x, self.targets[starts])


@heeds_keras_in("timeseries_dataset_from_array")
def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: Any = 128,
    shuffle: Any = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> Windows:
    """Cut a series into windows, for fit, evaluate and predict: batches x (B, T, ...), or (x, y), as in Keras.

    The window that starts at step s is data[s], data[s + sampling_rate], ..., `sequence_length` steps T, and its target
    is targets[s]. So for the next value behind each window of a series, give data[:-T] and data[T:].

    Args:
        data: the series (N, ...): a number or a row of numbers for each step.
        targets: what belongs to each start (N, ...), or None.
        sequence_stride: steps from the start of one window to that of the next.
        sampling_rate: steps from one number of a window to the next.
        batch_size: windows in a batch; the last one has what is left.
        shuffle: whether the windows change places, once, drawn from `seed` as Keras draws; None: from seed 0. The
            order of the batches is another in each epoch of `fit`, unless it is told not to.
        start_index, end_index: only the steps from the first on, and before the second, are used.

    Raises:
        ValueError: for settings that leave no window, and numbers out of their range.
    """
    data = as_numbers("data", data)
    targets = None if targets is None else as_numbers("targets", targets)
    if data.ndim == 0 or (targets is not None and targets.ndim == 0):
        raise ValueError("data and targets must be series, got a single number")
    N = len(data)
    length, stride, rate, batch = (
        whole_number(name, value, 1)
        for name, value in (
            ("sequence_length", sequence_length), ("sequence_stride", sequence_stride),
            ("sampling_rate", sampling_rate), ("batch_size", batch_size),
        )
    )  # fmt: skip
    first = 0 if start_index is None else whole_number("start_index", start_index, 0, N)
    end = N if end_index is None else whole_number("end_index", end_index, 0, N)
    count = end - first - (length - 1) * rate
    if targets is not None:
        count = min(count, len(targets) - first)
    if count < 1:
        with_targets = "" if targets is None else f" and {len(targets):,} targets"
        raise ValueError(
            f"a window of {length} steps, {rate} apart, spans {(length - 1) * rate + 1:,} of them, which steps "
            f"{first:,} to {end:,} of a series of {N:,}{with_targets} do not hold: give shorter windows, or more steps"
        )
    starts = np.arange(0, count, stride)
    if flag("timeseries_dataset_from_array", "shuffle", shuffle):
        np.random.RandomState(whole_number("seed", seed or 0, 0, 2**32 - 1)).shuffle(starts)
    return Windows(data, targets, starts + first, np.arange(length) * rate, batch)
