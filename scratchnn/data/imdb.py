"""The IMDB reviews of Maas et al. (ACL 2011): 25,000 to learn from and 25,000 to test on, half of them positive.

`load` gives arrays ready for a model; `load_data` and `get_word_index` have the names and the results of Keras'.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Int32, Integer, Shaped, UInt8

from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.checks import whole_number
from scratchnn.data import corpus as corpora
from scratchnn.data import sources, synthetic
from scratchnn.data.corpus import Corpus, Reviews
from scratchnn.data.download import CITATION
from scratchnn.data.text import INDEX_FROM, OOV, START, Vocabulary, encode_reviews, id_of_rank

__all__ = ["CITATION", "Imdb", "get_word_index", "load", "load_data"]

# Keras shuffles with this seed, training rows first, then test rows with the same generator.
SHUFFLE_SEED = 113


@dataclass(frozen=True, eq=False)
class Imdb:
    """Reviews as rows of word ids, with all that is needed to say where they came from.

    Shapes:
        x_train (N, T), x_test (M, T) ids, T = maxlen, padded at the front; y_train (N,), y_test (M,) 1 is positive
    """

    x_train: Int32[Array, "N T"]
    y_train: UInt8[Array, " N"]
    x_test: Int32[Array, "M T"]
    y_test: UInt8[Array, " M"]
    vocabulary: Vocabulary
    source: str
    is_synthetic: bool
    digest: str
    """SHA-256 in hex of the content before any splitting or cutting; `digest[:8]` is enough to show."""
    digest_known: bool
    """Whether the content is the published one (for the synthetic corpus: the one every machine makes)."""
    oov_share: float
    """Unknown words among the words inside the training rows."""
    truncated_share: float
    """Training reviews that did not fit into a row."""
    num_words: int | None
    maxlen: int
    skip_top: int

    def __repr__(self) -> str:
        N, M = len(self.x_train), len(self.x_test)
        kind = "synthetic reviews" if self.is_synthetic else "reviews"
        words = "all words" if self.num_words is None else f"ids below {self.num_words:,}"
        return f"<Imdb, {N:,} {kind} to train on and {M:,} to test on, {words}, rows of {self.maxlen} ids>"

    def decode(self, ids: Iterable[int | np.integer]) -> str:
        """Return the words of one row, such as `data.decode(data.x_train[0])`; "?" stands for unknown words."""
        return self.vocabulary.decode(ids)

    def banner(self) -> str | None:
        """Return the warning that belongs above every result on synthetic data, or None on real data."""
        return synthetic.banner() if self.is_synthetic else None


def load(
    data: str | Path | None = None,
    *,
    num_words: int | None = 1000,
    maxlen: int = 100,
    skip_top: int = 0,
    resplit: bool | int = False,
    test_reviews: int | None = None,
    download: bool = True,
    synthetic: bool | None = None,
) -> Imdb:
    """Return the last `maxlen` ids of every review, in Keras' order and with Keras' ids.

    Args:
        data: folder with Keras' two files, or the .npz. None: $SCRATCHNN_DATA, our cache, Keras' cache, the download.
        num_words: ids from `num_words` on become 2, unknown; 1000 keeps 996 words. None keeps every word.
        skip_top: ids below `skip_top` become 2 as well, the start mark among them (as in Keras). Words begin at
            id 4: 24 leaves out the 20 most frequent ones.
        resplit: join all reviews, shuffle them and split them again, by the draw of this number, always the same one;
            True is draw 1.
        test_reviews: of a new split, as many reviews are for testing and all others for training; None: half of them.
        download: False never uses the network.
        synthetic: True makes the synthetic corpus at once; False never does; None does when nothing else is found.

    Raises:
        DataError: if `data` or $SCRATCHNN_DATA is set but wrong, or nothing was found and `synthetic` is False.
        ValueError: if a setting is out of range.
    """
    for name, value, least in (("num_words", num_words, 4), ("maxlen", maxlen, 1), ("skip_top", skip_top, 0)):
        if value is not None or name != "num_words":
            whole_number(name, value, least)
    if test_reviews is not None:
        whole_number("test_reviews", test_reviews, 1)
        if not resplit:
            raise ValueError(f"test_reviews={test_reviews} needs a new split: give resplit=True, or leave it out")
    draw = int(resplit) if isinstance(resplit, bool) else whole_number("resplit", resplit, 0)
    found = sources.find(data, allow_download=download, synthetic_data=synthetic)
    corpus = corpora.resplit(found.corpus, draw, test_reviews) if draw else found.corpus
    ids = id_of_rank(len(corpus.words), num_words, skip_top)
    start = START if skip_top <= START else OOV
    x, y = [], []
    for reviews, rows in zip((corpus.train, corpus.test), _shuffled(corpus.train, corpus.test), strict=True):
        x.append(encode_reviews(reviews, rows, ids, maxlen, start))
        y.append(reviews.labels[rows])
    # The start mark takes one place in the rows that it fits into; with `skip_top` it looks like an unknown word there.
    lengths = corpus.train.lengths
    n_unknown = np.count_nonzero(x[0] == OOV) - (np.count_nonzero(lengths < maxlen) if start == OOV else 0)
    return Imdb(
        x_train=x[0],
        y_train=y[0],
        x_test=x[1],
        y_test=y[1],
        vocabulary=Vocabulary.from_ranked(corpus.words, num_words, skip_top),
        source=found.source,
        is_synthetic=found.is_synthetic,
        digest=found.corpus.digest,
        digest_known=found.digest_known,
        oov_share=float(n_unknown / np.minimum(lengths, maxlen).sum()),
        truncated_share=float(np.mean(lengths + 1 > maxlen)),
        num_words=num_words,
        maxlen=maxlen,
        skip_top=skip_top,
    )


@heeds_keras_in("load_data")
def load_data(
    path: str | Path | None = None,
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = SHUFFLE_SEED,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = INDEX_FROM,
) -> tuple[
    tuple[Shaped[Array, " N"], Integer[Array, " N"]],
    tuple[Shaped[Array, " M"], Integer[Array, " M"]],
]:
    """Return ((x_train, y_train), (x_test, y_test)) as `keras.datasets.imdb.load_data` does: x are arrays of lists.

    Its surprises are kept: `maxlen` DROPS every review of `maxlen` ids or more, the start mark counted, and cuts none;
    `skip_top` and `num_words` turn the start mark into `oov_char` too when it falls outside them; without `num_words`
    the highest id that occurs, the rarest word, becomes `oov_char`; with `oov_char=None` unknown words are left out.
    Two things differ: `path` is the place of the files (Keras' own default, "imdb.npz", is ours too where no such file
    is here), and x is 1-D even if all rows have one length.

    Raises:
        DataError: as in `load`, but the synthetic corpus is never used instead.
        TypeError: if `path` is a number: in Keras too, the first argument is not `num_words`.
        ValueError: if a setting is out of range, or `maxlen` leaves no review in one of the splits.
    """
    settings = {"num_words": num_words, "maxlen": maxlen, "start_char": start_char, "oov_char": oov_char}
    given = {name: value for name, value in settings.items() if value is not None}
    for name, value in (given | {"skip_top": skip_top, "index_from": index_from}).items():
        whole_number(name, value, 0, 2**31 - 1)
    whole_number("seed", seed, 0, 2**32 - 1)
    corpus = sources.find(_place(path, sources.NPZ_NAME), synthetic_data=False).corpus
    splits = []
    for reviews, rows in zip((corpus.train, corpus.test), _shuffled(corpus.train, corpus.test, seed), strict=True):
        if maxlen:
            rows = rows[reviews.lengths[rows] + (start_char is not None) < maxlen]
            if not len(rows):
                raise ValueError(f"maxlen={maxlen} leaves no review, because all are that long or longer; increase it")
        splits.append((_flat_ids(reviews, rows, start_char, index_from), reviews.labels[rows].astype(np.int64)))
    limit = num_words or max(int(ids.max()) for (ids, _), _ in splits)
    (train, y_train), (test, y_test) = splits
    x_train, x_test = (
        _lists(ids, offsets, (ids >= skip_top) & (ids < limit), oov_char) for ids, offsets in (train, test)
    )
    return (x_train, y_train), (x_test, y_test)


def get_word_index(path: str | Path | None = None) -> dict[str, int]:
    """Return word -> rank, 1 for the commonest. The id of a word in the rows is its rank plus `index_from`, 3.

    Raises:
        DataError: as in `load_data`.
    """
    words = sources.find(_place(path, sources.INDEX_NAME), synthetic_data=False).corpus.words
    return {word: rank for rank, word in enumerate(words, start=1)}


def _place(path: str | Path | None, default: str) -> str | Path | None:
    """Where to look: in Keras, the name of its file in its cache is the default, which tutorials write out."""
    return None if path == default and not Path(default).exists() else path


def rows_of_test_reviews(corpus: Corpus) -> Integer[Array, " M"]:
    """Which of the raw test reviews each row of `x_test` is."""
    return _shuffled(corpus.train, corpus.test)[1]


def _shuffled(train: Reviews, test: Reviews, seed: int = SHUFFLE_SEED) -> list[Integer[Array, " N"]]:
    """Return the row order of each split. The files are sorted by class, so they must be shuffled."""
    legacy = np.random.RandomState(seed)  # Keras' generator: no other gives Keras' order
    orders = []
    for reviews in (train, test):
        rows = np.arange(len(reviews))
        legacy.shuffle(rows)
        orders.append(rows)
    return orders


def _flat_ids(
    reviews: Reviews, rows: Integer[Array, " N"], start_char: int | None, index_from: int
) -> tuple[Integer[Array, " total"], Integer[Array, " N+1"]]:
    """Return the ids of the given rows one after another, start marks included, and where each row begins."""
    marks = int(start_char is not None)
    lengths = reviews.lengths[rows] + marks
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    positions = np.arange(offsets[-1]) + np.repeat(reviews.offsets[rows] - marks - offsets[:-1], lengths)
    ids = reviews.tokens[np.maximum(positions, 0)].astype(np.int64) + index_from
    if start_char is not None:
        ids[offsets[:-1]] = start_char
    return ids, offsets


def _lists(
    ids: Integer[Array, " total"], offsets: Integer[Array, " O"], kept: Bool[Array, " total"], oov_char: int | None
) -> Shaped[Array, " N"]:
    if oov_char is None:
        offsets = np.concatenate([[0], np.cumsum(kept)])[offsets]
        flat = ids[kept].tolist()
    else:
        flat = np.where(kept, ids, oov_char).tolist()
    lists = np.empty(len(offsets) - 1, object)
    for n in range(len(lists)):
        lists[n] = flat[offsets[n] : offsets[n + 1]]
    return lists
