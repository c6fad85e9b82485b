"""What the numbers of a model stand for: words that it takes for alike, and the unit that follows the label."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.checks import whole_number
from scratchnn.data.text import INDEX_FROM, PAD
from scratchnn.explain.chain import Chain
from scratchnn.explain.reading import vocabulary_of
from scratchnn.models.model import Model

_SNIPPET = 8  # words


def neighbours(model: Model, word: str, k: int = 8) -> list[tuple[str, float]]:
    """The k words whose rows of the embedding point most nearly the way of this word's, with the cosine of the angle.

    Raises:
        ValueError: if the model has no vocabulary, or the word is not in it.
    """
    vocabulary, k = vocabulary_of(model), whole_number("k", k, 1)
    if vocabulary is None:
        raise ValueError("the model was saved without a vocabulary, so that its rows have no words")
    place = vocabulary.ids.get(word.lower())
    if place is None:
        raise ValueError(f"{word!r} is not among the {len(vocabulary):,} words of the model")
    E = (
        Chain(model, later=True).layers[0].params["E"][: len(vocabulary.words)]
    )  # a table may have more rows than there are words
    unit = E / np.maximum(np.linalg.norm(E, axis=1, keepdims=True), 1e-300)
    cosine = unit @ unit[place]
    cosine[: INDEX_FROM + 1] = cosine[place] = -np.inf  # neither words
    best = np.argsort(-cosine, kind="stable")[: min(k, len(vocabulary.ids) - 1)]
    return [(vocabulary.words[n], float(cosine[n])) for n in best]


@dataclass(frozen=True)
class Unit:
    layer: str
    unit: int
    correlation: float
    """Of the unit after the last word with the label, over the texts."""
    highest: tuple[tuple[float, str], ...]
    """Its highest values at any word of the texts, with the words that end there; one of each text at most."""
    lowest: tuple[tuple[float, str], ...]


def units(model: Model, data: Any, k: int = 5) -> Unit:
    """The unit of the last recurrent layer that is correlated most with the label, and where it is highest and lowest.

    Args:
        data: (x, y): rows of ids (N, T) and their labels (N,); a few hundred are enough.

    Raises:
        ValueError: for a model without a recurrent layer that reads word by word, and for rows of one label only.
    """
    chain, (x, y) = Chain(model), data
    x, y, last = np.asarray(x), np.asarray(y, np.float64).ravel(), chain.last_recurrent
    if last is None or not chain.reads_on:
        raise ValueError("units needs a recurrent layer that reads word by word from the front, right below the head")
    if len(x) != len(y) or len(np.unique(y)) < 2:
        raise ValueError(
            f"units needs a label for each row, and rows of both labels, got {len(x)} rows, {len(y)} labels"
        )
    if x.ndim == 2 and (empty := np.flatnonzero((x == PAD).all(axis=1))).size:
        raise ValueError(f"units needs a word in each row, and row {empty[0]} is padding alone")
    walk, mask = x, None
    for layer in chain.layers[:last]:
        walk, mask = layer.forward(walk, mask=mask)[0], layer.compute_mask(walk, mask)
    h = chain.layers[last].trace(walk, mask=mask)["h"]
    final = h[:, -1] - h[:, -1].mean(axis=0)
    spread = np.linalg.norm(final, axis=0) * np.linalg.norm(y - y.mean())
    r = (y - y.mean()) @ final / np.where(spread > 0, spread, np.inf)
    unit = int(np.argmax(np.abs(r)))
    values = np.where(x == PAD, np.nan, h[:, :, unit])
    names = vocabulary_of(model)
    tops = [_snippets(sign * values, x, names, k, sign) for sign in (1, -1)]
    return Unit(chain.layers[last].name, unit, float(r[unit]), *tops)


def _snippets(values: Array, x: Array, names: Any, k: int, sign: int) -> tuple[tuple[float, str], ...]:
    place = np.nanargmax(values, axis=1)
    best = values[np.arange(len(x)), place]
    found = []
    for row in np.argsort(-best, kind="stable")[:k]:
        ids = x[row, max(0, place[row] - _SNIPPET + 1) : place[row] + 1]
        text = " ".join(map(str, ids)) if names is None else names.decode(ids)
        found.append((float(sign * best[row]), text))
    return tuple(found)
