"""Words to ids and back, and ragged rows to arrays, with Keras' conventions.

Ids: 0 padding, 1 start of a review, 2 a word outside the vocabulary, 3 unused, and the word of rank r is r + 3. So
`num_words=1000` keeps the 996 commonest words.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int32, Integer, Shaped
from scratchnn_kernels.contract import Array

from scratchnn.data.corpus import Reviews

PAD, START, OOV, INDEX_FROM = 0, 1, 2, 3
_SPECIAL = ("<pad>", "<start>", "<oov>", "<unused>")
# Everything that the word index of the reviews leaves out; apostrophes stay inside words.
_SEPARATORS = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\s]+")
# Rows encoded at a time: the table of positions then stays small even at the longest length.
_BLOCK = 2048


@dataclass(frozen=True)
class Vocabulary:
    """The words a model knows: `words[id]` is the word of that id. The tuple is all there is to store with a model.

    The first four places, and those that `skip_top` leaves out, hold names in angle brackets, which no text contains.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.words) < len(_SPECIAL) or self.words[OOV] != _SPECIAL[OOV]:
            raise ValueError(f"words must start with {_SPECIAL}, got {self.words[:4]}")

    @classmethod
    def from_ranked(cls, ranked: Sequence[str], num_words: int | None = None, skip_top: int = 0) -> "Vocabulary":
        """Return the vocabulary of the ids below `num_words` (None: all) of the words in rank order.

        As in Keras, ids below `skip_top` count as unknown words, the start mark among them.
        """
        words = (_SPECIAL + tuple(ranked))[:num_words]
        skipped = [word if n in (PAD, OOV) or n >= skip_top else _SPECIAL[3] for n, word in enumerate(words)]
        return cls(tuple(skipped))

    def __len__(self) -> int:
        """Rows that an embedding table needs: one more than the highest id."""
        return len(self.words)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Word -> id, without the names in angle brackets."""
        return {word: n for n, word in enumerate(self.words) if n > INDEX_FROM and word != _SPECIAL[3]}

    def encode(self, text: str) -> Int32[Array, " T"]:
        """Return the ids of a text (T,), the start mark first: lower case, punctuation dropped, unknown words 2."""
        start = START if self.words[START] == _SPECIAL[START] else OOV
        words = _SEPARATORS.split(text.lower())
        return np.array([start] + [self.ids.get(word, OOV) for word in words if word], np.int32)

    def decode(self, ids: Iterable[int | np.integer], unknown: str = "?") -> str:
        """Return the words of a row of ids with spaces between them; padding and the start mark are left out.

        Raises:
            ValueError: if an id is outside the vocabulary.
        """
        row = [int(n) for n in ids]
        if row and not 0 <= min(row) <= max(row) < len(self.words):
            bad = min(row) if min(row) < 0 else max(row)
            raise ValueError(f"ids must lie between 0 and {len(self.words) - 1}, got {bad}")
        return " ".join(unknown if n == OOV else self.words[n] for n in row if n not in (PAD, START))


def pad_sequences(
    sequences: Sequence[Sequence[int]] | Sequence[Array] | Shaped[Array, " N"],
    maxlen: int | None = None,
    padding: str = "pre",
    truncating: str = "pre",
    value: int | float = 0,
    dtype: str = "int32",
) -> Shaped[Array, "N T"]:
    """Return the rows as one array (N, T), padded with `value` or cut, both at the front by default.

    T is `maxlen`, or the length of the longest row. Same arguments and results as Keras' function of this name, for
    rows of numbers.

    Raises:
        ValueError: if `padding` or `truncating` is neither "pre" nor "post", `maxlen` is negative, or a row is not 1-D.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f'{name} must be "pre" or "post", got {side!r}')
    if maxlen is not None and maxlen < 0:
        raise ValueError(f"maxlen must be at least 0, got {maxlen}")
    rows = [np.asarray(row) for row in sequences]
    for n, row in enumerate(rows):
        if row.ndim != 1:
            raise ValueError(f"sequences must be rows of numbers, got an element of shape {row.shape} at {n}")
    length = max((len(row) for row in rows), default=0) if maxlen is None else maxlen
    padded = np.full((len(rows), length), value, dtype)
    for n, row in enumerate(rows):
        kept = row[max(0, len(row) - length) :] if truncating == "pre" else row[:length]
        if padding == "pre":
            padded[n, length - len(kept) :] = kept
        else:
            padded[n, : len(kept)] = kept
    return padded


def id_of_rank(highest_rank: int, num_words: int | None, skip_top: int) -> Int32[Array, " R"]:
    """Return the table rank -> id (rank 0 is no word), with ids outside skip_top ... num_words - 1 turned into OOV."""
    ids = np.arange(highest_rank + 1, dtype=np.int32) + INDEX_FROM
    ids[ids < skip_top] = OOV
    if num_words is not None:
        ids[ids >= num_words] = OOV
    return ids


def encode_reviews(
    reviews: Reviews, rows: Integer[Array, " N"], ids: Int32[Array, " R"], maxlen: int, start: int = START
) -> Int32[Array, "N T"]:
    """Return the last `maxlen` ids of the given rows, start mark included and padded at the front: (N, maxlen).

    The same as a start mark before each review, `ids` looked up for each token, then `pad_sequences(..., maxlen)`.
    """
    encoded = np.empty((len(rows), maxlen), np.int32)
    back = np.arange(-maxlen, 0)
    for first in range(0, len(rows), _BLOCK):
        block = rows[first : first + _BLOCK]
        begins = reviews.offsets[block][:, None]
        positions = reviews.offsets[block + 1][:, None] + back
        words = ids[reviews.tokens[np.maximum(positions, 0)]]
        words[positions == begins - 1] = start
        words[positions < begins - 1] = PAD
        encoded[first : first + _BLOCK] = words
    return encoded
