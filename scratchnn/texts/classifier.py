"""A classifier of texts that is trained and used in one line each, as scikit-learn's are."""

from collections.abc import Iterable, Mapping, Sized
from numbers import Real
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float64, Shaped

from scratchnn.core.checks import whole_number
from scratchnn.core.names import look_up
from scratchnn.data.encoder import TextEncoder
from scratchnn.data.own.loading import WORDS, length_for, ranked_words, require_words
from scratchnn.data.text import Vocabulary
from scratchnn.experiments.preparation import build_model, let_the_rate_fall
from scratchnn.experiments.presets import named_network
from scratchnn.experiments.pretraining import pretrain
from scratchnn.report.console import Console
from scratchnn.texts.estimator import Estimator, not_fitted
from scratchnn.texts.predictor import NetworkPredictor

Labels = Shaped[Array, " N"]
Classes = Shaped[Array, " K"]


class TextClassifier(Estimator):
    """One of the published networks, trained on texts and labels of your own.

        classifier = TextClassifier(arch="gru", epochs=5).fit(texts, labels)
        classifier.predict(["a dull start, and then the best film of the year"])

    It follows scikit-learn's contract, in pipelines, searches and cross-validation too, and does not need scikit-learn.
    The same seed gives the same bits. Up to 32 texts are read without Numba, in this process or another.

    Args:
        arch: a preset's name; `python -m scratchnn.train --list` shows them.
        vocabulary: ids at most, the commonest words; None: 10,000.
        length: words read of a text, the last ones; None: as many as 95% of the training texts have, 50 to 400.
        min_count: how often a word must be in the training texts to be known.
        class_weight: {label: weight} multiplies what a text counts in the loss; "balanced": classes count the same.
        units, pretrain_epochs, batch_size, epochs, optimizer, learning_rate, learning_rate_decay, global_clipnorm: as
            the flags of `scratchnn train`; None: the preset's own.
        verbose: 1 shows the epochs, 0 nothing.

    After `fit`, `classes_` holds the labels in their order and `model_` the model, which can be saved: `scratchnn
    predict` reads the file.
    """

    classes_: Classes

    def __init__(
        self,
        arch: str = "lstm",
        *,
        vocabulary: int | None = None,
        length: int | None = None,
        min_count: int = 2,
        units: int | None = None,
        pretrain_epochs: int | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        learning_rate_decay: str | None = None,
        global_clipnorm: float | None = None,
        class_weight: Any = None,
        seed: int = 0,
        backend: str = "cpu",
        verbose: int = 0,
    ) -> None:
        self.arch, self.vocabulary, self.length, self.min_count = arch, vocabulary, length, min_count
        self.units, self.pretrain_epochs = units, pretrain_epochs
        self.batch_size, self.epochs, self.optimizer = batch_size, epochs, optimizer
        self.learning_rate, self.learning_rate_decay = learning_rate, learning_rate_decay
        self.global_clipnorm, self.class_weight = global_clipnorm, class_weight
        self.seed, self.backend, self.verbose = seed, backend, verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "TextClassifier":
        """Train anew on texts X and their labels y (N,), words or numbers.

        `sample_weight` (N,): how much each text counts in the loss. The vocabulary counts every text once.

        Raises:
            TypeError, ValueError: for other texts or labels, for one class only, and for parameters out of range.
        """
        texts, (classes, numbers) = _texts(X), _classes(y)
        _require_as_many(texts, numbers)
        encoder, x = self._encoder(texts, tuple(map(str, classes.tolist())))
        settings = {name: getattr(self, name) for name in _SETTINGS if getattr(self, name) is not None}
        preset = named_network(self.arch)
        sizes = {"vocabulary": len(encoder.vocabulary), "length": encoder.length}
        chosen = preset.settings(**settings, **sizes)
        model = build_model(chosen, preset.with_classes(len(classes)))
        if chosen.pretrain_epochs:
            pretrain(model, x, chosen.pretrain_epochs, Console(quiet=not self.verbose).counting("windows"))
        let_the_rate_fall(model, chosen, len(x))
        weight = _weights(self.class_weight, classes, numbers, sample_weight)
        model.fit(x, numbers, chosen.batch_size, chosen.epochs, self.verbose, sample_weight=weight)
        model.metadata = encoder.to_metadata()
        self.classes_, self._predictor = classes, NetworkPredictor(model, encoder)
        self.model_ = self._predictor.model
        return self

    def _encoder(self, texts: list[str], classes: tuple[str, ...]) -> tuple[TextEncoder, Any]:
        """The encoder of the words in these texts, and the texts as ids."""
        ranked = ranked_words(texts, whole_number("min_count", self.min_count, 1))
        if not ranked:
            raise ValueError(f"no word is {self.min_count} times or more in the {len(texts):,} texts: lower min_count")
        vocabulary = Vocabulary.from_ranked(ranked, WORDS if self.vocabulary is None else self.vocabulary)
        require_words(vocabulary)
        rows = [vocabulary.encode(text) for text in texts]
        length = length_for(np.array([len(row) - 1 for row in rows])) if self.length is None else self.length
        encoder = TextEncoder(vocabulary, length, classes)
        return encoder, encoder.padded(rows)

    def predict_proba(self, X: Any) -> Float64[Array, "N K"]:
        """The probability of each class of `classes_` for each text."""
        return self._fitted().predict_proba(_texts(X))

    def predict(self, X: Any) -> Labels:
        """The label of each text, the most probable one."""
        p = self.predict_proba(X)
        return self.classes_[p.argmax(axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy: the share of texts that get their label, weighted by `sample_weight`."""
        given, labels = self.predict(X), _one_axis(y)
        _require_as_many(given, labels)
        if not len(labels):
            raise ValueError("there are no texts to measure with")
        if _is_text(given) != _is_text(labels):
            found, known = labels.tolist()[0], self.classes_.tolist()[0]
            raise ValueError(f"y holds {found!r}, and the labels that fit was given are such as {known!r}")
        if sample_weight is not None:
            _require_as_many(labels, np.atleast_1d(sample_weight), "weight")
        return float(np.average(given == labels, weights=sample_weight))

    def _fitted(self) -> NetworkPredictor:
        if not hasattr(self, "classes_"):
            raise not_fitted(f"this {type(self).__name__} is not trained yet: call fit first")
        return self._predictor


_SETTINGS = (
    "units", "pretrain_epochs", "batch_size", "epochs", "optimizer", "learning_rate", "learning_rate_decay",
    "global_clipnorm", "seed", "backend",
)  # fmt: skip


def _texts(X: Any) -> list[str]:
    """Texts in whatever holds one in each place.

    Raises:
        TypeError, ValueError: for one text, a table, or what is no text; the message says what to give.
    """
    if isinstance(X, str | bytes | Mapping) or not isinstance(X, Iterable):
        raise TypeError(f"X must be texts, such as a list of str, got {type(X).__name__}")
    shape = getattr(X, "shape", (0,))
    if len(shape) != 1:
        raise ValueError(f"X must be texts, one in each place, got a table of shape {shape}: give its column of texts")
    texts = list(X)
    for n, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"X must be texts, and the one at {n} is {text!r}")
    return texts


def _require_as_many(texts: Sized, labels: Sized, what: str = "label") -> None:
    if len(texts) != len(labels):
        raise ValueError(f"each text needs a {what}: there are {len(texts):,} texts and {len(labels):,} {what}s")


def _is_text(labels: Labels) -> bool:
    return isinstance(labels.flat[0], str | bytes)


def _one_axis(y: Any) -> Labels:
    # NumPy would make text of the None or the number in a list of words.
    labels = np.asarray(y, object if isinstance(y, list | tuple) and _is_mixed(y) else None)
    if labels.ndim != 1:
        raise ValueError(f"y must be one label for each text, got an array of shape {labels.shape}")
    return labels


def _is_mixed(labels: Iterable[Any]) -> bool:
    """Whether some labels are words and others are not, or some are missing."""
    kinds = (str, bool | np.bool_, Real)
    return len({next((kind for kind in kinds if isinstance(each, kind)), type(each)) for each in labels}) > 1


def _classes(y: Any) -> tuple[Classes, Labels]:
    """The different labels in their order, and the number of each label among them.

    Raises:
        ValueError: for fewer than two classes, and for labels that are missing, fractions, or words and numbers mixed.
    """
    labels = _one_axis(y)
    kind = labels.dtype.kind
    if kind == "f" and not (np.isfinite(labels) & (labels == np.round(labels))).all():
        raise ValueError("y holds fractions or NaN, which are no labels of classes: give words or whole numbers")
    if kind == "O" and _is_mixed(labels.tolist()):
        raise ValueError("y holds labels of several types, or some are missing: give all as words, or all as numbers")
    if kind not in "OUSifub" or (kind == "O" and not isinstance(labels.flat[0] if labels.size else "", str | int)):
        raise ValueError(f"y must be labels, words or whole numbers, got {labels.dtype}")
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"a classifier needs labels of two classes or more, got {classes.tolist()}")
    return classes, numbers.astype(np.uint8 if len(classes) == 2 else np.int32)


def _weights(class_weight: Any, classes: Classes, numbers: Labels, sample_weight: Any) -> Any:
    """What each text counts, (N,), by its class and by itself; None: all the same."""
    if class_weight is None:
        return sample_weight
    if isinstance(class_weight, Mapping):
        known = classes.tolist()
        if unknown := [label for label in class_weight if label not in known]:
            raise ValueError(f"class_weight has {unknown[0]!r}, which no text is labelled with; the labels are {known}")
        by_class = np.array([class_weight.get(label, 1.0) for label in known], np.float64)
    else:
        look_up("class_weight", class_weight, {"balanced": "balanced"})
        by_class = len(numbers) / (len(classes) * np.bincount(numbers))
    weight = by_class[numbers]
    if sample_weight is None:
        return weight
    _require_as_many(numbers, np.atleast_1d(sample_weight), "weight")
    return weight * np.asarray(sample_weight, np.float64)
