"""How sure a mean over seeds, or a difference of two, is: resampling, exact tests, and Holm's correction.

Two things are drawn at random in such a study: the seeds, which stand for all trainings one could have made, and the
test reviews, which stand for all reviews one could have asked. The bootstrap draws both again, crossed: a sample holds
the same reviews for every run, and a seed drawn comes with all of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float, Int

from scratchnn.core.extras import extra

RESAMPLES = 2000
LEVEL = 0.95
# Fewer seeds have too few patterns of signs: the smallest p of the sign-flip test is 2 / 2**seeds. Their mean is given
# with the range of the seeds, not with an interval: that of three seeds is so wide that it says less than they do.
LEAST_SEEDS = 6

_KEY = 20110619  # of the generator: any number, but always the same one
_REVIEWS, _SEEDS = 0, 1  # what a stream of the generator is for
_BLOCK = 64  # resamples drawn at a time: 6 MB of counts for 25,000 reviews


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and its 95% interval, or the range of the seeds where they are too few for an interval."""

    value: float
    low: float
    high: float
    is_range: bool = False

    def turned(self) -> "Estimate":
        """The same with the opposite sign."""
        return replace(self, value=-self.value, low=-self.high, high=-self.low)


def resample_reviews(correct: Bool[Array, "R N"], resamples: int = RESAMPLES) -> Float[Array, "K R"]:
    """Return the accuracy of each of R runs on each of K samples, with replacement, of the same N reviews.

    A sample is how often each review was drawn, so all samples and runs together are one product, counts (K, N) with
    right answers (N, R): 20 seeds of four models, 25,000 reviews and 2,000 samples take a second or two. Counts and
    sums are whole numbers below 2**24, exact in float32 in whatever order they are added: the same bits at any number
    of threads. All calls of one N draw the same samples, so no model's interval depends on the others.
    """
    R, N = correct.shape
    if N == 0:
        raise ValueError("there are no reviews to draw from: expected at least 1, got 0")
    if N >= 2**24:
        raise ValueError(f"sums over {N:,} reviews are not exact in float32; at most {2**24 - 1:,} can be resampled")
    generator = _generator(_REVIEWS)
    answers = correct.T.astype(np.float32)
    right = np.empty((resamples, R))
    for first in range(0, resamples, _BLOCK):
        drawn = generator.integers(0, N, (min(_BLOCK, resamples - first), N))
        counts = np.stack([np.bincount(row, minlength=N) for row in drawn]).astype(np.float32)
        right[first : first + len(drawn)] = counts @ answers
    return right / N


def estimate_mean(
    seen: Float[Array, " S"], resampled: Float[Array, "K S"], limits: tuple[float, float] = (0.0, 1.0)
) -> Estimate:
    """Return the mean over S seeds with its bootstrap interval, or with their range where S is below LEAST_SEEDS."""
    if len(seen) < LEAST_SEEDS:
        value, low, high = (float(number) for number in (seen.mean(), seen.min(), seen.max()))
        return Estimate(value, min(low, value), max(high, value), is_range=True)  # rounding can move a mean past them
    return bootstrap(seen, resampled, limits)


def bootstrap(
    seen: Float[Array, " S"], resampled: Float[Array, "K S"], limits: tuple[float, float] = (0.0, 1.0)
) -> Estimate:
    """Return the mean over S seeds with its percentile interval, both seeds and reviews drawn anew K times.

    Args:
        seen: one number per seed; `resampled`: the same on K samples of the reviews.
        limits: what the mean can be at least and at most.

    Plain resampling of few seeds gives too narrow intervals: the variance comes out at (S - 1) / S of what it should
    be, with normal tails. So deviations between seeds are stretched by sqrt(S / (S - 1)) and by the ratio of Student's
    quantile to the normal one: by 2.7 for 3 seeds, by 1.1 for 20. They are the deviations seen, not those on the sample
    of reviews, which would count the noise of a review within a run once more. With one seed the interval reflects
    the reviews only.
    """
    value, means = float(seen.mean()), _means(seen, resampled)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    # Stretched tails may leave what is possible, and few seeds can be so skewed that the interval misses their mean.
    return Estimate(value, max(limits[0], min(float(low), value)), min(limits[1], max(float(high), value)))


def equivalence_p(seen: Float[Array, " S"], resampled: Float[Array, "K S"], margin: float) -> float:
    """Return the p of two one-sided tests (Schuirmann 1987): that the mean of paired differences is within the margin.

    The mean's standard error is that of its seeds and that of the reviews, taken from the samples, together; its
    distribution Student's with S - 1 degrees of freedom, those of the seeds. Where the reviews add nothing, these are
    two one-sided t tests. Counting resampled means instead would end at one in their number, and with a hundred pairs
    no p of that size is left after Holm's correction. NaN with fewer than LEAST_SEEDS seeds.
    """
    S = len(seen)
    if S < LEAST_SEEDS:
        return math.nan
    with extra("study", "the statistics of a comparison"):
        from scipy.stats import t

    room = margin - abs(float(seen.mean()))
    error = math.sqrt(float(seen.var(ddof=1)) / S + float(resampled.mean(axis=1).var()))
    if error == 0:  # every seed, on every sample, came to the same
        return 0.0 if room > 0 else 1.0
    return float(t.sf(room / error, S - 1))


def _means(seen: Float[Array, " S"], resampled: Float[Array, "K S"]) -> Float[Array, " K"]:
    """The mean over seeds in each sample of seeds and reviews."""
    deviations = seen - seen.mean()
    return resampled.mean(axis=1) + (_seed_weights(len(seen), len(resampled)) * deviations).mean(axis=1)


def sign_flip_p(differences: Int[Array, " S"]) -> float:
    """Return the exact two-sided p of paired differences, one per seed, in right answers.

    Were two models equally good, each difference could as well have had the other sign. p is the share of all 2**S
    patterns of signs whose sum is at least as far from 0 as the sum seen. Because right answers are whole numbers, the
    distribution of the sum builds up seed by seed without visiting the patterns, and ties are ties.
    `scipy.stats.permutation_test` gives the same p, but visits them all: a million for 20 seeds.
    """
    if len(differences) == 0:
        raise ValueError("the sign-flip test needs at least one difference, got none")
    steps = np.abs(differences).astype(np.int64)
    reach = int(steps.sum())
    chance = np.zeros(2 * reach + 1)  # of each sum from -reach to reach
    chance[reach] = 1.0
    for step in steps:
        chance = 0.5 * (np.roll(chance, step) + np.roll(chance, -step))  # nothing ever rolls over an end
    sums = np.arange(-reach, reach + 1)
    return min(1.0, float(chance[np.abs(sums) >= abs(int(differences.sum()))].sum()))


def mcnemar_p(first_only: Int[Array, " S"], second_only: Int[Array, " S"]) -> float:
    """Return one p of McNemar's exact tests, one per seed, on the reviews that only one of two models got right.

    It asks whether these trained models differ on such reviews, not whether training again would give the same. The
    seeds share reviews, so their p values depend on each other; S / k times the k-th smallest is a p value all the
    same (Rueger 1978), and k is half of S, rounded up: about twice the median.
    """
    with extra("study", "the statistics of a comparison"):
        from scipy.stats import binomtest

    pairs = [(int(a), int(b)) for a, b in zip(first_only, second_only, strict=True)]
    if not pairs:
        raise ValueError("McNemar's test needs at least one pair of runs, got none")
    p = sorted(float(binomtest(a, a + b).pvalue) if a + b else 1.0 for a, b in pairs)
    k = math.ceil(len(p) / 2)
    return min(1.0, len(p) / k * p[k - 1])


def holm(p: Sequence[float]) -> list[float]:
    """Return the p values corrected for their number, in the order they came (Holm 1979); NaN stays, and is none."""
    corrected, known = [math.nan] * len(p), [n for n in range(len(p)) if not math.isnan(p[n])]
    largest = 0.0
    for rank, n in enumerate(sorted(known, key=lambda n: p[n])):
        largest = max(largest, min(1.0, (len(known) - rank) * p[n]))
        corrected[n] = largest
    return corrected


def _seed_weights(S: int, resamples: int) -> Float[Array, "K S"]:
    """Return how much more than once each seed was drawn in each sample, stretched as `bootstrap` says."""
    if S == 1:
        return np.zeros((resamples, 1))
    with extra("study", "the statistics of a comparison"):
        from scipy.stats import norm, t

    tail = (1 + LEVEL) / 2
    stretch = math.sqrt(S / (S - 1)) * float(t.ppf(tail, S - 1)) / float(norm.ppf(tail))
    return stretch * (_generator(_SEEDS).multinomial(S, np.full(S, 1 / S), resamples) - 1)


def _generator(stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=_KEY, counter=[0, 0, 0, stream]))
