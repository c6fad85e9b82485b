"""The one source of randomness: a counter-based generator (Philox) that takes its position from its caller.

A draw is determined by (seed, purpose, epoch, step, layer) alone: no hidden state moves from one draw to the
next. So the order in which draws are made, the backend and the number of threads cannot change them, and training that
resumes in the middle of an epoch needs to remember four counters only.

A seed is a number that you give, or a pair: (s, n) is the stream of the model number n, counted from 1, among those
made without a seed after `set_random_seed(s)`. No two seeds, pairs or numbers, share a draw. Layers that are used alone
without a seed are counted from the other end.

Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
"""

import random
from collections.abc import Sequence
from itertools import count
from typing import Any, Literal, SupportsIndex

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import UInt64

from scratchnn.core.checks import whole_number

Purpose = Literal["weights", "order", "dropout", "data"]
_PURPOSE_NUMBER: dict[Purpose, int] = {"weights": 0, "order": 1, "dropout": 2, "data": 3}

Seed = int | tuple[int, int]
PlainSeed = SupportsIndex | Sequence[int]  # what `checked` takes
GivenSeed = PlainSeed | None  # None: the next stream
_LARGEST = 2**32 - 1  # of s, which is the largest seed of Keras and NumPy too, and of n
_IS_PAIR = 1 << 62  # in the second word of a key
_DRAWS = 16  # of one layer in one step

_random_seed = 0
_models, _layers = count(1), count(1)  # of them have been made without a seed


def set_random_seed(seed: int) -> None:
    """Let models and layers that are made without a seed draw from this one, and count them from 1 again.

    It is 0 until you set it, so a program gives the same numbers each time it runs. As in Keras, Python's and NumPy's
    own generators begin with this seed too; nothing of scratchnn draws from them.

    Raises:
        ValueError: if it is not in 0 ... 2**32 - 1.
    """
    global _random_seed, _models, _layers
    _random_seed, _models, _layers = whole_number("seed", seed, 0, _LARGEST), count(1), count(1)
    random.seed(_random_seed)
    np.random.seed(_random_seed)  # noqa: NPY002 - the generator of programs that call numpy.random.shuffle


def model_seed() -> Seed:
    """The seed of the next model that is made without one."""
    return _random_seed, next(_models)


def layer_seed() -> Seed:
    """The seed of the next layer that is built alone, without one."""
    return _random_seed, _LARGEST + 1 - next(_layers)


def data_seed() -> Seed:
    """The seed of data that are shuffled without one. No model or layer is counted as number 0."""
    return _random_seed, 0


def checked(seed: Any) -> Seed:
    """The seed in plain numbers; a pair may be a list, as it comes out of a file.

    Raises:
        ValueError: if it is not in 0 ... 2**64 - 1, and no pair of numbers below 2**32.
    """
    if isinstance(seed, tuple | list) and len(seed) == 2:
        s, n = (whole_number("seed, as a pair (s, n),", number, 0, _LARGEST) for number in seed)
        return s, n
    return whole_number("seed", seed, 0, 2**64 - 1)


def anew(seed: Any) -> GivenSeed:
    """For a model that is made again: the number that it was given, or None, the next stream."""
    return None if isinstance(seed, tuple | list) else seed


def named(seed: Seed) -> str:
    """A seed in words."""
    return f"model {seed[1]} of set_random_seed({seed[0]})" if isinstance(seed, tuple) else str(seed)


def _words(seed: Seed) -> tuple[int, int]:
    """The first word of a key, and what marks a pair in the second."""
    return (seed[0] << 32 | seed[1], _IS_PAIR) if isinstance(seed, tuple) else (seed, 0)


class Keys:
    """The keys of the dropout masks that one layer draws in one step, one after the other.

    A key is the seed and a word that names the draw: nothing is computed, and no two draws share one.
    """

    def __init__(self, seed: Seed, *, epoch: int, step: int, layer: int) -> None:
        # The highest bit keeps these keys apart from those of `generator`, the next one pairs from numbers; then 16
        # bits for the epoch, 28 for the step, 14 for the layer, and 4 for the draws of one layer.
        self._seed, is_pair = _words(seed)
        self._drawn = 0
        self._place = 2**63 | is_pair | _time(epoch, step) | (layer % 2**14) << 4

    def next(self) -> UInt64[Array, "2"]:
        """The key of the next mask.

        Raises:
            RuntimeError: for a 17th in one step, which would be the first of the next layer.
        """
        if self._drawn == _DRAWS:
            raise RuntimeError(
                f"a layer draws at most {_DRAWS} masks in a step; draw one for all time steps, of shape (T, B, D)"
            )
        self._drawn += 1
        key = np.array([self._seed, self._place], dtype=np.uint64)
        self._place += 1
        return key


def move_key(key: UInt64[Array, "2"], *, epoch: int, step: int) -> None:
    """Turn a key of `Keys` into that of the same draw in another step."""
    key[1] = int(key[1]) & ~_time(-1, -1) | _time(epoch, step)


def _time(epoch: int, step: int) -> int:
    """The bits of a key that are epoch and step; of -1, all of them."""
    return (epoch % 2**16) << 46 | (step % 2**28) << 18


def generator(
    seed: PlainSeed, purpose: Purpose, *, epoch: int = 0, step: int = 0, layer: int = 0
) -> np.random.Generator:
    """Return the generator of the draw that the arguments determine. Equal arguments give equal draws, always.

    Raises:
        ValueError: if `seed` is not in 0 ... 2**64 - 1, and no pair.
    """
    first, is_pair = _words(checked(seed))
    # The key chooses the stream; the generator itself counts up the lowest word of the counter as numbers are drawn.
    key = np.array([first, is_pair | _PURPOSE_NUMBER[purpose]], dtype=np.uint64)
    counter = np.array([0, layer, step, epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
