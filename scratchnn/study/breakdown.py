"""Where a model's answers are right and wrong: by length and unknown words, by class, by confidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float, Shaped

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
class Confusion:
    """Reviews by their class and the class they were given; means over the seeds."""

    true_negative: float
    false_positive: float
    false_negative: float
    true_positive: float


@dataclass(frozen=True)
class Bin:
    """The answers of all seeds whose probability is in one tenth of [0, 1]."""

    answers: int
    probability: float  # their mean
    positive: float  # share of them where the review is positive


@dataclass(frozen=True)
class Calibration:
    bins: tuple[Bin, ...]  # those that hold answers
    error: float  # expected calibration error, mean over the seeds
    outside: float  # share of answers below 0 or above 1, which were clipped to these


@dataclass(frozen=True)
class Mistake:
    review: int  # its place in the test set
    positive: bool  # what it is
    probability: float  # mean over the seeds
    low: float
    high: float
    in_training: bool


def answers(probabilities: Float[Array, "S N"], y: Float[Array, " N"]) -> Bool[Array, "S N"]:
    """Return which answers are right: more than 0.5 means positive, as in the metric `binary_accuracy`."""
    return (probabilities > 0.5) == (y > 0.5)


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


def confusion(probabilities: Float[Array, "S N"], y: Float[Array, " N"]) -> Confusion:
    called = probabilities > 0.5
    counts = [
        float(np.count_nonzero((called == call) & (y > 0.5 if truth else y <= 0.5)) / len(called))
        for truth in (False, True)
        for call in (False, True)
    ]
    return Confusion(*counts)


def calibration(probabilities: Float[Array, "S N"], y: Float[Array, " N"]) -> Calibration:
    """Compare probabilities with how often they come true (Guo et al. 2017), in ten equal tenths of [0, 1]."""
    S, N = probabilities.shape
    p = np.clip(probabilities.astype(np.float64), 0, 1)
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1) + BINS * np.arange(S)[:, None]  # each seed its own bins

    def per_bin(weights: Float[Array, "S N"] | None) -> Shaped[Array, "S bins"]:
        flat = None if weights is None else weights.ravel()
        return np.bincount(place.ravel(), flat, minlength=S * BINS).reshape(S, BINS)

    count, sums, positive = per_bin(None), per_bin(p), per_bin(np.broadcast_to((y > 0.5) * 1.0, p.shape))
    error = np.abs(sums - positive).sum(axis=1) / N
    bins = tuple(
        Bin(int(n), float(total / n), float(positives / n))
        for n, total, positives in zip(count.sum(0), sums.sum(0), positive.sum(0), strict=True)
        if n
    )
    outside = float(np.mean((probabilities < 0) | (probabilities > 1)))
    return Calibration(bins, float(error.mean()), outside)


def mistakes(probabilities: Float[Array, "S N"], reviews: Reviews, most: int = MISTAKES) -> tuple[Mistake, ...]:
    """Return the reviews whose mean probability over the seeds is furthest on the wrong side, the worst first."""
    mean = probabilities.mean(axis=0, dtype=np.float64)
    positive = reviews.y > 0.5
    wrong = np.flatnonzero((mean > 0.5) != positive)
    worst = wrong[np.argsort(-np.abs(mean[wrong] - 0.5), kind="stable")[:most]]
    return tuple(
        Mistake(
            int(n),
            bool(positive[n]),
            float(mean[n]),
            float(probabilities[:, n].min()),
            float(probabilities[:, n].max()),
            bool(reviews.in_training[n]),
        )
        for n in worst
    )


def mean_of(values: Sequence[float | int]) -> float:
    """The mean; NaN without numbers."""
    return float(np.mean(values)) if values else float("nan")


def median_of(values: Sequence[float | int]) -> float:
    """The median of those that are finite; NaN without one."""
    finite = [value for value in values if math.isfinite(value)]
    return float(np.median(finite)) if finite else math.nan
