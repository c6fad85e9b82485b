"""Streams: what the seed, the purpose and the place determine, and that no two of them have a number in common."""

from itertools import product

import numpy as np
import pytest

from scratchnn.core.randomness import _PURPOSE_NUMBER, Keys, generator

SEEDS = (0, 1, 2, 2**32, 2**64 - 1)
EPOCHS, STEPS, LAYERS = (0, 1, 2, 16), (0, 1, 2, 64), (0, 1, 2, 16)
SECOND_DIRECTION = 2**32  # in a Bidirectional, beyond the number of any layer
WORDS = 32  # eight blocks of Philox


def words(drawn: np.random.Generator) -> np.ndarray:
    return drawn.integers(0, 2**64, WORDS, dtype=np.uint64)


def streams() -> list[np.ndarray]:
    """The first words of every stream: each purpose and each dropout mask, at many places."""
    found = []
    for seed, epoch, step, layer in product(SEEDS, EPOCHS, STEPS, LAYERS):
        for purpose, place in product(_PURPOSE_NUMBER, (layer, layer + SECOND_DIRECTION)):
            found.append(words(generator(seed, purpose, epoch=epoch, step=step, layer=place)))
        keys = Keys(seed, epoch=epoch, step=step, layer=layer)
        found += [
            words(np.random.Generator(np.random.Philox(key=keys.next()))) for _ in range(4)
        ]  # a Bidirectional draws four masks
    return found


def test_no_two_streams_share_a_word() -> None:
    drawn = np.concatenate(streams())
    assert drawn.size == len(SEEDS) * len(EPOCHS) * len(STEPS) * len(LAYERS) * (2 * len(_PURPOSE_NUMBER) + 4) * WORDS
    assert len(np.unique(drawn)) == drawn.size  # each of 64 bits: by chance two are never equal


def test_equal_places_give_equal_streams() -> None:
    for first, again in zip(streams()[::7], streams()[::7], strict=True):
        np.testing.assert_array_equal(first, again)


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
