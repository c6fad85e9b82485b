"""Where a model's answers are right and wrong: by length and unknown words, by class, by confidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float, Float64, Integer, Shaped

from scratchnn.study.results import Reviews

PARTS = 8  # of the reviews, by length and by unknown words
BINS = 10  # of the probabilities
MISTAKES = 5


@dataclass(frozen=True)
class Part:
    """The reviews within some range, both ends included, and the accuracy of each seed on them."""

    low: float
    high: float
    reviews: int
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Bin:
    """The answers of all seeds whose probability is in one tenth of [0, 1]."""

    answers: int
    probability: float  # their mean
    true: float  # share of them that come true


@dataclass(frozen=True)
class Calibration:
    """Of two classes the probability of the second one is held against how often it is that; of more, that of the
    class which was answered."""

    bins: tuple[Bin, ...]  # those that hold answers
    error: float  # expected calibration error, mean over the seeds
    outside: float  # share of answers below 0 or above 1, which were clipped to these


@dataclass(frozen=True)
class Mistake:
    review: int  # its place in the test set
    label: int  # the number of its class
    called: int  # that of the class it was given
    probability: float  # of the latter, mean over the seeds
    low: float
    high: float
    in_training: bool


def called(probabilities: Float[Array, "S N ..."]) -> Integer[Array, "S N"]:
    """Return the classes that are answered: of two the second one above 0.5, as in the metric `binary_accuracy`; of
    more the most probable."""
    return probabilities.argmax(axis=2) if probabilities.ndim == 3 else (probabilities > 0.5).astype(np.int64)


def answers(probabilities: Float[Array, "S N ..."], y: Shaped[Array, " N"]) -> Bool[Array, "S N"]:
    """Return which answers are right."""
    return called(probabilities) == np.asarray(y)


def parts_by(values: Shaped[Array, " N"], correct: Bool[Array, "S N"], parts: int = PARTS) -> tuple[Part, ...]:
    """Split the reviews into about equal parts by `values`, equal values together, and take accuracies in each."""
    ends = np.unique(np.quantile(values, np.linspace(0, 1, parts + 1)[1:], method="inverted_cdf"))
    place = np.searchsorted(ends, values)
    found = []
    for n in range(len(ends)):
        rows = np.flatnonzero(place == n)
        low, high = values[rows].min(), values[rows].max()
        found.append(Part(float(low), float(high), len(rows), tuple(correct[:, rows].mean(axis=1).tolist())))
    return tuple(found)


def confusion(probabilities: Float[Array, "S N ..."], y: Shaped[Array, " N"]) -> tuple[tuple[float, ...], ...]:
    """Count the reviews of each class, a row, by the class they were given, a column; means over the seeds."""
    given = called(probabilities)
    K = probabilities.shape[2] if probabilities.ndim == 3 else 2
    pairs = np.asarray(y, np.int64) * K + given  # (S, N)
    counts = np.bincount(pairs.ravel(), minlength=K * K).reshape(K, K) / len(given)
    return tuple(tuple(row) for row in counts.tolist())


def calibration(probabilities: Float[Array, "S N ..."], y: Shaped[Array, " N"]) -> Calibration:
    """Compare probabilities with how often they come true (Guo et al. 2017), in ten equal tenths of [0, 1]."""
    if probabilities.ndim == 3:
        p, comes_true = probabilities.max(axis=2), answers(probabilities, y)
    else:
        p, comes_true = probabilities, np.broadcast_to(np.asarray(y) > 0.5, probabilities.shape)
    outside = float(np.mean((p < 0) | (p > 1)))
    p = np.clip(p.astype(np.float64), 0, 1)
    S, N = p.shape
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1) + BINS * np.arange(S)[:, None]  # each seed its own bins

    def per_bin(weights: Float[Array, "S N"] | None) -> Shaped[Array, "S bins"]:
        flat = None if weights is None else weights.ravel()
        return np.bincount(place.ravel(), flat, minlength=S * BINS).reshape(S, BINS)

    count, sums, true = per_bin(None), per_bin(p), per_bin(comes_true * 1.0)
    error = np.abs(sums - true).sum(axis=1) / N
    bins = tuple(
        Bin(int(n), float(total / n), float(truths / n))
        for n, total, truths in zip(count.sum(0), sums.sum(0), true.sum(0), strict=True)
        if n
    )
    return Calibration(bins, float(error.mean()), outside)


def mistakes(probabilities: Float[Array, "S N ..."], reviews: Reviews, most: int = MISTAKES) -> tuple[Mistake, ...]:
    """Return the reviews whose wrong class has the highest mean probability over the seeds, the worst first."""
    every = by_class(probabilities)  # (S, N, K)
    mean = every.mean(axis=0)
    label = np.asarray(reviews.y, np.int64)
    given = called(mean[None] if mean.shape[1] > 2 else mean[None, :, 1])[0]
    sure = np.take_along_axis(mean, given[:, None], axis=1)[:, 0]
    wrong = np.flatnonzero(given != label)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")[:most]]
    return tuple(
        Mistake(
            int(n),
            int(label[n]),
            int(given[n]),
            float(sure[n]),
            float(every[:, n, given[n]].min()),
            float(every[:, n, given[n]].max()),
            bool(reviews.in_training[n]),
        )
        for n in worst
    )


def by_class(probabilities: Float[Array, "S N ..."]) -> Float64[Array, "S N K"]:
    """The probability of each class, where one alone is given of two."""
    p = probabilities.astype(np.float64)
    return p if p.ndim == 3 else np.stack([1 - p, p], axis=2)


def mean_of(values: Sequence[float | int]) -> float:
    """The mean; NaN without numbers."""
    return float(np.mean(values)) if values else float("nan")


def median_of(values: Sequence[float | int]) -> float:
    """The median of those that are finite; NaN without one."""
    finite = [value for value in values if math.isfinite(value)]
    return float(np.median(finite)) if finite else math.nan
