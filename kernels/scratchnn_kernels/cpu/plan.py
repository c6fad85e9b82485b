"""A step that was taken once, run again without Python.

While a step is recorded, its layers run as ever, and every launch is noted: the function that runs a shard, the block
of its arguments, how many shards. Run again, the same kernels read and write the same memory in the same order, called
by their addresses from one loop that serves every model; so the bits are equal by construction, and nothing is compiled
for a model. What changes from step to step, the batch and the keys of dropout masks, the caller writes into the arrays
that the recorded step read.

That holds where all that a step writes is written by kernels. A layer says so (`Layer.runs_in_kernels`); for one that
computes in NumPy, or looks at the numbers of a batch to decide what to launch, the recorded step would be another one.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numba
import numpy as np
from numba import types

from scratchnn_kernels import numba_private
from scratchnn_kernels.cpu import dropout, launching, threads, words
from scratchnn_kernels.cpu.jit import compiled

WORTH_SHARING = 15_000  # numbers, and no more: between two launches the other threads are awake
FUNCTION, BLOCK, SHARDS, IS_SHARED = range(4)  # of a launch, in a row of `_launches`


class Plan:
    """The launches of a step, once `recorded` has seen them."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, tuple]] = []  # kernels and their arguments: the arrays that the blocks point to
        self._blocks: list[np.ndarray] = []
        self._rows: list[list[int]] = []
        self._launches = np.empty((0, 4), np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Note the launches of this thread meanwhile."""
        token = launching.listener.set(self._note)
        try:
            yield
        finally:
            launching.listener.reset(token)
            self._launches = np.array(self._rows, np.int64).reshape(-1, 4)

    def _note(self, kernel: Any, shards: int, args: tuple, work: int) -> bool:
        kinds: Any = numba.typeof(args)
        block = np.frombuffer(_block(_address(kernel, kinds), args, kinds), np.int64)
        self._kept.append((kernel, args))
        self._blocks.append(block)
        is_shared = shards > 1 and work >= WORTH_SHARING
        self._rows.append([_entry(kernel, kinds), block.ctypes.data, shards, is_shared])
        return True

    @property
    def keys(self) -> list[np.ndarray]:
        """Those from which the step drew its dropout masks, in order."""
        return [args[0] for kernel, args in self._kept if kernel is dropout.draw_shard]

    def run(self) -> None:
        """Take the step again."""
        launching.with_helpers(_run, self._launches)


def _address(kernel: Any, kinds: Any) -> int:
    signature = (types.intp, *kinds.types)
    kernel.compile(signature)
    return _calling().address(kernel, signature)


_entries: dict[Any, int] = {}


def _entry(kernel: Any, kinds: Any) -> int:
    """The function that calls a kernel with the arguments in a block: one for all kernels with these types."""
    if kinds not in _entries:
        add = partial(words.add_entry, kinds=kinds, linkage="external")
        _entries[kinds] = _calling().compile_ir(kernel, add)
    return _entries[kinds]


def _calling() -> numba_private.Calling:
    calling = numba_private.calling()
    assert calling is not None, "there is no plan without: launching.can_call_by_address"
    return calling


def _block(kernel: int, args: tuple, kinds: Any) -> bytes:
    """What `words.packed` writes, as bytes: Numba's struct of an array, or a number. Its size is in whole words."""
    layout, values = "q", [kernel]
    for value, kind in zip(args, kinds, strict=True):
        if isinstance(kind, types.Array):
            layout += f"0q{5 + 2 * kind.ndim}q"
            values += [0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides]
        else:
            layout += _LAYOUTS[kind]
            values.append(value)
    return struct.pack(layout + "0q", *values)


_LAYOUTS = {types.int64: "q", types.float64: "d", types.boolean: "?"}


@compiled
def _run(team, launches, helpers):
    for n in range(launches.shape[0]):
        function, block, shards = launches[n, FUNCTION], launches[n, BLOCK], launches[n, SHARDS]
        if helpers > 0 and launches[n, IS_SHARED]:
            threads.share(team, function, block, shards, helpers)
        else:
            for s in range(shards):
                words.call(function, s, block)
