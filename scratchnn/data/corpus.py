"""Raw labelled reviews in flat form, and a digest of their content.

A corpus is identified by its content, not by the file it came in: saving the same reviews again changes every byte of
an .npz, but not the digests here.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Int32, Int64, Integer, UInt8

from scratchnn.core.files.errors import StorageError
from scratchnn.core.randomness import generator


class DataError(StorageError):
    """A data file is missing or is not what it should be. The text names the file, what was expected, what came and
    what to do."""


class DataWarning(UserWarning):
    """Something about the data deserves attention, but work continues."""


@dataclass(frozen=True)
class Reviews:
    """The reviews of one split, one after another in one long array.

    Review n is `tokens[offsets[n]:offsets[n + 1]]`. Tokens are ranks in the word index, counted from 1: no special ids,
    no start mark. Rows are in the order of the source (the Keras files: every positive review before every negative).

    Shapes:
        labels (N,) 0 or 1; offsets (N + 1,) from 0 up to the number of tokens; tokens (total,)
    """

    labels: UInt8[Array, " N"]
    offsets: Int64[Array, " N+1"]
    tokens: Int32[Array, " total"]

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"<Reviews, {len(self):,} of them, {len(self.tokens):,} words>"

    @property
    def lengths(self) -> Int64[Array, " N"]:
        """Words per review, (N,)."""
        return np.diff(self.offsets)

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex over offsets (int64), tokens (int32) and labels (uint8), little-endian, in raw order."""
        sha = hashlib.sha256()
        sha.update(self.offsets.astype("<i8", copy=False).tobytes())
        sha.update(self.tokens.astype("<i4", copy=False).tobytes())
        sha.update(self.labels.tobytes())
        return sha.hexdigest()


@dataclass(frozen=True)
class Corpus:
    """Training and test reviews with their word index: `words[r - 1]` is the word of rank r, the commonest first."""

    train: Reviews
    test: Reviews
    words: tuple[str, ...]

    def __repr__(self) -> str:
        reviews = f"{len(self.train):,} reviews to train on and {len(self.test):,} to test on"
        return f"<Corpus, {reviews}, {len(self.words):,} words>"

    @cached_property
    def words_digest(self) -> str:
        """SHA-256 in hex over the words in rank order, UTF-8, joined by line feeds."""
        return hashlib.sha256("\n".join(self.words).encode()).hexdigest()

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex over the three digests: training reviews, test reviews, words."""
        return hashlib.sha256((self.train.digest + self.test.digest + self.words_digest).encode()).hexdigest()


def resplit(corpus: Corpus, draw: int = 1, test_reviews: int | None = None) -> Corpus:
    """Join the two splits, shuffle all reviews, and split them again. Draws are numbered: each is always the same.

    `test_reviews`: as many of them are for testing, the last ones; None: as many as before.

    Raises:
        ValueError: if `test_reviews` leaves none to train on.
    """
    train, test = corpus.train, corpus.test
    total = len(train) + len(test)
    if test_reviews is not None and test_reviews >= total:
        raise ValueError(f"test_reviews must be below {total:,}, the number of all reviews, got {test_reviews:,}")
    first = len(train) if test_reviews is None else total - test_reviews
    order = generator(0, "data", epoch=draw).permutation(total)
    joined = Reviews(
        np.concatenate([train.labels, test.labels]),
        np.concatenate([train.offsets, train.offsets[-1] + test.offsets[1:]]),
        np.concatenate([train.tokens, test.tokens]),
    )
    return Corpus(_rows(joined, order[:first]), _rows(joined, order[first:]), corpus.words)


def _rows(reviews: Reviews, rows: Integer[Array, " M"]) -> Reviews:
    """The given rows, in their order."""
    lengths = reviews.lengths[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    positions = np.arange(offsets[-1]) + np.repeat(reviews.offsets[rows] - offsets[:-1], lengths)
    return Reviews(reviews.labels[rows], offsets, reviews.tokens[positions])


def check_reviews(reviews: Reviews, n_words: int, where: str) -> None:
    """Raise DataError unless every invariant of `Reviews` holds and every token is a rank of an index of `n_words`."""
    offsets, tokens, labels = reviews.offsets, reviews.tokens, reviews.labels
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(tokens):
        raise DataError(f"{where}: the row boundaries do not cover the {len(tokens)} tokens. {GET_AGAIN}")
    if len(labels) == 0:
        raise DataError(f"{where}: expected labelled reviews, got none. {GET_AGAIN}")
    short = np.flatnonzero(np.diff(offsets) <= 0)
    if len(short):
        raise DataError(
            f"{where}: expected at least one word in every review, got none in row {short[0]}"
            f" ({len(short)} such rows). Remove the rows or get the file again."
        )
    wrong = np.flatnonzero(labels > 1)
    if len(wrong):
        raise DataError(f"{where}: expected labels 0 and 1, got {labels[wrong[0]]} in row {wrong[0]}. {GET_AGAIN}")
    low, high = int(tokens.min()), int(tokens.max())
    if low < 1 or high > n_words:
        bad = low if low < 1 else high
        row = int(np.searchsorted(offsets, np.flatnonzero(tokens == bad)[0], side="right")) - 1
        raise DataError(
            f"{where}: expected word ids from 1 to {n_words}, the size of the word index, got {bad} in row {row}."
            f" {GET_AGAIN}"
        )


GET_AGAIN = "Get the file again, or point --data or SCRATCHNN_DATA at a good copy."
