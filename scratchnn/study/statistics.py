"""The numbers of a study: each model over its seeds, each pair of models over the seeds they share, by protocol."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float

from scratchnn.study import breakdown, inference
from scratchnn.study.inference import RESAMPLES
from scratchnn.study.one_model import Answers, LeftOut, ModelStatistics
from scratchnn.study.pairs import (
    MARGIN,
    Pair,
    Stopping,
    compare,
    compare_protocols,
    correct_for_number,
    correct_stopping,
)
from scratchnn.study.results import PROTOCOLS, Protocol, Reviews, RunResult, place_of


@dataclass(frozen=True)
class Statistics:
    """Of one protocol."""

    protocol: Protocol
    models: tuple[ModelStatistics, ...]
    pairs: tuple[Pair, ...]
    resamples: int
    noun: str = "review"  # what was tested on

    def model(self, name: str) -> ModelStatistics | None:
        return next((model for model in self.models if model.name == name), None)

    def pair(self, first: str, second: str) -> Pair | None:
        """The pair of two models, in the order asked for."""
        for pair in self.pairs:
            if (pair.first, pair.second) == (first, second):
                return pair
            if (pair.second, pair.first) == (first, second):
                return pair.turned()
        return None

    @property
    def subject(self) -> str | None:
        """The model that the others are compared with: of the film reviews lstm, else the most accurate one."""
        counted = {model.name: model.accuracy.value for model in self.models if model.accuracy}
        if "lstm" in counted and self.noun == "review":
            return "lstm"
        return max(counted, key=lambda name: counted[name], default=None)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(run for model in self.models for run in model.left_out)

    @property
    def compared(self) -> int:
        """How many pairs have numbers, for which the p values are corrected."""
        return sum(pair.obstacle is None for pair in self.pairs)


@dataclass(frozen=True)
class Analysis:
    """A study: its statistics by protocol, and what the choice of protocol does to each pair of models."""

    by_protocol: dict[Protocol, Statistics]
    stopping: tuple[Stopping, ...]  # of each pair that was compared under both protocols
    margin: float  # differences within it, on either side, count as none

    @property
    def first(self) -> Statistics:
        """Of the first protocol: for what is the same under all, such as the models and which runs count."""
        return next(iter(self.by_protocol.values()))

    def stopping_of(self, first: str, second: str) -> Stopping | None:
        """Of the pair, in the order asked for."""
        for each in self.stopping:
            if (each.first, each.second) == (first, second):
                return each
            if (each.second, each.first) == (first, second):
                return each.turned()
        return None


def analyse(
    results: Sequence[RunResult],
    reviews: Mapping[str, Reviews],
    resamples: int = RESAMPLES,
    margin: float = MARGIN,
) -> Analysis:
    """Return the statistics of a study. The order of `results` does not matter.

    Args:
        reviews: by their digest, `RunResult.test_set`.
        margin: a share of the reviews: pairs that differ by less, with certainty, are called equivalent.

    Raises:
        ValueError: if a model has two runs of one seed, reviews are missing, or probabilities do not fit them; if the
            margin is not above 0 and below 1, or resamples are too few.
    """
    if resamples < 100:
        raise ValueError(f"resamples must be at least 100 for a 95% interval, got {resamples}")
    if not 0 < margin < 1:
        raise ValueError(
            f"the margin is the largest difference that counts as none, and must be above 0 and below 1 (100 points), "
            f"got {margin}; half a point is 0.005"
        )
    _check_seeds(results)
    of_seeds = [_Answered(results, reviews, protocol, resamples) for protocol in _protocols(results)]
    found: dict[Protocol, Statistics] = {each.protocol: each.statistics(margin) for each in of_seeds}
    stopping: list[Stopping] = []
    if len(of_seeds) == 2:
        last, best = of_seeds
        stopping = [
            compare_protocols(pair, last.runs, last.correct, best.correct, last.drawn, best.drawn, margin)
            for pair in found[last.protocol].pairs
            if pair.obstacle is None
        ]
    return Analysis(found, tuple(correct_stopping(stopping)), margin)


class _Answered:
    """The runs that count under one protocol: which reviews each got right, and its accuracy on samples of them."""

    def __init__(
        self, results: Sequence[RunResult], reviews: Mapping[str, Reviews], protocol: Protocol, resamples: int
    ) -> None:
        self.results, self.reviews, self.resamples = results, reviews, resamples
        self.protocol: Protocol = protocol
        counted = [run for run in results if _reason(run, reviews) is None]
        self.runs = sorted(counted, key=lambda run: (run.model, run.seed))
        self.correct = {run.key: _correct(run, protocol, reviews[run.test_set]) for run in self.runs}
        self.drawn: dict[str, Float[Array, " K"]] = {}
        by_set = sorted(self.runs, key=lambda run: run.test_set)
        for _, group in itertools.groupby(by_set, key=lambda run: run.test_set):
            runs = list(group)
            accuracies = inference.resample_reviews(np.stack([self.correct[run.key] for run in runs]), resamples)
            self.drawn |= {run.key: accuracies[:, n] for n, run in enumerate(runs)}

    def statistics(self, margin: float) -> Statistics:
        models = [self._model(name) for name in sorted({run.model for run in self.results}, key=place_of)]
        pairs = [
            compare(a.name, b.name, a.runs, b.runs, self.correct, self.drawn, margin)
            for a, b in itertools.combinations(models, 2)
        ]
        nouns = dict.fromkeys(about.noun for about in self.reviews.values()) or ("review",)
        return Statistics(self.protocol, tuple(models), tuple(correct_for_number(pairs)), self.resamples, *nouns)

    def _model(self, name: str) -> ModelStatistics:
        runs = [run for run in self.runs if run.model == name]
        every = sorted((run for run in self.results if run.model == name), key=lambda run: run.seed)
        left_out = [LeftOut(name, run.seed, reason) for run in every if (reason := _reason(run, self.reviews))]
        settings = {key: value for key, value in every[0].settings.items() if key not in ("seed", "out")}
        parameters = max(run.parameters for run in every)  # a run that failed early does not know them
        accuracy = answers = None
        if runs:
            seen = np.array([self.correct[run.key].mean() for run in runs])
            accuracy = inference.estimate_mean(seen, np.stack([self.drawn[run.key] for run in runs], axis=1))
            answers = _answers(runs, self.protocol, self.reviews)
        return ModelStatistics(
            name, self.protocol, parameters, settings, tuple(runs), tuple(left_out), accuracy, answers
        )


def _check_seeds(results: Sequence[RunResult]) -> None:
    twice = [run for run, times in Counter((run.model, run.seed) for run in results).items() if times > 1]
    if twice:
        name, seed = twice[0]
        raise ValueError(f"a study has one run of each model and seed, got two of {name} with seed {seed}: drop one")


def _protocols(results: Sequence[RunResult]) -> list[Protocol]:
    """Those of every run that did not fail; where all have failed, any could have been."""
    tested = [run for run in results if run.error is None]
    found: list[Protocol] = [name for name in PROTOCOLS if not tested or any(name in run.tested for run in tested)]
    for run in tested:
        if missing := [name for name in found if name not in run.tested]:
            raise ValueError(
                f"the runs of a study are tested under the same protocols, but {run.key} was not tested under "
                f"{missing[0]!r}, as others were: do it again, or drop it"
            )
    return found


def _reason(run: RunResult, reviews: Mapping[str, Reviews]) -> str | None:
    """Return why a run does not count, None if it does; raise for what no training can have produced."""
    if run.error is not None:
        return run.error
    for tested in run.tested.values():
        if not math.isfinite(tested.loss) or not math.isfinite(tested.accuracy):
            return f"test loss {tested.loss}, test accuracy {tested.accuracy}"
    if run.test_set not in reviews:
        known = ", ".join(digest[:8] for digest in reviews) or "none"
        raise ValueError(f"{run.key} was tested on the set {run.test_set[:8]}, given are: {known}")
    for tested in run.tested.values():
        about = reviews[run.test_set]
        N, K = len(about.y), len(about.classes)
        if tested.probabilities.shape != ((N,) if K == 2 else (N, K)):
            wanted = f"one probability per test {about.noun}, {N}" if K == 2 else f"probabilities of shape {(N, K)}"
            raise ValueError(f"{run.key} needs {wanted}; got shape {tested.probabilities.shape}")
    finite = all(np.isfinite(tested.probabilities).all() for tested in run.tested.values())
    return None if finite else "its outputs are not all finite"


def _correct(run: RunResult, protocol: Protocol, reviews: Reviews) -> Bool[Array, " N"]:
    tested = run.tested[protocol]
    correct = breakdown.answers(tested.probabilities[None], reviews.y)[0]
    if abs(correct.mean() - tested.accuracy) > 1e-9:
        raise ValueError(
            f"{run.key} says its test accuracy is {tested.accuracy:.4f}, its probabilities say {correct.mean():.4f}: "
            f"they are not in the order of these {reviews.noun}s"
        )
    return correct


def _answers(runs: Sequence[RunResult], protocol: Protocol, reviews: Mapping[str, Reviews]) -> Answers:
    sets = Counter(run.test_set for run in runs)
    digest = min(sets, key=lambda each: (-sets[each], each))
    about = reviews[digest]
    probabilities = np.stack([run.tested[protocol].probabilities for run in runs if run.test_set == digest])
    correct = breakdown.answers(probabilities, about.y)
    new = ~about.in_training
    return Answers(
        test_set=digest,
        accuracy=float(correct.mean()),
        repeats=int(about.in_training.sum()),
        without_repeats=float(correct[:, new].mean()) if new.any() else math.nan,
        by_length=breakdown.parts_by(about.length, correct),
        by_unknown=breakdown.parts_by(about.unknown_share, correct),
        confusion=breakdown.confusion(probabilities, about.y),
        calibration=breakdown.calibration(probabilities, about.y),
        mistakes=breakdown.mistakes(probabilities, about),
    )
