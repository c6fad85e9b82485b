"""Texts of the user's own as the source of a study: read again wherever a run is done, and told from others."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float

from scratchnn.data.corpus import DataError
from scratchnn.data.encoder import TextEncoder
from scratchnn.data.own.labelled import Parts
from scratchnn.data.own.loading import OwnTexts, read_all, tell, to_use, words_of
from scratchnn.data.own.options import TextOptions
from scratchnn.data.text import OOV
from scratchnn.experiments import own
from scratchnn.experiments.heading import of_texts
from scratchnn.experiments.presets import Preset
from scratchnn.experiments.settings import Settings
from scratchnn.models.model import Model
from scratchnn.study.results import Reviews, RunResult
from scratchnn.study.sources import Examples, Source, loaded, remember


@dataclass(frozen=True)
class OwnSource(Source):
    """The texts that the options name."""

    noun: ClassVar[str] = "text"
    unused: ClassVar[tuple[str, ...]] = ("test_reviews", "synthetic")
    options: TextOptions
    vectors_digest: str | None = None  # of the file of word vectors

    @classmethod
    def of(cls, options: TextOptions) -> "OwnSource":
        """With a warning of what is left out of the texts.

        Raises:
            DataError: if the texts, or the file of vectors, cannot be read.
        """
        tell(read_all(options))
        return cls(options, None if options.vectors is None else _digest_of(options.vectors))

    @cached_property
    def _known(self) -> dict[str, Any]:
        return {}  # what planning has found out

    def __reduce__(self) -> Any:
        return OwnSource, (self.options, self.vectors_digest)

    @property
    def digest(self) -> str:
        if "digest" not in self._known:
            self._known["digest"] = read_all(self.options).digest
        return self._known["digest"]

    @property
    def deciding(self) -> dict[str, Any]:
        said = asdict(self.options) | {"vectors": self.vectors_digest}
        # The digest of the texts says which part each is in, and where they are does not matter.
        names = ("test_split", "min_count", "class_weights", "vectors")
        return {f"--{name.replace('_', '-')}": said[name] for name in names}

    def settings(self, preset: Preset, chosen: Mapping[str, Any]) -> Settings:
        settings, data = own.resolved(preset, chosen, self.options)
        settings = replace(settings, resplit=settings.resplit if data.drawn else 0)
        remember(self, settings, self._examples(data))
        return settings

    def check(self, model: str, settings: Settings) -> None:
        """Nothing is left to check: `settings` has read them."""

    def validates(self, settings: Settings) -> bool:
        held_out = loaded(self, settings).validation
        return held_out is not None

    def test_set(self, settings: Settings) -> str:
        split = f"{settings.resplit}, {settings.validation_split}"
        if split not in self._known:
            self._known[split] = _digest_of_test(self._parts(settings))
        return self._known[split]

    def build(self, preset: Preset, settings: Settings) -> Model:
        data = loaded(self, settings)
        return own.build(preset, settings, data.classes, data.vectors)

    def fitted(self, preset: Preset, settings: Settings) -> Preset:
        data = loaded(self, settings)
        with suppress(ValueError):
            preset = preset.with_classes(data.classes, None if data.vectors is None else data.vectors.matrix.shape[1])
        return preset

    def load(self, settings: Settings) -> Examples:
        if self.options.vectors is not None and _digest_of(self.options.vectors) != self.vectors_digest:
            raise DataError(
                f"the study was planned with other word vectors than {self.options.vectors} holds now; give every "
                "worker the same file"
            )
        return self._examples(own.texts_for(settings, self.options, settings.vocabulary, settings.length))

    def _examples(self, data: OwnTexts) -> Examples:
        return Examples(
            data.x_train, data.y_train, data.x_test, data.y_test, len(data.classes), data.digest, data.source,
            validation=(data.x_validation, data.y_validation) if len(data.x_validation) else None,
            class_weight=own.class_weight(data, self.options), vectors=own.vectors_for(data, self.options),
            own=data,
        )  # fmt: skip

    def key(self, settings: Settings) -> tuple[Any, ...]:
        names = ("vocabulary", "length", "skip_top", "resplit", "train_reviews", "validation_split", "shuffle_words")
        seed = settings.seed if settings.shuffle_words else None
        return seed, *(getattr(settings, name) for name in names)

    def describe(self, results: Sequence[RunResult]) -> dict[str, Reviews]:
        first = {result.test_set: Settings(**result.settings) for result in reversed(results)}
        return {test_set: self._described(settings) for test_set, settings in first.items()}

    def heading(self, settings: Settings) -> list[tuple[str, str]]:
        found = loaded(self, settings)
        assert found.own is not None
        return of_texts(found.own, settings, self.options, found.vectors and found.vectors.found)

    def _parts(self, settings: Settings) -> Parts:
        found = read_all(self.options)
        return to_use(found, self.options, settings.validation_split, settings.resplit, settings.train_reviews)

    def _described(self, settings: Settings) -> Reviews:
        """The test texts as `settings` split them; the share of unknown words is that of the words they keep."""
        parts, data = self._parts(settings), loaded(self, settings)
        assert parts.test is not None and data.own is not None
        texts = parts.test.texts
        return Reviews(
            digest=_digest_of_test(parts),
            y=data.y_test.astype(np.float32),
            length=np.array([len(words_of(text)) for text in texts]),
            unknown_share=_unknown_share(data.own.encoder, texts),
            in_training=_in_training(parts.train.texts, texts),
            text=lambda n: " ".join(texts[n].split()),
            classes=data.own.classes,
            noun=self.noun,
            source=Path(self.options.data).name,
        )


def _digest_of_test(parts: Parts) -> str:
    assert parts.test is not None
    return Parts(parts.test).digest


def _digest_of(path: str) -> str:
    """Of a file's content.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        status = os.stat(Path(path).expanduser())
        return _hashed(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise DataError(f"--vectors {path} cannot be read: {error.strerror}") from None


@lru_cache(maxsize=1)
def _hashed(path: str, changed: int, size: int) -> str:
    with Path(path).expanduser().open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unknown_share(encoder: TextEncoder, texts: Sequence[str]) -> Float[Array, " N"]:
    """Of the words that a model is shown, 0 where it is shown none. The start mark is no word."""
    found = []
    for text in texts:
        ids = encoder.vocabulary.encode(text)
        shown = ids[max(1, len(ids) - encoder.length) :]
        found.append(float(np.mean(shown == OOV)) if len(shown) else 0.0)
    return np.array(found)


def _in_training(training: Sequence[str], texts: Sequence[str]) -> Bool[Array, " N"]:
    """Whether the very same words occur as a training text, whatever the label."""
    known = {tuple(words_of(text)) for text in training}
    return np.array([tuple(words_of(text)) in known for text in texts])
