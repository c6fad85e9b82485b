"""Cutting examples into batches, putting them into an order, and holding some out."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core import checks, randomness
from scratchnn.core.backend import Backend
from scratchnn.training.epoch import Batch
from scratchnn.training.on_disk import part_of

States = dict[str, list[Array]]  # by the names of layers; a row for each example
BYTES_GATHERED = 2**20  # examples are gathered for several steps at once, up to this much of x


class Source:
    """What gives the batches of an epoch. `steps` are their number, where it is known before they have all come."""

    asks_once = False  # whether no batch can be asked for a second time
    rows: int | None = None  # of all examples, and of a batch, where these are known
    batch_size: int | None = None
    steps: int | None = None

    @property
    def batch_shape(self) -> tuple[int, ...] | None:
        """The shape of x of its largest batch, where it is known before they have all come."""
        return None

    def goes_on(self) -> bool:
        """Whether there are batches for another epoch."""
        return True

    def begin_epoch(self, model: Any, number: int, *, shuffle: bool) -> Any:
        """The batches of an epoch, as `Batches` are. `number` is that of its order, by the model's clock."""
        raise NotImplementedError

    def end_epoch(self) -> None:
        """Tell those who gave the batches, if they want to know."""

    def in_order(self) -> Iterator[Any]:
        """The batches to measure or to predict."""
        raise NotImplementedError


class Arrays(Source):
    """Batches that are cut from arrays: `data` in the kernels' memory, or on disk."""

    def __init__(self, data: Any, batch_size: int) -> None:
        self._data, self.batch_size, self.rows = data, batch_size, len(data[0])
        self._size, self._slices = batch_size, slices(len(data[0]), batch_size)
        self.steps = len(self._slices)

    def __len__(self) -> int:
        return len(self._slices)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return (min(self._size, len(self._data[0])), *self._data[0].shape[1:])

    def begin_epoch(self, model: Any, number: int, *, shuffle: bool) -> "Batches":
        order = order_of(len(self._data[0]), model.seed, number, model.backend, shuffle=shuffle)
        return Batches(self._data, self._size, order)

    def in_order(self) -> Iterator[Any]:
        x, y, weight = self._data
        for rows in self._slices:
            yield x[rows], None if y is None else y[rows], None if weight is None else weight[rows]


class Batches:
    """The batches of an epoch in their order: `batches[step]` are the examples of a step, their targets and weights.

    `data` are all of them, in the kernels' memory; `order` are their indices.
    """

    def __init__(self, data: Batch, batch_size: int, order: Array) -> None:
        self._data, self._order = data, order
        x = data[0]
        self._slices = slices(len(x), batch_size)
        self._gathered = range(0)  # the steps whose examples are in these:
        self._here: Any = ()

    def __len__(self) -> int:
        return len(self._slices)

    def steps(self, first: int) -> range:
        """The numbers of the steps from the first on."""
        return range(first, len(self))

    def __getitem__(self, step: int) -> Batch:
        if step not in self._gathered:
            self._gather(step)
        rows, start = self._slices[step], self._slices[self._gathered.start].start
        here = slice(rows.start - start, rows.stop - start)
        x, y, weight = self._here
        return x[here], y[here], None if weight is None else weight[here]

    def _gather(self, step: int) -> None:
        """Gather the examples of this step and its neighbours, in order.

        Always the same neighbours: a product's last bits may depend on where its operands are in memory, and a step
        that is taken again, or with which training is resumed, must give equal ones.
        """
        rows = self._slices[0]
        count = max(1, BYTES_GATHERED // max(1, (rows.stop - rows.start) * self._data[0][:1].nbytes))
        first = step - step % count
        self._gathered = range(first, min(first + count, len(self)))
        chosen = self._order[self._slices[first].start : self._slices[self._gathered[-1]].stop]
        self._here = tuple(None if part is None else part[chosen] for part in self._data)  # reads those on disk


def order_of(N: int, seed: randomness.Seed, epoch: int, backend: Backend, *, shuffle: bool) -> Array:
    """The indices of N examples in the order of this epoch, which depends on seed and epoch only."""
    order = randomness.generator(seed, "order", epoch=epoch).permutation(N) if shuffle else np.arange(N)
    return backend.array(order, np.int64)


def slices(N: int, batch_size: int) -> list[slice]:
    """The batches of N examples, in order; the last one may be smaller."""
    return [slice(first, min(first + batch_size, N)) for first in range(0, N, batch_size)]


def states_of(states: States | None, rows: slice) -> States | None:
    """The states of some of the examples."""
    return states and {name: [each[rows] for each in state] for name, state in states.items()}


def join_states(parts: Sequence[States], backend: Backend) -> States:
    """The states of several batches in one, in the host's memory."""
    columns = {name: zip(*(part[name] for part in parts), strict=True) for name in parts[0]}
    return {name: [backend.to_host(np.concatenate(each)) for each in column] for name, column in columns.items()}


def split(data: Batch, share: float) -> tuple[Batch, Batch | None]:
    """Hold out the last `share` of the examples, without shuffling, as Keras does.

    Raises:
        ValueError: unless 0 <= share < 1 and both parts have examples.
    """
    checks.share("validation_split", share)
    if share == 0:
        return data, None
    N = len(data[0])
    first_held_out = int(N * (1 - share))
    if first_held_out in (0, N):
        raise ValueError(f"validation_split={share} of {N} examples leaves none for training or none to validate on")
    return _rows(data, slice(0, first_held_out)), _rows(data, slice(first_held_out, N))


def _rows(data: Any, rows: slice) -> Any:
    return tuple(None if part is None else part_of(part, rows) for part in data)


def size_of(batch_size: Any, steps: Any, N: int) -> int:
    """The batch size that was asked for; without one, as in Keras, what cuts N examples into `steps` batches, or 32.

    Raises:
        ValueError: unless both are whole numbers, or None.
    """
    steps = None if steps is None else checks.whole_number("steps", steps, 1)
    if batch_size is not None:
        return checks.whole_number("batch_size", batch_size, 1)
    return 32 if steps is None else -(-N // steps)


def first(data: Any, steps: int | None, batch_size: int) -> Any:
    """The examples of the first `steps` batches; all of them for None."""
    return data if steps is None else _rows(data, slice(0, steps * batch_size))


def check_steps(asked: Any, steps: int) -> None:
    """Raise ValueError unless `steps_per_epoch` is what an epoch has."""
    if asked is not None and asked != steps:
        raise ValueError(
            f"an epoch goes over all examples, which are {steps} batches: steps_per_epoch={asked!r} is refused; "
            "pass fewer examples, or a larger batch_size"
        )


def validates_after(frequency: Any) -> Callable[[int], bool]:
    """Whether to validate after an epoch, counted from 0, for Keras' `validation_freq`."""
    if isinstance(frequency, list | tuple | set):
        chosen = {checks.whole_number("validation_freq", epoch, 1) for epoch in frequency}
        return lambda epoch: epoch + 1 in chosen
    every = checks.whole_number("validation_freq", frequency, 1)
    return lambda epoch: (epoch + 1) % every == 0


def check_sizes(batch_size: Any, epochs: Any) -> None:
    checks.whole_number("batch_size", batch_size, 1)
    checks.whole_number("epochs", epochs, 1)


def check_lengths(x: Array, y: Any) -> None:
    if y is None or y.shape == ():
        raise ValueError(f"y must hold one label for each of the {len(x)} rows of x, got {y}")
    if len(x) != len(y):
        raise ValueError(f"x and y must have the same length, got {len(x)} rows of x and {len(y)} of y")
    if len(x) == 0:
        raise ValueError("x and y are empty; give at least one example")
