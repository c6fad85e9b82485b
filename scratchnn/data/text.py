"""Words to ids and back, and ragged rows to arrays, with Keras' conventions.

Ids: 0 padding, 1 start of a review, 2 a word outside the vocabulary, 3 unused, and the word of rank r is r + 3. So
`num_words=1000` keeps the 996 commonest words.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Int32, Integer, Shaped

from scratchnn.core.arrays import as_numbers, narrowed
from scratchnn.core.checks import whole_number
from scratchnn.data.corpus import Reviews
from scratchnn.data.words import ID_BYTES, LookedUp, normal_words, spaced, spellings, unmarked

PAD, START, OOV, INDEX_FROM = 0, 1, 2, 3
_SPECIAL = ("<pad>", "<start>", "<oov>", "<unused>")
_PADDING = bytes([PAD])
# Rows encoded at a time: the table of positions then stays small even at the longest length.
_BLOCK = 2048


@dataclass(frozen=True)
class Vocabulary:
    """The words a model knows: `words[id]` is the word of that id. The tuple is all there is to store with a model.

    The first four places, and those that `skip_top` leaves out, hold names in angle brackets, which no text contains.
    """

    words: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self.words):,} ids: {', '.join(self.words[4:8])}, ...>"

    def __post_init__(self) -> None:
        if len(self.words) < len(_SPECIAL) or self.words[OOV] != _SPECIAL[OOV]:
            raise ValueError(f"words must start with {_SPECIAL}, got {self.words[:4]}")

    @classmethod
    def from_ranked(cls, ranked: Iterable[str], num_words: int | None = None, skip_top: int = 0) -> "Vocabulary":
        """Return the vocabulary of the ids below `num_words` (None: all) of the words in rank order.

        As in Keras, ids below `skip_top` count as unknown words, the start mark among them.

        Raises:
            TypeError: for anything but words in an order: a word index {word: rank} and a set have none.
            ValueError: for another `num_words` than None or 4 and more, which are the ids that stand for no word.
        """
        words = tuple(ranked) if isinstance(ranked, Iterable) else None
        if isinstance(ranked, Mapping | str) or words is None or not all(isinstance(word, str) for word in words):
            raise TypeError(
                f"ranked must be words, the commonest first, got {_shown(ranked)}; "
                "for a word index {word: rank} that is sorted(index, key=index.get)"
            )
        if isinstance(ranked, set | frozenset):
            raise TypeError(
                f"ranked must be words in an order, the commonest first, and a set has none: {_shown(ranked)}"
            )
        if num_words is not None:
            num_words = whole_number("num_words", num_words, len(_SPECIAL))
        skip_top = whole_number("skip_top", skip_top, 0)
        words = (_SPECIAL + words)[:num_words]
        skipped = [word if n in (PAD, OOV) or n >= skip_top else _SPECIAL[3] for n, word in enumerate(words)]
        return cls(tuple(skipped))

    def __len__(self) -> int:
        """Rows that an embedding table needs: one more than the highest id."""
        return len(self.words)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Word -> id, without the names in angle brackets."""
        return {word: n for n, word in enumerate(self.words) if n > INDEX_FROM and word != _SPECIAL[3]}

    @cached_property
    def _other_spellings(self) -> dict[str, int]:
        """Normalised word -> id, for words that are not written like that, the commonest first.

        Empty where words were skipped: a skipped word must not reach a rarer one that is spelled much like it.
        """
        found: dict[str, int] = {}
        if _SPECIAL[3] in self.words[INDEX_FROM + 1 :]:
            return found
        for word, n in self.ids.items():
            normal = [] if word.isascii() and word.islower() else normal_words(word)
            if len(normal) == 1:
                for spelling in (normal[0], unmarked(normal[0])):
                    found.setdefault(spelling, n)
        return found

    def encode(self, text: str) -> Int32[Array, " T"]:
        """Return the ids of a text (T,), the start mark first, and 2 for unknown words; `data/words.py` says how.

        Raises:
            TypeError: for anything but one text.
        """
        return np.frombuffer(bytearray(self._start + self._looked_up.all(self._spaced(text))), np.int32)

    def encode_rows(self, texts: Iterable[str], length: int) -> Int32[Array, "N T"]:
        """The same for several texts, as rows (N, T), T = length: the last T ids of each, padded in front.

        Raises:
            TypeError: as `encode`.
        """
        looked_up, start, T = self._looked_up, self._start, length * ID_BYTES
        rows = ((start + looked_up.last(self._spaced(text), length))[-T:].rjust(T, _PADDING) for text in texts)
        return np.frombuffer(bytearray().join(rows), np.int32).reshape(-1, length)

    @cached_property
    def _start(self) -> bytes:
        return np.int32(START if self.words[START] == _SPECIAL[START] else OOV).tobytes()

    def oov_share(self, texts: str | Iterable[str]) -> float:
        """Return the share of unknown words among all words of the texts; NaN where there are none.

        Where it is far above that of the training reviews, `Imdb.oov_share`, a model knows little of these texts.
        """
        found = map(self._looked_up.all, map(self._spaced, [texts] if isinstance(texts, str) else texts))
        ids = np.frombuffer(b"".join(found), np.int32)
        return np.count_nonzero(ids == OOV) / len(ids) if len(ids) else float("nan")

    def _spaced(self, text: str) -> bytes:
        if not isinstance(text, str):
            raise TypeError(f"a text must be a str, got {_shown(text)}{_TO_DO.get(type(text), '')}")
        return spaced(text, self.ids)

    @cached_property
    def _looked_up(self) -> LookedUp:
        return LookedUp(self._look_up)

    def _look_up(self, part: str) -> tuple[int, ...]:
        """The ids of the words in a part of a text between white space and punctuation."""
        ids, others = self.ids, self._other_spellings
        lower = part.lower()
        if known := ids.get(part) or ids.get(lower):
            return (known,)
        if part.isascii() and part.isalnum():  # the only spelling of it that there is, as the lines below would find
            return (others.get(lower, OOV),)
        words = normal_words(part)
        return tuple(next((n for each in spellings(w) if (n := ids.get(each) or others.get(each))), OOV) for w in words)

    def __getstate__(self) -> dict[str, Any]:
        return {"words": self.words}  # a copy looks up anew

    def decode(self, ids: Iterable[int | np.integer], unknown: str = "?") -> str:
        """Return the words of a row of ids with spaces between them; padding and the start mark are left out.

        Raises:
            ValueError: if an id is outside the vocabulary, or no whole number.
        """
        given = as_numbers("ids", ids)
        if given.ndim != 1:
            raise ValueError(f"decode takes one row of ids, got an array of shape {given.shape}")
        row = narrowed("ids", given, np.int64).tolist()
        if row and not 0 <= min(row) <= max(row) < len(self.words):
            bad = min(row) if min(row) < 0 else max(row)
            raise ValueError(f"ids must lie between 0 and {len(self.words) - 1}, got {bad}")
        return " ".join(unknown if n == OOV else self.words[n] for n in row if n not in (PAD, START))


_TO_DO = {
    bytes: ": decode it first, with text.decode('utf-8')",
    list: ": encode one after another, [vocabulary.encode(text) for text in texts]",
    tuple: ": encode one after another, [vocabulary.encode(text) for text in texts]",
}


def _shown(value: object) -> str:
    shown = repr(value)
    return f"{shown[:57]}..." if len(shown) > 60 else shown


def pad_sequences(
    sequences: Iterable[Any],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: int | float = 0.0,
) -> Shaped[Array, "N T"]:
    """Return the rows as one array (N, T), padded with `value` or cut, both at the front by default.

    T is `maxlen`, or the length of the longest row. Same arguments and results as Keras' function of this name, for
    rows of numbers, except that no number is changed: Keras wraps 2**31 around and cuts 1.5 to 1 in silence.

    Raises:
        ValueError: if `padding` or `truncating` is neither "pre" nor "post", `maxlen` is negative, a row is not 1-D, or
            `dtype` cannot hold a number; the message names it and its row.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f'{name} must be "pre" or "post", got {side!r}')
    if maxlen is not None:
        whole_number("maxlen", maxlen, 0)
    fill = narrowed("value", value, _of_numbers(dtype))
    rows = _rows(sequences)
    length = max((len(row) for row in rows), default=0) if maxlen is None else maxlen
    padded = np.full((len(rows), length), fill, dtype)
    for n, row in enumerate(rows):
        kept = row[max(0, len(row) - length) :] if truncating == "pre" else row[:length]
        kept = narrowed(f"row {n} of sequences", kept, dtype)
        if padding == "pre":
            padded[n, length - len(kept) :] = kept
        else:
            padded[n, : len(kept)] = kept
    return padded


def _of_numbers(dtype: DTypeLike) -> np.dtype:
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found.kind not in "iufb":
        raise ValueError(f"dtype must be one of numbers, such as 'int32', got {dtype!r}; words are encoded first")
    return found


def _rows(sequences: Any) -> list[Array]:
    """The rows as arrays of numbers (t,), or a ValueError."""
    if isinstance(sequences, str) or not isinstance(sequences, Iterable):
        raise ValueError(f"sequences must be rows of numbers, got {_shown(sequences)}")
    rows = [as_numbers(f"row {n} of sequences", row) for n, row in enumerate(sequences)]
    for n, row in enumerate(rows):
        if row.ndim != 1:
            raise ValueError(f"sequences must be rows of numbers, got an element of shape {row.shape} at {n}")
    return rows


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
