"""What a classifier says of texts: a label, how sure it is, and how much of the text it knew."""

from typing import NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float, Float64, Int, Int32

from scratchnn.data.text import OOV, PAD, START


class Prediction(NamedTuple):
    label: str
    probability: float
    """That of the label."""
    probabilities: dict[str, float]
    """That of every class, in the order of the classes."""
    words: int
    """How many words of the text were read: the last ones, where it is longer than what the model reads."""
    unknown: int
    """How many of them are not in the model's vocabulary."""

    @property
    def doubt(self) -> str:
        """Why the label rests on next to nothing, in words; empty where it does not."""
        if not self.words:
            return "holds no word, so that the label says nothing about it"
        if 2 * self.unknown > self.words:
            return f"is mostly unknown to the model: {self.unknown} of the {self.words} words that were read"
        return ""


def probabilities(y: Float[Array, "N C"], classes: tuple[str, ...]) -> Float64[Array, "N K"]:
    """A model's output as a probability of each class.

    For two classes it may be one number in each row, that of the second class, as a sigmoid gives it; what an output
    without a sigmoid gives beyond 0 or 1 is cut, as its loss did.

    Raises:
        ValueError: if it has another number of outputs than that, or some that are not finite.
    """
    y = np.asarray(y, np.float64)
    if not np.isfinite(y).all():
        raise ValueError("the model's output is not finite, as after a training that diverged: train it again")
    if y.ndim == 2 and y.shape[1] == 1 and len(classes) == 2:
        second = np.clip(y, 0.0, 1.0)
        return np.hstack([1.0 - second, second])
    if y.ndim != 2 or y.shape[1] != len(classes):
        raise ValueError(
            f"the model's output has the shape {y.shape}, which gives no probability for each of its "
            f"{len(classes)} classes: {', '.join(classes)}"
        )
    total = y.sum(axis=1, keepdims=True)
    if (abs(total - 1) > 1e-3).any():
        raise ValueError("the model's outputs do not sum to 1, so they are no probabilities: end it with a softmax")
    return y / total  # in float32 they sum to 1 only nearly


def words_read(x: Int32[Array, "N T"]) -> tuple[Int[Array, " N"], Int[Array, " N"]]:
    """How many words each row of ids holds, start mark and padding left out, and how many of them are unknown."""
    inside = x != PAD
    # A row that is padded, or begins with its mark, has one; where the mark counts as an unknown word, it has its id.
    marked = inside.any(axis=1) & ((x[:, 0] == PAD) | (x[:, 0] == START))
    first = x[np.arange(len(x)), inside.argmax(axis=1)]
    return inside.sum(axis=1) - marked, (x == OOV).sum(axis=1) - (marked & (first == OOV))


def predictions(p: Float64[Array, "N K"], x: Int32[Array, "N T"], classes: tuple[str, ...]) -> list[Prediction]:
    """For each row of ids and its probabilities what they say; equal probabilities give the first class."""
    words, unknown = words_read(x)
    found = zip(p.argmax(axis=1).tolist(), p.tolist(), words.tolist(), unknown.tolist(), strict=True)
    return [Prediction(classes[n], row[n], dict(zip(classes, row, strict=True)), w, u) for n, row, w, u in found]
