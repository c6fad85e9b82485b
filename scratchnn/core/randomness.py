"""The one source of randomness: a counter-based generator (Philox) that takes its position from its caller.

A draw is determined by (seed, purpose, epoch, step, layer) alone: no hidden state moves from one draw to the
next. So the order in which draws are made, the backend and the number of threads cannot change them, and training that
resumes in the middle of an epoch needs to remember four counters only.

Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
"""

from typing import Literal

import numpy as np
from jaxtyping import UInt64
from scratchnn_kernels.contract import Array

from scratchnn.core.checks import whole_number

Purpose = Literal["weights", "order", "dropout", "data"]
_PURPOSE_NUMBER: dict[Purpose, int] = {"weights": 0, "order": 1, "dropout": 2, "data": 3}


_default_seed = 0


def set_random_seed(seed: int) -> None:
    """The seed of models that are made without one, from now on. It is 0 until you set it."""
    global _default_seed
    generator(seed, "weights")  # raises if it is not a seed
    _default_seed = seed


def default_seed() -> int:
    return _default_seed


class Keys:
    """The keys of the dropout masks that one layer draws in one step, one after the other.

    A key is the seed and a word that names the draw: nothing is computed, and no two draws share one.
    """

    def __init__(self, seed: int, *, epoch: int, step: int, layer: int) -> None:
        # The highest bit keeps these keys apart from those of `generator`; then 17 bits for the epoch, 28 for the
        # step, 14 for the layer, and 4 for the draws of one layer.
        self._seed = seed
        self._place = 2**63 | (epoch % 2**17) << 46 | (step % 2**28) << 18 | (layer % 2**14) << 4

    def next(self) -> UInt64[Array, "2"]:
        key = np.array([self._seed, self._place], dtype=np.uint64)
        self._place += 1
        return key


def generator(seed: int, purpose: Purpose, *, epoch: int = 0, step: int = 0, layer: int = 0) -> np.random.Generator:
    """Return the generator of the draw that the arguments determine. Equal arguments give equal draws, always.

    Raises:
        ValueError: if `seed` is not in 0 ... 2**64 - 1.
    """
    seed = whole_number("seed", seed, 0, 2**64 - 1)
    # The key chooses the stream; the generator itself counts up the lowest word of the counter as numbers are drawn.
    key = np.array([seed, _PURPOSE_NUMBER[purpose]], dtype=np.uint64)
    counter = np.array([0, layer, step, epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
