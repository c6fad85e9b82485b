"""What a model makes of a text, word by word."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.arrays import as_numbers, narrowed
from scratchnn.core.checks import number
from scratchnn.data.text import OOV, PAD, START, Vocabulary
from scratchnn.data.words import normal_words, parts
from scratchnn.explain.chain import Chain
from scratchnn.explain.classes import number_of
from scratchnn.layers.trace import Trace, of_walk
from scratchnn.models.model import Model

LONGEST = 10_000  # words of a text that a model of no fixed length is given


@dataclass(frozen=True, eq=False)
class Reading:
    """A text as a model reads it. n words, T steps: those of the row x, padding included."""

    words: tuple[str, ...]
    """As they were typed, if a text was given; "?" for unknown words of a row of ids."""
    ids: Array
    """(n,)"""
    x: Array
    """(T,): the row that the model is given."""
    places: Array
    """(n,): the step of each word."""
    p: Array
    """(n,): the model's output after each word, a probability also where its loss takes logits; the last is its
    prediction where no padding follows."""
    prediction: float
    reads_on: bool
    """True: p is the output if the walk stopped after the word. False (some layer sees several words at once, or reads
    from the end): p is the prediction for the text that is cut after the word."""
    traces: dict[str, Trace]
    """Each recurrent layer's, by its name; those of a Bidirectional are "name.forward" and "name.backward"."""
    cut: int = 0
    """Words in front that the model's length left out."""
    label: float | None = None
    """What the text is labelled, if that is known; of several classes 1.0 if it is that of p, else 0.0."""
    of_class: int | None = None
    """The output that p is, of a model with one for each class."""
    likeliest: int | None = None
    """Of such a model, the class that it takes for the text's."""

    def __repr__(self) -> str:
        return f"<Reading of {len(self.words)} words, p {self.prediction:.4f}, traces: {', '.join(self.traces) or '-'}>"


def read(
    model: Model | Chain, text: Any, *, label: Any = None, vocabulary: Any = None, of_class: Any = None
) -> Reading:
    """Let a model read a text, or a row of ids (padding, id 0, is no word).

    A text is cut to the model's length, its last words kept, and padded in front, as the reviews are.

    Args:
        vocabulary: words by their ids; None: that which `scratchnn.train` saves with the model.
        label: 0 or 1, or a probability between them; of several classes the name or number of one.
        of_class: the class whose probability p is, its name or number, for a model with an output for each class;
            None: the one that the model takes for the text's.

    Raises:
        ValueError: for a text without a word or without a known one, an id beyond the table, a model without a
            vocabulary if a text is given, and a model that `Chain` refuses.
    """
    chain = Chain.of(model, of_class, later=True)
    several = chain.of_class is not None
    if label is not None:
        label = number_of(chain.classes, label) if several else number("label", label, 0, 1)
    known = vocabulary_of(chain.model) if vocabulary is None else Vocabulary(tuple(vocabulary))
    if isinstance(text, str):
        ids, typed = encoded(text, known)
    else:
        ids, typed = _row(text), None
    row, cut = _fitted(ids, chain.length)
    places = np.flatnonzero(row != PAD)
    if not len(places):
        raise ValueError("the row holds no word: all of its ids are 0, padding")
    if row.max() >= chain.layers[0].input_dim:
        raise ValueError(f"the model has rows for ids below {chain.layers[0].input_dim}, got id {row.max()}")
    words = _named(row[places], known) if typed is None else tuple(typed[len(typed) - len(places) :])
    walk = chain.forward(row[None])
    traces = {name: of_walk(layer, cache.kernel_cache) for name, layer, cache in chain.walked(walk.caches)}
    likeliest = int(np.argmax(walk.outputs[-2][0])) if several else None
    if chain.undecided and likeliest is not None:
        chain.pick(likeliest)
    prediction = float(walk.outputs[-1][0, 0] if likeliest is None else walk.outputs[-2][0, chain.of_class])
    if not np.isfinite(prediction):
        raise ValueError(f"the model's output for this text is {prediction}: its weights are not usable")
    if chain.reads_on:
        last = chain.last_recurrent
        assert last is not None
        h = traces[chain.layers[last].name]["h"][0, places]
        p = chain.forward(h, last + 1).outputs[-1][:, 0] if last + 1 < len(chain.layers) else h[:, 0]
    else:
        p = _of_shortened(chain, row[places], len(row))
    if several and label is not None:
        label = float(label == chain.of_class)
    return Reading(
        words, row[places], row, places, p, prediction, chain.reads_on, traces, cut, label, chain.of_class, likeliest
    )


def vocabulary_of(model: Model) -> Vocabulary | None:
    words = model.metadata.get("vocabulary")
    return None if words is None else Vocabulary(tuple(words))


def encoded(text: str, vocabulary: Vocabulary | None) -> tuple[Array, list[str]]:
    """The ids of a text, the start mark first, and the words as they were typed, as far as the two go together."""
    if vocabulary is None:
        raise ValueError(
            "the model was saved without a vocabulary, so that a text cannot be encoded. Put the words that its ids "
            "stand for into it and save it again: model.metadata['vocabulary'] = list(vocabulary.words); or, in "
            "Python, read(model, text, vocabulary=...)"
        )
    ids = vocabulary.encode(text)
    if len(ids) == 1:
        raise ValueError(f"the text {text[:40]!r} holds no word: give at least one")
    if (ids[1:] == OOV).all():
        raise ValueError(
            f"the model knows no word of the text (it has {len(ids) - 1}): its vocabulary has {len(vocabulary):,} "
            "ids, the commonest words of the reviews it was trained on"
        )
    typed = [word for part in parts(text, vocabulary.ids) for word in _words_in(part, vocabulary)]
    named = _named(ids[1:], vocabulary)
    words = [own if name == "?" else name for name, own in zip(named, typed, strict=True)]
    return ids, ["<start>", *words]


def _words_in(part: str, vocabulary: Vocabulary) -> list[str]:
    """As many as `encode` makes of it."""
    return [part] if part in vocabulary.ids or part.lower() in vocabulary.ids else normal_words(part)


def _row(ids: Iterable[Any]) -> Array:
    given = as_numbers("ids", ids)
    if given.ndim != 1 or not len(given):
        raise ValueError(f"read takes one text or one row of ids, got an array of shape {given.shape}")
    row = narrowed("ids", given, np.int32)
    if row.min() < 0:
        raise ValueError(f"ids are 0 and more, got {row.min()}")
    return row


def _fitted(ids: Array, length: int | None) -> tuple[Array, int]:
    """The row, cut and padded in front to the length; and how many words were cut off."""
    length = min(len(ids), LONGEST) if length is None else length
    cut = max(0, len(ids) - length)
    row = np.zeros(length, np.int32)
    row[length - len(ids) + cut :] = ids[cut:]
    return row, int(np.count_nonzero((ids[:cut] != PAD) & (ids[:cut] != START)))


def _named(ids: Array, vocabulary: Vocabulary | None) -> tuple[str, ...]:
    names: list[str] = [] if vocabulary is None else list(vocabulary.words)
    names[START : OOV + 1] = ["<start>", "?"] if names else []
    return tuple(names[n] if n < len(names) else f"id {n}" for n in ids.tolist())


def _of_shortened(chain: Chain, ids: Array, length: int) -> Array:
    """The predictions for the text cut after each word, padded in front again."""
    rows = np.zeros((len(ids), length), np.int32)
    for n in range(len(ids)):
        rows[n, length - n - 1 :] = ids[: n + 1]
    return chain.predicted(rows)
