"""Crafted files for every reader, in order; `sample` takes some of them, of every reader."""

import itertools
import random

from benchmarks.reliability.attacks import data, folders, foreign, ours
from benchmarks.reliability.attacks.attack import READERS, Attack


def attacks() -> list[Attack]:
    return [*ours.attacks(), *data.attacks(), *foreign.attacks(), *folders.attacks()]


def sample(number: int, seed: int = 0) -> list[Attack]:
    """So many of them, the same ones for the same seed, as evenly of all readers as there are."""
    found, rng = attacks(), random.Random(seed)
    rng.shuffle(found)
    by_reader = [[each for each in found if each.reader == name] for name in READERS]
    turns = (turn for turn in itertools.zip_longest(*by_reader))
    return [each for turn in turns for each in turn if each is not None][:number]
