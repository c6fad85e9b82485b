"""The film reviews as the source of a study, and what is known of those that it is tested on, in the order in which
models see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float, Integer

from scratchnn.data import corpus as raw
from scratchnn.data import sources
from scratchnn.data.corpus import Corpus
from scratchnn.data.encoder import REVIEW_CLASSES
from scratchnn.data.imdb import rows_of_test_reviews
from scratchnn.data.sources import Found
from scratchnn.data.text import OOV, PAD, START, encode_reviews, id_of_rank
from scratchnn.experiments.model_file import SavedLayers
from scratchnn.experiments.preparation import build_model, load_reviews
from scratchnn.experiments.presets import Preset
from scratchnn.experiments.settings import Settings
from scratchnn.models.model import Model
from scratchnn.study.results import Reviews, RunResult
from scratchnn.study.sources import Examples, Source
from scratchnn.training import batches


@dataclass(frozen=True)
class FilmReviews(Source):
    """The IMDB reviews, where they are found, or the generated ones."""

    noun: ClassVar[str] = "review"
    path: str | None = None
    synthetic: bool = False

    @classmethod
    def of(cls, found: Found, path: str | None = None) -> "FilmReviews":
        """Of reviews that were found already, at this path."""
        source = cls(path, found.is_synthetic)
        vars(source)["found"] = found
        return source

    def __reduce__(self) -> Any:
        return FilmReviews, (self.path, self.synthetic)  # without the reviews

    @cached_property
    def found(self) -> Found:
        return sources.find(self.path, synthetic_data=True if self.synthetic else None)

    @property
    def corpus(self) -> Corpus:
        return self.found.corpus

    @property
    def digest(self) -> str:
        return self.corpus.digest

    def settings(self, preset: Preset, chosen: Mapping[str, Any]) -> Settings:
        return preset.settings(**{"synthetic": self.found.is_synthetic, **chosen})

    def check(self, model: str, settings: Settings) -> None:
        there = len(self.corpus.train)
        if settings.resplit:
            both = there + len(self.corpus.test)
            there = both - (both // 2 if settings.test_reviews is None else settings.test_reviews)
        n = there if settings.train_reviews is None else settings.train_reviews
        if n > there:
            raise ValueError(
                f"{model!r}: train_reviews must be at most {there:,}, the reviews there are to train on, got {n:,}; "
                "resplit and a smaller number of test_reviews leave more"
            )
        try:
            batches.split((np.zeros(n), np.zeros(n), None), settings.validation_split)
        except ValueError as error:
            raise ValueError(f"{model!r}: {error}") from None

    def validates(self, settings: Settings) -> bool:
        return settings.validation_split > 0

    def test_set(self, settings: Settings) -> str:
        if not settings.resplit:
            return self.corpus.test.digest
        split = settings.resplit, settings.test_reviews
        if split not in self._resplit:
            self._resplit[split] = raw.resplit(self.corpus, *split).test.digest
        return self._resplit[split]

    @cached_property
    def _resplit(self) -> dict[tuple[int, int | None], str]:
        return {}

    def build(self, preset: Preset, settings: Settings) -> Model:
        if isinstance(preset.layers, SavedLayers):
            preset = preset.with_classes(len(REVIEW_CLASSES))
        return build_model(settings, preset)

    def load(self, settings: Settings) -> Examples:
        data = load_reviews(settings, self.path)
        return Examples(
            data.x_train, data.y_train, data.x_test, data.y_test, len(REVIEW_CLASSES), data.digest, data.source
        )

    def key(self, settings: Settings) -> tuple[Any, ...]:
        names = (
            "vocabulary", "length", "skip_top", "resplit", "train_reviews", "test_reviews", "shuffle_words", "synthetic"
        )  # fmt: skip
        seed = settings.seed if settings.shuffle_words else None
        return seed, *(getattr(settings, name) for name in names)

    def describe(self, results: Sequence[RunResult]) -> dict[str, Reviews]:
        about = "generated reviews" if self.found.is_synthetic else "IMDB reviews"
        found = describe_all(self.corpus, results)
        return {digest: replace(reviews, source=about) for digest, reviews in found.items()}

    def heading(self, settings: Settings) -> list[tuple[str, str]]:
        return [("data", f"{self.found.source}, digest {self.digest[:8]}")]


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
