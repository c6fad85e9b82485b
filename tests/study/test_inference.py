"""Intervals that hold what they promise, exact tests that equal SciPy's, and cases small enough to count by hand."""

import itertools
import math
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy import stats

from scratchnn.study import inference
from scratchnn.study.inference import (
    LEAST_SEEDS,
    bootstrap,
    equivalence_p,
    estimate_mean,
    holm,
    mcnemar_p,
    resample_reviews,
    sign_flip_p,
)


def simulated(rng: np.random.Generator, S: int, N: int, truth: float, seeds: float, reviews: float) -> np.ndarray:
    """Right answers of S runs on N reviews: `truth` on average, with spreads between seeds and between reviews."""
    chance = truth + rng.normal(0, seeds, (S, 1)) + rng.choice([-reviews, reviews], N)
    return rng.random((S, N)) < chance


@pytest.mark.parametrize(
    ("S", "seeds", "reviews"),
    [(1, 0.0, 0.1), (2, 0.02, 0.1), (3, 0.02, 0.1), (5, 0.03, 0.05), (20, 0.03, 0.1), (20, 0.001, 0.15)],
)
def test_intervals_hold_the_truth_in_about_95_of_100_studies(S: int, seeds: float, reviews: float) -> None:
    rng = np.random.default_rng(S)
    studies = 400
    held = 0
    for _ in range(studies):
        correct = simulated(rng, S, 400, 0.75, seeds, reviews)
        interval = bootstrap(correct.mean(axis=1), resample_reviews(correct, 400))
        held += interval.low <= 0.75 <= interval.high
    # Two standard errors of the simulation are 2.2%. Resampling both levels errs on the safe side (Owen 2007), the more
    # so the fewer reviews there are: 400 here.
    assert 0.925 <= held / studies <= 0.995


def test_intervals_of_differences_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        first, second = simulated(rng, 4, 400, 0.8, 0.02, 0.1), simulated(rng, 4, 400, 0.75, 0.03, 0.1)
        samples = resample_reviews(first, 400) - resample_reviews(second, 400)
        interval = bootstrap(first.mean(axis=1) - second.mean(axis=1), samples, (-1.0, 1.0))
        held += interval.low <= 0.05 <= interval.high
    assert 0.925 <= held / 400 <= 0.995


def test_few_seeds_are_given_with_their_range() -> None:
    """Whatever the reviews say: no interval below LEAST_SEEDS, where the sign-flip test cannot decide either."""
    rng = np.random.default_rng(3)
    for S in (1, 2, 3, inference.LEAST_SEEDS - 1):
        seen = rng.normal(0.7, 0.1, S)
        found = estimate_mean(seen, rng.random((200, S)))
        assert found == inference.Estimate(seen.mean(), seen.min(), seen.max(), is_range=True)
        assert found.turned() == inference.Estimate(-seen.mean(), -seen.max(), -seen.min(), is_range=True)
    seen = rng.normal(0.7, 0.1, inference.LEAST_SEEDS)
    samples = rng.random((200, inference.LEAST_SEEDS))
    assert estimate_mean(seen, samples) == bootstrap(seen, samples)
    assert not estimate_mean(seen, samples).is_range
    same = np.full(3, 0.1)  # whose mean is 0.10000000000000002
    assert estimate_mean(same, samples[:, :3]).high >= estimate_mean(same, samples[:, :3]).value


def test_an_interval_of_plain_bootstrap_for_few_seeds_would_be_too_narrow() -> None:
    """Why deviations are stretched: without it 3 seeds hold the truth in far fewer studies than promised."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        seeds = rng.normal(0.75, 0.02, 3)
        means = seeds[rng.integers(0, 3, (400, 3))].mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        held += low <= 0.75 <= high
    assert held / 300 < 0.85


def test_reviews_alone_give_the_binomial_interval() -> None:
    correct = (np.arange(5000) % 5 > 0)[None]  # 80%
    samples = resample_reviews(correct, 4000)
    assert samples.std() == pytest.approx(math.sqrt(0.8 * 0.2 / 5000), rel=0.05)
    interval = bootstrap(np.array([0.8]), samples)
    expected = stats.binomtest(4000, 5000).proportion_ci(method="wilson")
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-3)


def test_seeds_alone_give_students_interval() -> None:
    rng = np.random.default_rng(2)
    accuracies = rng.normal(0.8, 0.03, 12)
    interval = bootstrap(accuracies, np.tile(accuracies, (4000, 1)))
    expected = stats.t.interval(0.95, 11, accuracies.mean(), stats.sem(accuracies))
    assert (interval.low, interval.high) == pytest.approx(expected, abs=0.004)


def test_a_models_samples_do_not_depend_on_its_company_and_come_again() -> None:
    correct = np.random.default_rng(0).random((5, 300)) < 0.7
    together = resample_reviews(correct, 200)
    alone = np.concatenate([resample_reviews(row[None], 200) for row in correct], axis=1)
    assert np.array_equal(together, alone)
    assert together.shape == (200, 5)
    assert np.array_equal(resample_reviews(correct, 100), together[:100])
    assert len(np.unique(together[:, 0])) > 20


def test_samples_are_the_same_bits_with_any_number_of_blas_threads() -> None:
    script = """
import hashlib, numpy as np
from threadpoolctl import threadpool_limits
from scratchnn.study.inference import resample_reviews
correct = np.random.default_rng(0).random((40, 5000)) < 0.8
for threads in (1, 2, 3):
    with threadpool_limits(threads):
        print(hashlib.sha256(resample_reviews(correct, 130).tobytes()).hexdigest())
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert len(run.stdout.split()) == 3
    assert len(set(run.stdout.split())) == 1


def test_a_whole_study_takes_seconds() -> None:
    correct = np.random.default_rng(0).random((20, 25_000)) < 0.8
    started = time.process_time()
    resample_reviews(correct, 2000)
    assert time.process_time() - started < 15  # half a second where nobody else is; minutes would be a mistake


def test_intervals_stay_within_what_is_possible() -> None:
    perfect = np.ones((2, 50), bool)
    assert bootstrap(np.ones(2), resample_reviews(perfect, 200)) == inference.Estimate(1.0, 1.0, 1.0)
    wide = bootstrap(np.array([0.0, 1.0]), np.tile([0.0, 1.0], (200, 1)))
    assert (wide.low, wide.high) == (0.0, 1.0)
    assert bootstrap(np.array([-0.5, 0.5]), np.tile([-0.5, 0.5], (200, 1)), (-1.0, 1.0)).low == -1.0


def test_bad_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        resample_reviews(np.ones((2, 0), bool))
    huge = np.broadcast_to(np.ones(1, bool), (1, 2**24))
    with pytest.raises(ValueError, match="not exact in float32"):
        resample_reviews(huge, 100)


@pytest.mark.parametrize("S", [1, 2, 3, 5, 8, 11])
@pytest.mark.parametrize("scale", [2, 40])  # with 2 there are many ties and zeros
def test_sign_flips_as_scipy_and_as_counted(S: int, scale: int) -> None:
    rng = np.random.default_rng(S * scale)
    for _ in range(5):
        d = rng.integers(-scale, scale + 1, S) + scale // 4
        sums = [
            abs(sum(s * x for s, x in zip(signs, d, strict=True))) for signs in itertools.product((1, -1), repeat=S)
        ]
        counted = sum(total >= abs(d.sum()) for total in sums) / 2**S
        assert sign_flip_p(d) == pytest.approx(counted, abs=1e-12)
        if S > 1:  # SciPy wants two observations
            scipys = stats.permutation_test(
                (d.astype(float), np.zeros(S)),
                lambda x, y, axis: (x - y).sum(axis),
                permutation_type="samples",
                n_resamples=np.inf,
                vectorized=True,
            )
            assert sign_flip_p(d) == pytest.approx(scipys.pvalue, abs=1e-12)


def test_sign_flips_by_hand() -> None:
    assert sign_flip_p(np.array([5])) == 1.0
    assert sign_flip_p(np.array([5, 7])) == 0.5  # ++ and -- of ++, +-, -+, --
    assert sign_flip_p(np.array([1, 2, 3, 4, 5])) == 2 / 32  # five seeds can do no better
    assert sign_flip_p(np.array([1, 2, 3, 4, 5, 6])) == 2 / 64
    assert sign_flip_p(np.zeros(7, int)) == 1.0
    assert sign_flip_p(np.array([3, -3])) == 1.0
    assert sign_flip_p(-np.arange(1, 41)) == 2.0**-39
    with pytest.raises(ValueError, match="at least one difference"):
        sign_flip_p(np.array([], int))


def test_sign_flip_p_is_uniform_where_there_is_no_difference() -> None:
    rng = np.random.default_rng(0)
    p = np.array([sign_flip_p(np.round(rng.normal(0, 100, 10)).astype(int)) for _ in range(2000)])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert np.mean(p <= level) == pytest.approx(level, abs=2.5 * math.sqrt(level / 2000))


def test_mcnemar_by_hand_and_as_scipy() -> None:
    assert mcnemar_p(np.array([0]), np.array([0])) == 1.0
    assert mcnemar_p(np.array([5]), np.array([0])) == pytest.approx(2 / 32)
    assert mcnemar_p(np.array([40]), np.array([60])) == pytest.approx(stats.binomtest(40, 100).pvalue)
    # Three seeds with p 2/32, 2/128 and 1: S / k = 3 / 2 times the second
    assert mcnemar_p(np.array([5, 7, 1]), np.array([0, 0, 1])) == pytest.approx(1.5 * 2 / 32)
    assert mcnemar_p(np.array([5, 1]), np.array([0, 1])) == pytest.approx(2 * 2 / 32)
    with pytest.raises(ValueError, match="at least one pair"):
        mcnemar_p(np.array([], int), np.array([], int))


def test_mcnemar_over_seeds_does_not_cry_wolf() -> None:
    """Two equally good models, seeds that share their reviews: p <= 0.05 comes in at most 5 of 100 studies."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(400):
        tilt = rng.random(300) < 0.5  # which model a review favours, the same for every seed
        favours = tilt ^ (rng.random((5, 300)) < 0.1)
        alarms += mcnemar_p(favours.sum(axis=1), (~favours).sum(axis=1)) <= 0.05
    assert alarms / 400 <= 0.05 + 0.02


def test_holm_by_hand() -> None:
    assert holm([]) == []
    assert holm([0.04]) == [0.04]
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])  # 0.04 x 1 is raised to its predecessor
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.01, 0.01]) == pytest.approx([0.02, 0.02])
    assert holm([0.04, math.nan, 0.01]) == pytest.approx([0.04, math.nan, 0.02], nan_ok=True)  # NaN is no test


@pytest.mark.parametrize("shift", [-0.006, -0.003, 0.0, 0.002, 0.004])
def test_equivalence_as_two_t_tests(shift: float) -> None:
    """Where the reviews add nothing, it is what SciPy's two one-sided t tests say."""
    d = np.random.default_rng(4).normal(0, 0.004, 15)
    d += shift - d.mean()
    margin = 0.005
    sides = [
        stats.ttest_1samp(d, -margin, alternative="greater").pvalue,
        stats.ttest_1samp(d, margin, alternative="less").pvalue,
    ]
    assert equivalence_p(d, np.tile(d, (500, 1)), margin) == pytest.approx(max(sides), rel=1e-9)


def test_the_reviews_make_equivalence_less_certain() -> None:
    """Their standard error is that of the mean over the seeds on each sample, and errors add as squares."""
    rng = np.random.default_rng(5)
    d = rng.normal(0.001, 0.002, 8)
    p = [equivalence_p(d, d + rng.normal(0, noise, (1999, 1)), 0.005) for noise in (0.0, 0.0005, 0.002, 0.01)]
    assert p == sorted(p) and p[-1] > 0.2 > 0.01 > p[0]
    shifts = rng.normal(0, 0.002, (1999, 1))
    error = math.hypot(d.std(ddof=1) / math.sqrt(8), shifts.std())
    assert equivalence_p(d, d + shifts, 0.005) == pytest.approx(stats.t.sf((0.005 - abs(d.mean())) / error, 7))


def test_models_that_differ_by_the_margin_are_seldom_called_equivalent() -> None:
    rng = np.random.default_rng(6)
    wrong = equal = 0
    for _ in range(300):
        for truth in (0.04, 0.0):
            first, second = simulated(rng, 10, 400, 0.7 + truth, 0.01, 0.0), simulated(rng, 10, 400, 0.7, 0.01, 0.0)
            samples = resample_reviews(first, 300) - resample_reviews(second, 300)
            called = equivalence_p(first.mean(axis=1) - second.mean(axis=1), samples, 0.04) < 0.05
            wrong, equal = wrong + (called and truth > 0), equal + (called and truth == 0)
    assert wrong / 300 <= 0.05 + 0.025  # two standard errors of the simulation
    assert equal / 300 > wrong / 300 + 0.2  # and models that do not differ are


def test_equivalence_at_the_edges() -> None:
    few = np.zeros(LEAST_SEEDS - 1)
    assert math.isnan(equivalence_p(few, np.zeros((200, len(few))), 0.5))
    same = np.zeros(LEAST_SEEDS)
    assert equivalence_p(same, np.zeros((199, LEAST_SEEDS)), 0.005) == 0.0
    at = np.full(LEAST_SEEDS, 0.25)  # just the margin: not within it, on either side
    for sign in (1, -1):
        assert equivalence_p(sign * at, np.full((199, LEAST_SEEDS), sign * 0.25), 0.25) == 1.0
        assert equivalence_p(sign * at, np.full((199, LEAST_SEEDS), sign * 0.25), 0.2501) == 0.0
