"""Labelled texts to measure a model on: the reviews that its run kept to test with, or a file of your own."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float64, Int

from scratchnn.core.names import nearest
from scratchnn.data import DataError
from scratchnn.experiments.opening import reviews_of
from scratchnn.texts.predictor import Predictor


class Labelled(NamedTuple):
    """Shapes: probabilities (N, K), labels (N,), numbers of classes."""

    source: str
    probabilities: Float64[Array, "N K"]
    labels: Int[Array, " N"]
    text_of: Callable[[int], str]
    """The text of a row, as much of it as the model has read."""


def of_the_run(predictor: Predictor, source: str | None) -> Labelled:
    """The test reviews of the run, encoded as they were. `source`: where to look for them; None: as training did.

    Raises:
        ValueError, DataError: as `reviews_of`.
    """
    x, y = reviews_of(predictor.model, source)
    decode = predictor.encoder.vocabulary.decode
    labels = (np.asarray(y) > 0.5).astype(np.int64)
    return Labelled("the test reviews of the run", predictor.proba_of(x), labels, lambda row: decode(x[row]))


def numbers_of(labels: Sequence[str], classes: tuple[str, ...]) -> Int[Array, " N"]:
    """Each label as the number of its class.

    Raises:
        DataError: for labels that the model was not trained to give; the message names them and their rows.
    """
    number = {name: n for n, name in enumerate(classes)}
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(labels, start=1):
        if label not in number:
            rows.setdefault(label, []).append(row)
    if rows:
        unseen = ", ".join(f"{label!r} (row {at[0]:,}, {len(at):,} in all)" for label, at in rows.items())
        meant = nearest(next(iter(rows)), classes) or "."
        raise DataError(
            f"labels that were not there in training: {unseen}{meant} The model's classes are "
            f"{', '.join(map(repr, classes))}: leave other rows out, or train again with them"
        )
    return np.array([number[label] for label in labels], np.int64)
