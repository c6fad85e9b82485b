"""The words and pairs of neighbouring words in rows of ids, as whole numbers: features of the linear models."""

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Int, Int32

from scratchnn.data.text import PAD

_ID_BITS = 17  # an id is below 100,000


def features(x: Int32[Array, "N T"], grams: int) -> tuple[Int[Array, " K"], Int[Array, " K"]]:
    """Return rows and codes of all features, each once per row: ids of words, and codes above them for pairs."""
    ids, row = x.astype(np.int64), np.arange(len(x))[:, None] << 2 * _ID_BITS
    found = [(row | ids)[ids != PAD]]
    if grams == 2:
        pairs = row | ids[:, :-1] << _ID_BITS | ids[:, 1:]
        found.append(pairs[(ids[:, :-1] != PAD) & (ids[:, 1:] != PAD)])
    once = distinct(np.concatenate(found))
    return once >> 2 * _ID_BITS, once & (1 << 2 * _ID_BITS) - 1


def ids_of(codes: Int[Array, " F"]) -> tuple[Int[Array, "W 1"], Int[Array, "P 2"]]:
    """The ids of each word, and of each pair, of features in ascending order."""
    pairs = codes[codes >> _ID_BITS > 0]
    return codes[: len(codes) - len(pairs), None], np.stack([pairs >> _ID_BITS, pairs & (1 << _ID_BITS) - 1], axis=1)


def distinct(numbers: Int[Array, " _"]) -> Int[Array, " _"]:
    ordered = np.sort(numbers)  # numpy.unique takes seven times as long
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]


def numbers_of(codes: Int[Array, " K"], known: Int[Array, " F"]) -> tuple[Int[Array, " S"], Int[Array, " S"]]:
    """Which of the codes are known, and their places in `known`, which ascends."""
    f = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    seen = np.flatnonzero(known[f] == codes)
    return seen, f[seen]
