"""What surrounds the kernels of a layer, as kernels too: copies, sums of the shards' gradients.

NumPy would do, and as fast. But a step whose every write to memory is a launch can be run again without Python: see
plan.py.
"""

from collections.abc import Sequence

import numpy as np

from scratchnn_kernels.contract import Array
from scratchnn_kernels.cpu import pool
from scratchnn_kernels.cpu.jit import compiled
from scratchnn_kernels.cpu.launching import launch


def contiguous(view: Array) -> Array:
    """A copy of a view of at most four axes."""
    copy = pool.empty(view.shape, view.dtype)
    source, target = (each[(np.newaxis,) * (4 - view.ndim)] for each in (view, copy))
    launch(_copy_shard, 1, source, target, work=0)
    return copy


def sum_of_shards(parts: Array) -> Array:
    """The sum over the first axis, in the order of the shards."""
    total = pool.empty(parts.shape[1:], parts.dtype)
    launch(_sum_shard, 1, parts.reshape(len(parts), -1), total.reshape(-1), work=0)
    return total


def add(source: Array, target: Array) -> None:
    """target += source"""
    launch(_add_shard, 1, source.reshape(-1), target.reshape(-1), work=0)


def join(parts: Sequence[Array], target: Array) -> None:
    """target = all numbers of the parts, one part after another."""
    end = 0
    for part in parts:
        begin, end = end, end + part.size
        launch(_put_shard, 1, part.reshape(-1), target[begin:end], work=0)


@compiled
def _copy_shard(s, source, target):
    for i in range(target.shape[0]):
        for j in range(target.shape[1]):
            for k in range(target.shape[2]):
                for m in range(target.shape[3]):
                    target[i, j, k, m] = source[i, j, k, m]


@compiled
def _sum_shard(s, parts, total):
    for n in range(total.size):
        total[n] = parts[0, n]
    for shard in range(1, parts.shape[0]):
        for n in range(total.size):
            total[n] += parts[shard, n]


@compiled
def _add_shard(s, source, target):
    for n in range(target.size):
        target[n] += source[n]


@compiled
def _put_shard(s, part, target):
    for n in range(target.size):
        target[n] = part[n]
