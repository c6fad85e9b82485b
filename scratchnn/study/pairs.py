"""Two models compared seed by seed, on the same reviews."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float

from scratchnn.study import inference
from scratchnn.study.inference import Estimate
from scratchnn.study.results import RunResult

MARGIN = 0.005  # half a point of accuracy: a smaller difference is none for any use of these models


@dataclass(frozen=True)
class Pair:
    """Model `first` against model `second`, over the seeds that both have. `obstacle` says why there are no numbers."""

    first: str
    second: str
    seeds: tuple[int, ...]
    obstacle: str | None = None
    difference: Estimate | None = None  # accuracy of the first less that of the second
    p: float = math.nan  # exact sign-flip test over the seeds
    p_holm: float = math.nan
    mcnemar: float = math.nan
    mcnemar_holm: float = math.nan
    p_equivalent: float = math.nan  # two one-sided tests: the difference is within the margin; NaN with too few seeds
    p_equivalent_holm: float = math.nan
    same_order: bool = True  # whether both saw the reviews in the same order, seed by seed
    seeds_matter: bool = True  # False: each model answers alike with every seed, and `p` is McNemar's, over the reviews

    @property
    def smallest_p(self) -> float:
        """The smallest p that the sign-flip test can give with this many seeds."""
        return 2.0 ** (1 - len(self.seeds)) if self.seeds else 1.0

    def turned(self) -> "Pair":
        """The same with first and second exchanged."""
        return replace(
            self, first=self.second, second=self.first, difference=self.difference and self.difference.turned()
        )


def compare(
    first: str,
    second: str,
    first_runs: Sequence[RunResult],
    second_runs: Sequence[RunResult],
    correct: Mapping[str, Bool[Array, " _"]],
    resampled: Mapping[str, Float[Array, " K"]],
    margin: float = MARGIN,
) -> Pair:
    """Compare two models seed by seed.

    Args:
        correct: by `RunResult.key`, which reviews it got right.
        resampled: by `RunResult.key`, its accuracies on K samples of the reviews, the same for all runs.
    """
    of_b = {run.seed: run for run in second_runs}
    common = [(run, of_b[run.seed]) for run in first_runs if run.seed in of_b]
    seeds = tuple(run.seed for run, _ in common)
    if not first_runs or not second_runs:
        without = [name for name, runs in ((first, first_runs), (second, second_runs)) if not runs]
        return Pair(
            first, second, seeds, f"{' and '.join(without)} {'has' if len(without) == 1 else 'have'} no run that counts"
        )
    if not common:
        return Pair(first, second, seeds, "they have no seed in common")
    if any(x.test_set != y.test_set for x, y in common):
        return Pair(first, second, seeds, "they were tested on different sets")
    answers = [(correct[x.key], correct[y.key]) for x, y in common]
    first_only = np.array([np.count_nonzero(x & ~y) for x, y in answers])
    second_only = np.array([np.count_nonzero(y & ~x) for x, y in answers])
    seen = np.array([x.mean() - y.mean() for x, y in answers])
    mcnemar = inference.mcnemar_p(first_only, second_only)
    # Copies of one answer are no evidence of more than that one, however many seeds made them.
    seeds_matter = len(answers) == 1 or any(
        not np.array_equal(x, answers[0][0]) or not np.array_equal(y, answers[0][1]) for x, y in answers[1:]
    )
    on_samples = np.stack([resampled[x.key] - resampled[y.key] for x, y in common], axis=1)
    return Pair(
        first,
        second,
        seeds,
        difference=inference.estimate_mean(seen, on_samples, (-1.0, 1.0)),
        p=inference.sign_flip_p(first_only - second_only) if seeds_matter else mcnemar,
        mcnemar=mcnemar,
        p_equivalent=inference.equivalence_p(seen, on_samples, margin),
        same_order=all(x.order_digest == y.order_digest for x, y in common),
        seeds_matter=seeds_matter,
    )


def correct_for_number(pairs: Sequence[Pair]) -> list[Pair]:
    """Fill in the p values corrected for the number of pairs that were compared."""
    compared = [pair for pair in pairs if pair.obstacle is None]
    p, mcnemar, equivalent = (
        inference.holm([getattr(pair, name) for pair in compared]) for name in ("p", "mcnemar", "p_equivalent")
    )
    found = iter(
        replace(pair, p_holm=p[n], mcnemar_holm=mcnemar[n], p_equivalent_holm=equivalent[n])
        for n, pair in enumerate(compared)
    )
    return [pair if pair.obstacle else next(found) for pair in pairs]


@dataclass(frozen=True)
class Stopping:
    """How much of the difference of two models the choice of the epoch explains."""

    first: str
    second: str
    seeds: tuple[int, ...]
    difference: Estimate  # that after the last epoch less that at the best one
    p: float  # sign-flip test: the choice explains nothing
    p_equivalent: float  # it explains less than the margin; NaN with too few seeds
    p_holm: float = math.nan
    p_equivalent_holm: float = math.nan

    def turned(self) -> "Stopping":
        """The same with first and second exchanged."""
        return replace(self, first=self.second, second=self.first, difference=self.difference.turned())


def compare_protocols(
    pair: Pair,
    runs: Sequence[RunResult],
    last: Mapping[str, Bool[Array, " _"]],
    best: Mapping[str, Bool[Array, " _"]],
    last_resampled: Mapping[str, Float[Array, " K"]],
    best_resampled: Mapping[str, Float[Array, " K"]],
    margin: float = MARGIN,
) -> Stopping:
    """Compare a pair's difference after the last epoch with that at the best one, seed by seed, on the same samples.

    Args:
        last, best, and both of them resampled: as for `compare`, under each protocol.
    """
    keys = {(run.model, run.seed): run.key for run in runs}
    of = [(keys[pair.first, seed], keys[pair.second, seed]) for seed in pair.seeds]
    right = [int(last[a].sum()) - int(last[b].sum()) - int(best[a].sum()) + int(best[b].sum()) for a, b in of]
    N = len(last[of[0][0]])
    on_samples = np.stack(
        [last_resampled[a] - last_resampled[b] - best_resampled[a] + best_resampled[b] for a, b in of], axis=1
    )
    seen = np.array(right) / N
    difference = inference.estimate_mean(seen, on_samples, (-2.0, 2.0))
    p = inference.sign_flip_p(np.array(right))
    return Stopping(
        pair.first, pair.second, pair.seeds, difference, p, inference.equivalence_p(seen, on_samples, margin)
    )


def correct_stopping(found: Sequence[Stopping]) -> list[Stopping]:
    """Fill in the p values corrected for the number of pairs."""
    p, equivalent = (inference.holm([getattr(each, name) for each in found]) for name in ("p", "p_equivalent"))
    return [replace(each, p_holm=p[n], p_equivalent_holm=equivalent[n]) for n, each in enumerate(found)]
