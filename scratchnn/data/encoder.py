"""From texts to the rows of ids that a model was trained on, and from a saved model back to what its outputs mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Int32

from scratchnn.core.checks import whole_number
from scratchnn.data.text import Vocabulary, pad_sequences

REVIEW_CLASSES = ("negative", "positive")  # of the film reviews, whose labels are 0 and 1


@dataclass(frozen=True)
class TextEncoder:
    """What a classifier of texts knows beyond its weights: its words, how many of a text it reads, and its classes.

    A model of two classes has one output, the probability of `classes[1]`; of more, one output for each class, in
    their order.
    """

    vocabulary: Vocabulary
    length: int
    classes: tuple[str, ...] = REVIEW_CLASSES

    def __post_init__(self) -> None:
        whole_number("length", self.length, 1)
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes must be two different names or more, got {self.classes}")

    def __repr__(self) -> str:
        return f"<TextEncoder, {len(self.vocabulary):,} ids, rows of {self.length}, classes {', '.join(self.classes)}>"

    def encode(self, texts: Iterable[str]) -> Int32[Array, "N T"]:
        """Return the texts as ids (N, T), T = length: a start mark and the words, the last T of them, padded in front.

        Raises:
            TypeError: for one text instead of several, or for what is no text.
        """
        if isinstance(texts, str):
            raise TypeError(f"texts must be several, such as a list, got one: [{texts[:40]!r}]")
        return self.vocabulary.encode_rows(texts, self.length)

    def padded(self, rows: list[Int32[Array, " _"]]) -> Int32[Array, "N T"]:
        """Rows of ids that `vocabulary.encode` gave, as one array (N, T)."""
        return pad_sequences(rows, self.length) if rows else np.empty((0, self.length), np.int32)

    def to_metadata(self) -> dict[str, Any]:
        """What a model's `metadata` holds of it: plain values, to be saved with the model."""
        return {"vocabulary": list(self.vocabulary.words), "length": self.length, "classes": list(self.classes)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> "TextEncoder":
        """The encoder of a saved model, from its `metadata`.

        Raises:
            ValueError: for a model that was saved without its words, or without how many of them it reads, or with
                something else in their place.
        """
        if "vocabulary" not in metadata:
            raise ValueError(
                "the model was saved without its vocabulary, so it cannot read words, only ids. Models that "
                "`python -m scratchnn.train` saves have one; give one of your own with "
                "model.metadata |= TextEncoder(vocabulary, length, classes).to_metadata() before it is saved"
            )
        settings = metadata.get("settings")
        length = metadata.get("length", settings.get("length") if isinstance(settings, Mapping) else None)
        if length is None:
            raise ValueError(
                "the model was saved without the number of words that it reads of a text: "
                "set model.metadata['length'] to the length of the rows it was trained on, and save it again"
            )
        words, classes = metadata["vocabulary"], metadata.get("classes", REVIEW_CLASSES)
        for name, part in (("vocabulary", words), ("classes", classes)):
            if not isinstance(part, list | tuple) or not all(isinstance(each, str) for each in part):
                raise ValueError(f"the model was saved with the {name} {str(part)[:40]!r}, expected a list of words")
        return cls(Vocabulary(tuple(words)), length, tuple(classes))
