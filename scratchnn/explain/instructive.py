"""The reviews of a run that teach most: the most certain one, the most wrong one, and that of the biggest turn."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.files.atomic import write_atomically
from scratchnn.data.text import PAD
from scratchnn.explain.chain import Chain
from scratchnn.explain.page import rendered, write
from scratchnn.explain.reading import vocabulary_of
from scratchnn.explain.runs import facts_of
from scratchnn.models.model import Model

SEARCHED = 1000  # test reviews, the first ones
_AT_ONCE, _BEFORE = 100, 12


@dataclass(frozen=True)
class Choice:
    number: int
    why: str
    p: float
    label: float
    words: str
    """Those around what is to be seen."""


def choices(model: Model, x: Array, y: Array) -> list[Choice]:
    """One of each kind among rows of ids (N, T) and labels (N,); no turn where the model does not read on."""
    chain = Chain(model)
    p = chain.predicted(x)
    right = (p >= 0.5) == (y >= 0.5)
    picked: list[tuple[str, int, int | None]] = []
    picked += [("the most certain, and right", int(np.argmax(np.where(right, np.abs(p - 0.5), -1))), None)]
    if not right.all():
        picked.append(("the most wrong", int(np.argmax(np.abs(p - y))), None))
    if chain.reads_on:
        row, place, turn = _biggest_turn(chain, x)
        picked.append((f"the biggest turn, {turn:+.2f} at one word", row, place))
    names, found = vocabulary_of(model), []
    for why, row, place in picked:
        end = len(x[row]) if place is None else place + 1
        shown = x[row, max(0, end - _BEFORE) : end]
        words = " ".join(map(str, shown)) if names is None else names.decode(shown)
        found.append(Choice(row, why, float(p[row]), float(y[row]), words))
    return found


def _biggest_turn(chain: Chain, x: Array) -> tuple[int, int, float]:
    """(row, step, change of p) of the word at which p moves most."""
    last, best = chain.last_recurrent or 0, (0, 0, 0.0)
    for first in range(0, len(x), _AT_ONCE):
        rows = x[first : first + _AT_ONCE]
        h = _states(chain, rows, last)
        N, T, H = h.shape
        p = (
            chain.forward(h.reshape(N * T, H), last + 1).outputs[-1].reshape(N, T)
            if chain.layers[last + 1 :]
            else h[..., 0]
        )
        turns = np.where((rows[:, 1:] != PAD) & (rows[:, :-1] != PAD), np.diff(p, axis=1), 0)
        row, step = np.unravel_index(np.argmax(np.abs(turns)), turns.shape)
        if abs(turns[row, step]) > abs(best[2]):
            best = first + int(row), int(step) + 1, float(turns[row, step])
    return best


def _states(chain: Chain, x: Array, last: int) -> Array:
    """h (N, T, H) of the last recurrent layer."""
    mask = None
    for layer in chain.layers[:last]:
        x, mask = layer.forward(x, mask=mask)[0], layer.compute_mask(x, mask)
    return chain.layers[last].trace(x, mask=mask)["h"]


def write_instructive(folder: Path, model: Model, x: Array, y: Array) -> Path:
    """Write a page for each choice, and one that leads to them; return the path of that one."""
    found = choices(model, x[:SEARCHED], y[:SEARCHED])
    for each in found:
        kicker = f"{folder.name}: test review {each.number}, {each.why}"
        page = folder / f"explain-{each.number}.html"
        write(page, model, x[each.number], label=each.label, kicker=kicker, facts=facts_of(model))
    path = folder / "explain-reviews.html"
    page = rendered("choices.html.jinja", name=folder.name, choices=found, searched=min(SEARCHED, len(x)))
    write_atomically(path, [page.encode("utf-8")])
    return path
