"""How good a classifier is: what it got right, class by class, whether its probabilities can be believed, and where it
was most wrong."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float64, Int

BINS = 10
_LEAST = 1e-7  # probabilities are kept so far from 0 and 1, as the losses that are trained with do it


class Bin(NamedTuple):
    """The texts whose label was given a probability from `low` to below `high`, 1 included in the last."""

    low: float
    high: float
    texts: int
    mean_probability: float
    accuracy: float


class OfClass(NamedTuple):
    """Precision is None where no text was given the label, recall where none has it; F1 where either is."""

    precision: float | None
    recall: float | None
    f1: float | None
    texts: int


@dataclass(frozen=True)
class Measures:
    """Shapes: confusion (K, K), a row for each true class, a column for each label given; mistakes (M,), the texts that
    got a wrong label, the most confident first.
    """

    classes: tuple[str, ...]
    confusion: Int[Array, "K K"]
    log_loss: float
    """The mean of -log of the probability of the true class."""
    bins: list[Bin]
    mistakes: Int[Array, " M"]

    @property
    def texts(self) -> int:
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion)) / self.texts

    @property
    def calibration_error(self) -> float:
        """How far, on average over the texts, the probability of a label is from how often it is right (ECE)."""
        return sum(each.texts * abs(each.mean_probability - each.accuracy) for each in self.bins) / self.texts

    def of_class(self, k: int) -> OfClass:
        right, given, there = (
            int(n) for n in (self.confusion[k, k], self.confusion[:, k].sum(), self.confusion[k].sum())
        )
        precision, recall = right / given if given else None, right / there if there else None
        f1 = None if precision is None or recall is None else 2 * right / (given + there)
        return OfClass(precision, recall, f1, there)

    def as_dict(self) -> dict[str, Any]:
        """All of it but the mistakes, as plain values."""
        return {
            "texts": self.texts,
            "accuracy": self.accuracy,
            "log_loss": self.log_loss,
            "classes": {name: self.of_class(k)._asdict() for k, name in enumerate(self.classes)},
            "confusion": self.confusion.tolist(),
            "calibration": {"error": self.calibration_error, "bins": [each._asdict() for each in self.bins]},
        }


def measure(p: Float64[Array, "N K"], y: Int[Array, " N"], classes: tuple[str, ...]) -> Measures:
    """Compare the probabilities of the classes with the true ones, given by number.

    Raises:
        ValueError: if there are none.
    """
    if not len(y):
        raise ValueError("there are no texts to measure with")
    K, N = len(classes), len(y)
    label, sure = p.argmax(axis=1), p.max(axis=1)
    right = label == y
    confusion = np.bincount(y * K + label, minlength=K * K).reshape(K, K)
    of_bin = np.minimum((sure * BINS).astype(int), BINS - 1)
    bins = []
    for b in np.unique(of_bin).tolist():
        inside = of_bin == b
        mean, accuracy = float(sure[inside].mean()), float(right[inside].mean())
        bins.append(Bin(b / BINS, (b + 1) / BINS, int(inside.sum()), mean, accuracy))
    loss = -np.log(np.clip(p[np.arange(N), y], _LEAST, 1 - _LEAST)).mean()
    wrong = np.flatnonzero(~right)
    return Measures(classes, confusion, float(loss), bins, wrong[np.argsort(-sure[wrong], kind="stable")])
