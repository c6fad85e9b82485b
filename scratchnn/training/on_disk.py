"""Arrays on disk, which are never copied whole: rows are read, checked and converted when they are asked for.

They are NumPy's memory maps, `np.load(path, mmap_mode="r")` or `np.memmap`, and arrays in files, as h5py and zarr have.
"""

import mmap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.backend import Backend

BYTES_OF_BLOCK = 2**22  # rows are checked so many at a time


def is_on_disk(value: Any) -> bool:
    """Whether the numbers of this array are in a file: then they may be more than fit into memory."""
    if isinstance(value, np.ndarray):
        base: Any = value
        while isinstance(base, np.ndarray):
            base = base.base
        return isinstance(base, mmap.mmap)
    return (
        hasattr(value, "chunks")
        and hasattr(value, "__getitem__")
        and isinstance(getattr(value, "dtype", None), np.dtype)
    )


class OnDisk:
    """Some rows of an array on disk; an index gives them as `convert` returns them, checked and in kernels' memory.

    Raises:
        ValueError: if `convert` refuses some rows, naming the rows.
    """

    def __init__(
        self, array: Any, convert: Callable[[Array], Array], to_host: Callable[[Any], Any], rows: slice | None = None
    ) -> None:
        self._array, self._convert, self._to_host = array, convert, to_host
        first, stop, _ = (slice(None) if rows is None else rows).indices(len(array))
        self._first, self._count = first, max(0, stop - first)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self._count, *self._array.shape[1:])

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, rows: Any) -> Array:
        if isinstance(rows, slice):
            first, stop, _ = rows.indices(self._count)
            return self._convert(np.asarray(self._array[self._first + first : self._first + stop]))
        rows = self._first + self._to_host(rows)
        if isinstance(self._array, np.ndarray):
            return self._convert(np.asarray(self._array[rows]))
        order = np.argsort(rows)  # files are read in order
        read = np.asarray(self._array[rows[order]])
        found = np.empty_like(read)
        found[order] = read
        return self._convert(found)

    def then(self, convert: Callable[[Array], Array]) -> "OnDisk":
        """The same rows, converted once more."""
        before, rows = self._convert, slice(self._first, self._first + self._count)
        return OnDisk(self._array, lambda part: convert(before(part)), self._to_host, rows)

    def part(self, rows: slice) -> "OnDisk":
        """A slice of the rows, which stays on disk."""
        first, stop, _ = rows.indices(self._count)
        rows = slice(self._first + first, self._first + stop)
        return OnDisk(self._array, self._convert, self._to_host, rows)

    def blocks(self) -> Iterator[Array]:
        """All rows, some at a time."""
        bytes_of_row = self._array.dtype.itemsize * int(np.prod(self._array.shape[1:]))
        step = max(1, BYTES_OF_BLOCK // max(1, bytes_of_row))
        for first in range(0, max(1, self._count), step):
            try:
                yield self[first : first + step]
            except ValueError as error:
                last = min(first + step, self._count) - 1
                raise ValueError(f"in rows {first} to {last}: {error}") from error


def taken(value: Any, convert: Callable[[Any], Any], backend: Backend) -> Any:
    """`convert(value)`, or the same of an array on disk, all of which is checked now, and converted in parts later."""
    if not is_on_disk(value) or len(value.shape) == 0:
        return convert(value)
    rows = OnDisk(value, convert, backend.to_host)
    for _ in rows.blocks():
        pass
    return rows


def blocks_of(array: Any) -> Iterator[Any]:
    """An array on disk in blocks of rows; another as it is."""
    return array.blocks() if isinstance(array, OnDisk) else iter([array])


def part_of(array: Any, rows: slice) -> Any:
    """A slice of an array, which stays where it is."""
    return array.part(rows) if isinstance(array, OnDisk) else array[rows]
