"""Labelled texts to measure a model on: those that its run kept to test with, or others in files of your own."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float64, Int, Int32, Integer

from scratchnn.core.names import nearest
from scratchnn.data import DataError
from scratchnn.data.own.labelled import Row
from scratchnn.data.own.loading import tell
from scratchnn.data.own.reading import is_own, read
from scratchnn.experiments.opening import own_texts_of, reviews_of
from scratchnn.texts.predictor import NetworkPredictor, Predictor


class Labelled(NamedTuple):
    """Shapes: probabilities (N, K), labels (N,), numbers of classes."""

    source: str
    probabilities: Float64[Array, "N K"]
    labels: Int[Array, " N"]
    place_of: Callable[[int], str]
    """Where a text was read, such as "line 12"."""
    text_of: Callable[[int], str]


def texts_for(predictor: Predictor, source: str | None, columns: Mapping[str, str]) -> Labelled:
    """The texts at `source`, a path; None: those that the run was tested on. `columns`: text_column, label_column.

    Of files that the run was trained on, only the texts are taken that it was tested on.

    Raises:
        DataError: as `read`, `reviews_of` and `own_texts_of`, and for a label that training never saw.
        ValueError: for columns of what is no table, and for a model whose run is not known, without a `source`.
    """
    about: Mapping[str, Any] = predictor.metadata.get("data", {})
    trained_on: Mapping[str, Any] | None = about.get("texts")
    if source is not None and is_own(source):
        found = read(source, **columns)
        if trained_on is not None and (found.digest == about["digest"] or _is_same(source, trained_on["data"])):
            return _tested(predictor, source)
        tell(found)
        part = found.train if found.test is None else found.test
        x = predictor.encoder.encode(part.texts)
        named = found.source if found.test is None else f"{found.source}, test"
        labels = numbers_of(part.labels, predictor.classes, [row.place for row in part.rows])
        return _of_rows(predictor, named, x, labels, part.rows)
    if columns:
        raise ValueError(f"--{next(iter(columns)).replace('_', '-')} is for a table of your own: name it with --data")
    if trained_on is not None:
        if source is not None:
            raise ValueError(f"the run is on texts of your own, and {source} holds film reviews; leave out --data")
        return _tested(predictor, None)
    if not isinstance(predictor, NetworkPredictor):
        raise ValueError("this file does not say what the model was trained on: name labelled texts with --data")
    return _encoded(predictor, "the test reviews of the run", *reviews_of(predictor.model, source))


def _is_same(path: str, other: str) -> bool:
    return Path(os.path.expanduser(path)).resolve() == Path(os.path.expanduser(other)).resolve()


def _tested(predictor: Predictor, source: str | None) -> Labelled:
    data = own_texts_of(predictor.metadata, source)
    return _of_rows(predictor, f"{data.source}: what the run was tested on", data.x_test, data.y_test, data.test.rows)


def _of_rows(
    predictor: Predictor, source: str, x: Int32[Array, "N T"], y: Integer[Array, " N"], rows: Sequence[Row]
) -> Labelled:
    p = predictor.proba_of(x)
    return Labelled(source, p, y.astype(np.int64), lambda n: rows[n].place, lambda n: " ".join(rows[n].text.split()))


def _encoded(predictor: Predictor, source: str, x: Int32[Array, "N T"], y: Integer[Array, " N"]) -> Labelled:
    decode = predictor.encoder.vocabulary.decode
    return Labelled(source, predictor.proba_of(x), y.astype(np.int64), lambda n: f"text {n:,}", lambda n: decode(x[n]))


def numbers_of(labels: Sequence[str], classes: tuple[str, ...], places: Sequence[str]) -> Int[Array, " N"]:
    """Each label as the number of its class.

    Raises:
        DataError: for labels that the model was not trained to give; the message names them and where they are.
    """
    number = {name: n for n, name in enumerate(classes)}
    unseen: dict[str, list[str]] = {}
    for label, place in zip(labels, places, strict=True):
        if label not in number:
            unseen.setdefault(label, []).append(place)
    if unseen:
        told = ", ".join(f"{label!r} ({at[0]}, {len(at):,} in all)" for label, at in unseen.items())
        raise DataError(
            f"labels that were not there in training: {told}{nearest(next(iter(unseen)), classes) or '.'} The model's "
            f"classes are {', '.join(map(repr, classes))}: leave other rows out, or train again with them"
        )
    return np.array([number[label] for label in labels], np.int64)
