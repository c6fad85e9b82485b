"""Streams: what the seed, the purpose and the place determine, and that no two of them have a number in common."""

from itertools import product
from typing import get_args

import numpy as np
import pytest

from scratchnn.core.randomness import Keys, Purpose, generator

SEEDS = (0, 1, 2, 2**32, 2**63, 2**64 - 1)
SECOND_DIRECTION = 2**32  # in a Bidirectional, beyond the number of any layer
WORDS = 32  # eight blocks of Philox
# (epoch, step, layer): the first few together, and each alone at every power of two that dropout tells apart.
TOGETHER = [*product((0, 1, 2), (0, 1, 2), (0, 1, 2))]
ALONE = [
    *((2**bit, 0, 0) for bit in range(2, 16)),
    *((0, 2**bit, 0) for bit in range(2, 28)),
    *((0, 0, 2**bit) for bit in range(2, 14)),
]
PLACES = [*product(SEEDS, TOGETHER), *product(SEEDS[:1], ALONE)]
MASKS = 4  # that a Bidirectional draws in a step


def words(drawn: np.random.Generator) -> np.ndarray:
    return drawn.integers(0, 2**64, WORDS, dtype=np.uint64)


def streams() -> list[np.ndarray]:
    """The first words of every stream: each purpose and each dropout mask, at many places."""
    found = []
    for seed, (epoch, step, layer) in PLACES:
        for purpose, place in product(get_args(Purpose), (layer, layer + SECOND_DIRECTION)):
            found.append(words(generator(seed, purpose, epoch=epoch, step=step, layer=place)))
        keys = Keys(seed, epoch=epoch, step=step, layer=layer)
        found += [words(np.random.Generator(np.random.Philox(key=keys.next()))) for _ in range(MASKS)]
    return found


def test_no_two_streams_share_a_word() -> None:
    drawn = np.concatenate(streams())
    assert drawn.size == len(PLACES) * (2 * len(get_args(Purpose)) + MASKS) * WORDS
    assert len(np.unique(drawn)) == drawn.size  # each of 64 bits: by chance two are never equal


def test_equal_places_give_equal_streams() -> None:
    np.testing.assert_array_equal(streams(), streams())


def test_a_long_draw_does_not_run_into_its_neighbours() -> None:
    """A hundred thousand numbers of one layer, and the beginning of each of the next."""
    drawn = generator(3, "weights", layer=0).integers(0, 2**64, 100_000, dtype=np.uint64)
    others = [generator(3, "weights", layer=layer, step=step) for layer in range(8) for step in (0, 1)][1:]
    everything = np.concatenate([drawn, *(other.integers(0, 2**64, WORDS, dtype=np.uint64) for other in others)])
    assert len(np.unique(everything)) == everything.size


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_beyond_64_bits_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="seed must be"):
        generator(seed, "weights")
