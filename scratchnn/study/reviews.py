"""What is known of the reviews that a study is tested on, in the order in which models see them."""

from collections.abc import Sequence

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float, Integer

from scratchnn.data import corpus as raw
from scratchnn.data.corpus import Corpus
from scratchnn.data.imdb import rows_of_test_reviews
from scratchnn.data.text import OOV, PAD, START, encode_reviews, id_of_rank
from scratchnn.experiments.settings import Settings
from scratchnn.study.results import Reviews, RunResult


def describe(corpus: Corpus, settings: Settings) -> Reviews:
    """The test reviews as `settings` split them; the share of unknown words is that of the words they keep."""
    corpus = raw.resplit(corpus, settings.resplit, settings.test_reviews) if settings.resplit else corpus
    test, rows = corpus.test, rows_of_test_reviews(corpus)

    def text(i: int) -> str:
        row = rows[i]
        return " ".join(corpus.words[token - 1] for token in test.tokens[test.offsets[row] : test.offsets[row + 1]])

    return Reviews(
        digest=test.digest,
        y=test.labels[rows].astype(np.float32),
        length=test.lengths[rows],
        unknown_share=_unknown_share(corpus, rows, settings),
        in_training=_in_training(corpus)[rows],
        text=text,
    )


def describe_all(corpus: Corpus, results: Sequence[RunResult]) -> dict[str, Reviews]:
    """Every set of test reviews in a study by its digest, as the first of its models is shown them."""
    first = {result.test_set: Settings(**result.settings) for result in reversed(results)}
    return {test_set: describe(corpus, settings) for test_set, settings in first.items()}


def _unknown_share(corpus: Corpus, rows: Integer[Array, " N"], settings: Settings) -> Float[Array, " N"]:
    ids = id_of_rank(len(corpus.words), settings.vocabulary, settings.skip_top)
    # START is never a word's id, so the mark cannot be mistaken for an unknown word, as it can be with skip_top.
    shown = encode_reviews(corpus.test, rows, ids, settings.length, START)
    words = (shown != PAD) & (shown != START)
    return (shown == OOV).sum(axis=1) / words.sum(axis=1)


def _in_training(corpus: Corpus) -> Bool[Array, " N"]:
    """Whether the very same words occur as a training review, whatever the label."""

    def contents(reviews: raw.Reviews) -> list[bytes]:
        ends = reviews.offsets
        return [reviews.tokens[ends[n] : ends[n + 1]].tobytes() for n in range(len(reviews))]

    known = set(contents(corpus.train))
    return np.array([content in known for content in contents(corpus.test)])
