"""Logistic regression on the words of a review: no network, but the least that a network should beat.

A review is the set of its words, and with `grams` 2 also of its pairs of neighbours; how often and where one occurs
does not matter. As naive Bayes does, each feature f has a weight r_f = log(p_f / q_f), p and q its shares among all
features of positive and of negative reviews, each counted once more than it occurs. X (N, F) holds r_f where a review
has f, else 0:

    loss(w, b) = mean over n of -log sigmoid(t_n (X w + b)_n) + PENALTY / (2 N) |w|^2,   t = 1 positive, -1 negative
    dloss/dw   = X' (sigmoid(X w + b) - y) / N + PENALTY / N w,   dloss/db = mean of sigmoid(X w + b) - y

Where reviews count differently, each one's term of the mean is multiplied by its s_n.

Source: Wang, Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", ACL 2012."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float, Int, Int32, Shaped

from scratchnn.experiments import lbfgs
from scratchnn.experiments.grams import distinct, features, numbers_of

PENALTY = 10.0  # of 0.3, 1, 3, 10, 30 that of lowest validation loss after 10 epochs, with pairs, at both lengths


@dataclass
class NaiveBayes:
    """The weighted features of reviews, as those of the training reviews `x` with labels `y` teach them."""

    grams: int
    known: Int[Array, " F"]  # codes, ascending
    r: Float[Array, " F"]

    @classmethod
    def fit(cls, x: Int32[Array, "N T"], y: Shaped[Array, " N"], grams: int) -> "NaiveBayes":
        rows, codes = features(x, grams)
        f = np.searchsorted(known := distinct(codes), codes)
        p, q = (1 + np.bincount(f[(y[rows] > 0.5) == positive], minlength=len(known)) for positive in (True, False))
        return cls(grams, known, np.log((p / p.sum()) / (q / q.sum())))

    def __call__(self, x: Int32[Array, "N T"]) -> "Features":
        """X (N, F); features that no training review has are left out."""
        rows, codes = features(x, self.grams)
        seen, f = numbers_of(codes, self.known)
        return Features(len(x), rows[seen], f, self.r)


class Features:
    """X (N, F), of which only those numbers are kept that are not 0: which row has which feature, row by row."""

    __array_ufunc__ = None  # NumPy leaves products to this class

    def __init__(self, N: int, rows: Int[Array, " K"], f: Int[Array, " K"], r: Float[Array, " F"]) -> None:
        self.rows, self.f, self.r, self.shape = rows, f, r, (N, len(r))
        self._starts = np.flatnonzero(np.diff(rows, prepend=-1))  # of the rows that have features

    def __matmul__(self, w: Float[Array, " F"]) -> Float[Array, " N"]:
        """X w."""
        sums = np.zeros(self.shape[0])
        if len(self._starts):
            sums[self.rows[self._starts]] = np.add.reduceat((self.r * w)[self.f], self._starts)
        return sums

    def __rmatmul__(self, dz: Float[Array, " N"]) -> Float[Array, " F"]:
        """X' dz."""
        return self.r * np.bincount(self.f, dz[self.rows], self.shape[1])


def sigmoid(z: Float[Array, " *s"]) -> Float[Array, " *s"]:
    with np.errstate(over="ignore"):  # the exponential of a score far below 0, whose sigmoid is 0
        return 1.0 / (1.0 + np.exp(-z))


def loss_and_gradient(
    w: Float[Array, " P"], X: Any, y: Shaped[Array, " N"], s: Float[Array, " N"] | float = 1.0
) -> tuple[float, Float[Array, " P"]]:
    """The loss above and its gradient; `w` (P,) holds F weights, and b at its end; `s` is how much each row counts."""
    N, z = len(y), X @ w[:-1] + w[-1]
    loss = (s * np.logaddexp(0, np.where(y > 0.5, -z, z))).mean() + PENALTY / (2 * N) * w[:-1] @ w[:-1]
    dz = s * (sigmoid(z) - y) / N
    return float(loss), np.append(dz @ X + PENALTY / N * w[:-1], dz.sum())


def train(
    X: Any,
    y: Shaped[Array, " N"],
    epochs: int,
    watch: Callable[[Float[Array, " P"]], Any],
    s: Float[Array, " N"] | float = 1.0,
) -> None:
    """Minimise the loss from zero weights on. An epoch is an iteration of L-BFGS: it reads all reviews, mostly once."""
    lbfgs.minimize(lambda w: loss_and_gradient(w, X, y, s), np.zeros(X.shape[1] + 1), epochs, watch)
