"""What a model makes of a text, word by word."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.arrays import as_numbers, narrowed
from scratchnn.data.text import OOV, PAD, START, Vocabulary
from scratchnn.explain.chain import Chain
from scratchnn.layers.trace import Trace, of_walk
from scratchnn.models.model import Model

LONGEST = 10_000  # words of a text that a model of no fixed length is given
_AROUND = '.,;:!?"()'
_ROWS = 128  # of a batch of shortened texts


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
    """(n,): the model's output after each word; the last is its prediction where no padding follows."""
    prediction: float
    reads_on: bool
    """True: p is the output if the walk stopped after the word. False (some layer sees several words at once, or reads
    from the end): p is the prediction for the text that is cut after the word."""
    traces: dict[str, Trace]
    """Each recurrent layer's, by its name; those of a Bidirectional are "name.forward" and "name.backward"."""
    cut: int = 0
    """Words in front that the model's length left out."""
    label: Any = None
    """What the text is labelled, if that is known."""

    def __repr__(self) -> str:
        return f"<Reading of {len(self.words)} words, p {self.prediction:.4f}, traces: {', '.join(self.traces) or '-'}>"


def read(model: Model | Chain, text: Any, *, label: Any = None, vocabulary: Any = None) -> Reading:
    """Let a model read a text, or a row of ids (padding, id 0, is no word).

    A text is cut to the model's length, its last words kept, and padded in front, as the reviews are.

    Args:
        vocabulary: words by their ids; None: that which `scratchnn.train` saves with the model.

    Raises:
        ValueError: for a text without a word or without a known one, an id beyond the table, a model without a
            vocabulary if a text is given, and a model that `Chain` refuses.
    """
    chain = Chain.of(model)
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
    traces = {name: of_walk(layer, cache.kernel_cache) for name, layer, cache in walked(chain, walk.caches)}
    prediction = float(walk.outputs[-1][0, 0])
    if not np.isfinite(prediction):
        raise ValueError(f"the model's output for this text is {prediction}: its weights are not usable")
    if chain.reads_on:
        last = chain.last_recurrent
        assert last is not None
        h = traces[chain.layers[last].name]["h"][0, places]
        p = chain.forward(h, last + 1).outputs[-1][:, 0] if last + 1 < len(chain.layers) else h[:, 0]
    else:
        p = _of_shortened(chain.model, row[places], len(row))
    return Reading(words, row[places], row, places, p, prediction, chain.reads_on, traces, cut, label)


def vocabulary_of(model: Model) -> Vocabulary | None:
    words = model.metadata.get("vocabulary")
    return None if words is None else Vocabulary(tuple(words))


def encoded(text: str, vocabulary: Vocabulary | None) -> tuple[Array, list[str]]:
    """The ids of a text, the start mark first, and the words as they were typed, as far as the two go together."""
    if vocabulary is None:
        raise ValueError(
            "the model was saved without a vocabulary, so that a text cannot be encoded: give a row of ids, or the "
            "words by their ids as vocabulary"
        )
    ids = vocabulary.encode(text)
    if len(ids) == 1:
        raise ValueError(f"the text {text[:40]!r} holds no word: give at least one")
    if (ids[1:] == OOV).all():
        raise ValueError(
            f"the model knows no word of the text (it has {len(ids) - 1}): its vocabulary has {len(vocabulary):,} "
            "ids, the commonest words of the reviews it was trained on"
        )
    parts = [(part, vocabulary.encode(part)[1:]) for part in re.split(r"\s+(?![^<>]*>)", text)]
    known = [_named(own, vocabulary) for _, own in parts]
    typed = [
        part.strip(_AROUND).lower() if own == ("?",) else None for (part, _), own in zip(parts, known, strict=True)
    ]
    words = [typed[n] or word for n, own in enumerate(known) for word in own]
    together = np.concatenate([own for _, own in parts])
    if not np.array_equal(together, ids[1:]):  # something that holds spaces, such as a comment
        words = list(_named(ids[1:], vocabulary))
    return ids, ["<start>", *words]


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


def walked(chain: Chain, caches: list[Any]) -> list[tuple[str, Any, Any]]:
    """(name, layer, cache) of each walk."""
    halves = {".forward": "forward", ".backward": "backward"}
    by_name = {layer.name: cache for layer, cache in zip(chain.layers, caches, strict=True)}
    found = []
    for name, layer in chain.walks():
        whole, dot, side = name.rpartition(".")
        cache = getattr(by_name[whole], halves[dot + side]) if dot else by_name[name]
        found.append((name, layer, cache))
    return found


def _of_shortened(model: Model, ids: Array, length: int) -> Array:
    """The predictions for the text cut after each word, padded in front again."""
    rows = np.zeros((len(ids), length), np.int32)
    for n in range(len(ids)):
        rows[n, length - n - 1 :] = ids[: n + 1]
    return predicted(model, rows)


def predicted(model: Model, rows: Array) -> Array:
    """The model's own predictions (N,), in its own backend."""
    return np.asarray(model.predict(rows, batch_size=_ROWS, verbose=0), np.float64)[:, 0]
