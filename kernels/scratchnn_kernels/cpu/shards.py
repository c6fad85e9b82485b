"""A batch is cut into shards, and one thread takes a shard through the whole layer and all of its time steps.

So the recurrent weights stay in that core's cache, and no thread waits for another inside a pass. The cut depends on
the batch alone: every sum over rows is taken within a shard, then over shards in their order, whatever the number of
threads. Where the last shard has too few rows it is padded with zeros, in x and in every state; these rows receive
no gradient and so add exact zeros to every sum.

A shard keeps its arrays time first, and the columns of each gate in a plane of their own:

    gates (4, T, R, H)      gate g at step t is one contiguous run of R * H numbers, which makes vector code;
                            gate g at some steps is one contiguous matrix, for the products outside of the recurrence

What needs no recurrence (the part of x in a, the gradients of the weights, dx) is computed for STEPS time steps at a
time, just before or after the recurrence goes through them: their numbers are then still in the second-level cache. All
time steps at once do not fit there: at T = 500 that took twice as long. A forward pass that no
backward pass follows keeps only so many slots, and reuses them in turn.
"""

import numpy as np

from scratchnn_kernels.cpu.jit import compiled
from scratchnn_kernels.cpu.recording import contiguous

SHARD_ROWS = 16  # enough rows to fill register tiles; a batch of 32 keeps two cores busy
STEPS = 16  # 4, 8 and 32 were slower


def shape_of(B: int) -> tuple[int, int]:
    """The number of shards S and the rows R of each, S * R >= B."""
    S = -(-B // SHARD_ROWS)
    return S, -(-B // S)


def steps_kept(T: int, keep_cache: bool) -> int:
    """How many time steps a shard's arrays hold: step t is in slot t % kept."""
    return T if keep_cache else min(T, STEPS)


def or_empty(array: np.ndarray | None, ndim: int, dtype: np.typing.DTypeLike) -> np.ndarray:
    """The array, or one of size 0 in its place: a kernel with arrays only is compiled once, not once per None."""
    return np.empty((0,) * ndim, dtype=dtype) if array is None else array


def planes_of(W: np.ndarray, gates: int) -> np.ndarray:
    """(D, G) -> (gates, D, H)"""
    D, G = W.shape
    return contiguous(W.reshape(D, gates, G // gates).swapaxes(0, 1))


def transposed_planes_of(W: np.ndarray, gates: int) -> np.ndarray:
    """(D, G) -> (gates, H, D)"""
    D, G = W.shape
    return np.ascontiguousarray(W.reshape(D, gates, G // gates).transpose(1, 2, 0))


def packed_sum(parts: np.ndarray) -> np.ndarray:
    """(S, gates, D, H) -> (D, G): the shards' gradients added in the order of the shards."""
    _, gates, D, H = parts.shape
    return np.ascontiguousarray(parts.sum(axis=0).swapaxes(0, 1)).reshape(D, gates * H)


@compiled
def take_rows(source, first, target):
    """target (R, H) = the shard's rows of source (B, H), zeros where the batch has ended."""
    for r in range(target.shape[0]):
        for h in range(target.shape[1]):
            target[r, h] = source[first + r, h] if first + r < source.shape[0] else 0


@compiled
def clear_rows_beyond(B, first, target):
    """Zero the rows of target (R, H) that the batch does not have: a state that overflowed there would give NaN."""
    for r in range(max(0, B - first), target.shape[0]):
        for h in range(target.shape[1]):
            target[r, h] = 0


@compiled
def put_rows(source, first, target):
    """target[the shard's rows] = source (R, H)"""
    for r in range(min(source.shape[0], target.shape[0] - first)):
        for h in range(source.shape[1]):
            target[first + r, h] = source[r, h]


@compiled
def take_sequences(source, first, start, dropout, k, target):
    """target (T, R, D), time first = the shard's rows of source from step `start` on, times dropout mask k"""
    T, R, D = target.shape
    rows = min(R, source.shape[0] - first)
    for t in range(T):
        for r in range(rows):
            if dropout.size == 0:
                for d in range(D):
                    target[t, r, d] = source[first + r, start + t, d]
            else:
                for d in range(D):
                    target[t, r, d] = source[first + r, start + t, d] * dropout[k, first + r, d]
        for r in range(rows, R):
            for d in range(D):
                target[t, r, d] = 0


@compiled
def give_sequences(source, dropout, first, start, k, target):
    """target[the shard's rows, start:] = source (T, R, D), time first, times dropout mask k; all but k = 0 are added"""
    for t in range(source.shape[0]):
        for r in range(min(source.shape[1], target.shape[0] - first)):
            if dropout.size != 0:
                for d in range(source.shape[2]):
                    source[t, r, d] *= dropout[k, first + r, d]
            if k == 0:
                for d in range(source.shape[2]):
                    target[first + r, start + t, d] = source[t, r, d]
            else:
                for d in range(source.shape[2]):
                    target[first + r, start + t, d] += source[t, r, d]


@compiled
def put_step(source, first, t, target):
    """target[the shard's rows, t] = source (R, H)"""
    for r in range(min(source.shape[0], target.shape[0] - first)):
        for h in range(source.shape[1]):
            target[first + r, t, h] = source[r, h]


@compiled
def add_step(source, first, t, target):
    """target (R, H) += source[the shard's rows, t]"""
    for r in range(min(target.shape[0], source.shape[0] - first)):
        for h in range(target.shape[1]):
            target[r, h] += source[first + r, t, h]


@compiled
def drop(source, dropout, first, k, target):
    """target (R, H) = source (R, H) times the shard's rows of dropout mask k"""
    rows = min(source.shape[0], dropout.shape[1] - first)
    for r in range(rows):
        for h in range(source.shape[1]):
            target[r, h] = source[r, h] * dropout[k, first + r, h]
    for r in range(rows, source.shape[0]):
        for h in range(source.shape[1]):
            target[r, h] = source[r, h]


@compiled
def copy_to_rows(source, target):
    """target[n] = source (H,) for every row n of target (N, H)"""
    for n in range(target.shape[0]):
        for h in range(target.shape[1]):
            target[n, h] = source[h]


@compiled
def add_column_sums(source, target):
    """target (H,) += the sum of the rows of source (N, H)"""
    whole = source.shape[0] // 8 * 8
    for n in range(0, whole, 8):  # eight rows each time that target is loaded and stored
        for h in range(source.shape[1]):
            low = (source[n, h] + source[n + 1, h]) + (source[n + 2, h] + source[n + 3, h])
            high = (source[n + 4, h] + source[n + 5, h]) + (source[n + 6, h] + source[n + 7, h])
            target[h] += low + high
    for n in range(whole, source.shape[0]):
        for h in range(source.shape[1]):
            target[h] += source[n, h]
