"""Which words moved the verdict: three answers, and where they disagree."""

from dataclasses import dataclass

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.data.text import PAD
from scratchnn.explain.chain import Chain, Walk
from scratchnn.explain.reading import Reading
from scratchnn.models.model import Model

METHODS = ("leave_one_out", "gradient_x_input", "integrated_gradients")
_POINTS, _AT_ONCE = 64, 16  # of the path of the integrated gradients


@dataclass(frozen=True, eq=False)
class Saliency:
    """What each of the n words does to p, in units of p; positive: it raises p."""

    leave_one_out: Array
    """p less the prediction for the text without the word: exact, and what the others are held against."""
    gradient_x_input: Array
    """The slope of p along the embedded word, times the embedded word."""
    integrated_gradients: Array
    """The same slope averaged on the way from padding to the word: their sum is p less `at_padding`."""
    at_padding: float
    """The prediction where every word is padding."""

    def agreement(self) -> dict[tuple[str, str], float]:
        """The correlation of each two; NaN where one of them is constant."""
        found = {}
        for n, first in enumerate(METHODS):
            for second in METHODS[n + 1 :]:
                a, b = getattr(self, first), getattr(self, second)
                flat = len(a) < 2 or not a.std() or not b.std()
                found[first, second] = float("nan") if flat else float(np.corrcoef(a, b)[0, 1])
        return found

    def disagreement(self, k: int = 3) -> Array:
        """The places of the k words on which gradient x input and leave one out differ most, each scaled to 1."""
        a, b = (each / max(np.abs(each).max(), 1e-300) for each in (self.gradient_x_input, self.leave_one_out))
        return np.argsort(-np.abs(a - b), kind="stable")[:k]


def saliency(model: Model | Chain, reading: Reading) -> Saliency:
    """What each word of a reading does to p; see `Saliency`."""
    chain = Chain.of(model, reading.of_class)
    e = chain.layers[0].forward(reading.x[None])[0]
    mask = chain.layers[0].compute_mask(reading.x[None], None)
    slope = _slopes(chain, e, mask)[0][0]
    base = e.copy()
    base[0, reading.places] = chain.layers[0].params["E"][PAD]
    masks, mean = None if mask is None else np.repeat(mask, _AT_ONCE, axis=0), np.zeros_like(e[0])
    for first in range(0, _POINTS, _AT_ONCE):
        share = (np.arange(first, first + _AT_ONCE) + 0.5) / _POINTS
        mean += _slopes(chain, base + share[:, None, None] * (e - base), masks)[0].sum(axis=0) / _POINTS
    integrated = (mean * (e - base)[0]).sum(axis=-1)
    return Saliency(
        _leave_one_out(chain, reading),
        (slope * e[0]).sum(axis=-1)[reading.places],
        integrated[reading.places],
        float(_slopes(chain, base, mask)[1].outputs[-1][0, 0]),
    )


def _slopes(chain: Chain, e: Array, mask: Array | None) -> tuple[Array, Walk]:
    """dp/de of embedded rows (B, T, D), and the walk."""
    walk = chain.forward(e, 1, mask)
    return chain.backward(np.ones((len(e), 1)), walk, 1), walk


def _leave_one_out(chain: Chain, reading: Reading) -> Array:
    """As the texts would be read: one word shorter, so with one more step of padding in front."""
    rows = np.repeat(reading.x[None], len(reading.places), axis=0)
    for row, place in zip(rows, reading.places, strict=True):
        row[1 : place + 1] = row[:place].copy()
        row[0] = PAD
    return reading.prediction - chain.predicted(rows)
