"""A linear model of the words and pairs of words in texts that labels texts by itself, and its file.

A score of each class is a sum over what a text holds: score_k = b_k + Σ_f v_kf. Of two classes only the second one has
a score, and its sigmoid is its probability. Of more, each class is learned against all others, and the sigmoids are
divided by their sum. NumPy is all that it needs.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float64, Int, Int32, Integer

from scratchnn.core.files import container
from scratchnn.core.threads import one_blas_thread
from scratchnn.data.encoder import TextEncoder
from scratchnn.experiments import linear
from scratchnn.experiments.grams import features, ids_of, numbers_of

__all__ = ["LinearModel"]

EPOCHS = 10  # iterations of L-BFGS: those that the penalty was chosen with
KIND = "linear"  # of its file
_ARRAYS = ("known", "weights", "bias")


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Words and classes, and what each known feature adds to the scores.

    Shapes:
        known (F,) codes of features, ascending; weights (S, F); bias (S,): S is 1 for two classes, else their number
    """

    encoder: TextEncoder
    grams: int
    known: Int[Array, " F"]
    weights: Float64[Array, "S F"]
    bias: Float64[Array, " S"]

    def __repr__(self) -> str:
        return f"<LinearModel, {len(self.known):,} features, classes {', '.join(self.classes)}>"

    @property
    def classes(self) -> tuple[str, ...]:
        return self.encoder.classes

    @classmethod
    def fit(
        cls,
        x: Int32[Array, "N T"],
        y: Integer[Array, " N"],
        encoder: TextEncoder,
        grams: int = 2,
        sample_weight: Float64[Array, " N"] | None = None,
    ) -> "LinearModel":
        """Learn from rows of ids and the numbers of their classes, as `linear.py` says."""
        weights, bias, known = [], [], np.empty(0, np.int64)
        for k in (1,) if len(encoder.classes) == 2 else range(len(encoder.classes)):
            is_k = (y == k).astype(float)
            bayes = linear.NaiveBayes.fit(x, is_k, grams)
            found = [np.zeros(len(bayes.known) + 1)]
            with one_blas_thread():
                linear.train(bayes(x), is_k, EPOCHS, found.append, 1.0 if sample_weight is None else sample_weight)
            known = bayes.known
            weights.append(bayes.r * found[-1][:-1])
            bias.append(found[-1][-1])
        return cls(encoder, grams, known, np.array(weights), np.array(bias))

    def predict_proba(self, texts: Iterable[str]) -> Float64[Array, "N K"]:
        """The probability of each class for each text; what training has not seen adds nothing."""
        return self.proba_of(self.encoder.encode(texts))

    def proba_of(self, x: Int32[Array, "N T"]) -> Float64[Array, "N K"]:
        """The same for rows of ids."""
        rows, codes = features(x, self.grams)
        seen, f = numbers_of(codes, self.known)
        scores = [
            np.bincount(rows[seen], v[f], minlength=len(x)) + b for v, b in zip(self.weights, self.bias, strict=True)
        ]
        p = linear.sigmoid(np.stack(scores, axis=1))
        if len(self.classes) == 2:
            return np.hstack([1.0 - p, p])
        return shares_of(p)

    def words_of(self, f: int) -> str:
        """The word or the two words of the known feature of this number."""
        words, pairs = ids_of(self.known[f : f + 1])
        return " ".join(self.encoder.vocabulary.words[n] for n in [*words.ravel(), *pairs.ravel()])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it whole, in place of what is there; nothing in the file is pickled."""
        arrays = {"known": self.known, "weights": self.weights, "bias": self.bias}
        container.write(path, arrays, {"kind": KIND, "grams": self.grams, **self.encoder.to_metadata()})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "LinearModel":
        """Read what `save` wrote.

        Raises:
            StorageError: if the file is damaged, or holds something else.
        """
        arrays, meta = container.read(path)
        if meta.get("kind") != KIND:
            raise container.StorageError(f"{path} holds no linear model, but {meta.get('kind', 'something else')!r}")
        try:
            found = cls(TextEncoder.from_metadata(meta), meta["grams"], *(arrays[name] for name in _ARRAYS))
            found._require_shapes()
        except (KeyError, TypeError, ValueError) as error:
            raise container.StorageError(f"{path}: the linear model in it cannot be used ({error})") from error
        return found

    def _require_shapes(self) -> None:
        """Raise ValueError unless the arrays fit each other and the classes."""
        words = np.arange(len(self.encoder.vocabulary))
        scores = 1 if len(self.classes) == 2 else len(self.classes)
        known, weights, bias = self.known, self.weights, self.bias
        if (weights.shape, bias.shape, known.ndim) != ((scores, len(known)), (scores,), 1) or known.dtype != np.int64:
            raise ValueError(f"its arrays have the shapes {known.shape}, {weights.shape} and {bias.shape}")
        if self.grams not in (1, 2):
            raise ValueError(f"its features are of {self.grams!r} words")
        if np.any(np.diff(known) <= 0) or any(np.any(~np.isin(ids, words)) for ids in ids_of(known)):
            raise ValueError("its features are no words of its vocabulary, in their order")


def shares_of(p: Float64[Array, "N K"]) -> Float64[Array, "N K"]:
    """Probabilities of classes that were learned each against all others, divided by their sum."""
    total = p.sum(axis=1, keepdims=True)
    return np.divide(p, total, out=np.full_like(p, 1 / p.shape[1]), where=total > 0)
