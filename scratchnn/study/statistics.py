"""The numbers of a study: each model over its seeds, each pair of models over the seeds they share, by protocol."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scratchnn_kernels.contract import Array

from scratchnn.report.best import best_epoch
from scratchnn.study import breakdown, inference
from scratchnn.study.breakdown import Calibration, Confusion, Mistake, Part, mean_of
from scratchnn.study.inference import RESAMPLES, Estimate
from scratchnn.study.pairs import MARGIN, Pair, Stopping, compare, compare_protocols, correct_for_number
from scratchnn.study.results import PROTOCOLS, Protocol, Reviews, RunResult, place_of


@dataclass(frozen=True)
class LeftOut:
    """A run whose numbers do not count, and why."""

    model: str
    seed: int
    reason: str


@dataclass(frozen=True)
class Answers:
    """A model's answers on the test reviews, over its seeds that were tested on `test_set`, nearly always all."""

    test_set: str
    accuracy: float  # mean over the seeds
    repeats: int  # test reviews that are also in the training set
    without_repeats: float  # accuracy on all others
    by_length: tuple[Part, ...]
    by_unknown: tuple[Part, ...]
    confusion: Confusion
    calibration: Calibration
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class ModelStatistics:
    """One model under one protocol. Without a run that counts, `accuracy` and `answers` are None and means are NaN."""

    name: str
    preset: str
    protocol: Protocol
    parameters: int
    settings: dict[str, Any]  # of its first seed, those that can change a number
    runs: tuple[RunResult, ...]  # those that count, by seed
    accuracy: Estimate | None
    answers: Answers | None

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.seed for run in self.runs)

    @property
    def loss(self) -> float:
        return mean_of([run.tested[self.protocol].loss for run in self.runs])

    @property
    def accuracies(self) -> list[float]:
        """On the test reviews, of each seed."""
        return [run.tested[self.protocol].accuracy for run in self.runs]

    @property
    def epochs(self) -> list[int]:
        """After which each seed was tested."""
        return [run.tested[self.protocol].epoch for run in self.runs]

    @property
    def lowest_loss_after(self) -> float:
        """Median over the seeds of the epoch of lowest validation loss."""
        epochs = [best_epoch(run.history.get("val_loss", [])) for run in self.runs]
        return _median([float(epoch) for epoch in epochs if epoch is not None])

    @property
    def overfits_after(self) -> float:
        """The same, if validation loss rises afterwards in more than half of the seeds; NaN if it does not."""
        rises = [best_epoch(losses) != len(losses) for run in self.runs if (losses := run.history.get("val_loss"))]
        return self.lowest_loss_after if rises and 2 * sum(rises) > len(rises) else math.nan

    @property
    def best_validation(self) -> float:
        """Mean over the seeds of the highest validation accuracy."""
        return mean_of([max(values) for run in self.runs if (values := run.history.get("val_accuracy"))])

    @property
    def seconds_per_epoch(self) -> float:
        return _median([seconds for run in self.runs for seconds in run.history.get("seconds", [])])

    @property
    def peak_memory(self) -> float:
        return _median([run.peak_memory for run in self.runs])


@dataclass(frozen=True)
class Statistics:
    """Of one protocol."""

    protocol: Protocol
    models: tuple[ModelStatistics, ...]
    pairs: tuple[Pair, ...]
    resamples: int

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
        """The model that the others are compared with: lstm, or else the most accurate one."""
        counted = {model.name: model.accuracy.value for model in self.models if model.accuracy}
        return "lstm" if "lstm" in counted else max(counted, key=lambda name: counted[name], default=None)


@dataclass(frozen=True)
class Analysis:
    """A study: its statistics by protocol, and what the choice of protocol does to each pair of models."""

    by_protocol: dict[Protocol, Statistics]
    stopping: tuple[Stopping, ...]  # of each pair that was compared under both protocols
    margin: float  # differences within it, on either side, count as none
    left_out: tuple[LeftOut, ...]  # whatever the protocol
    counted: int  # runs
    resamples: int

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
    protocols = [name for name in PROTOCOLS if any(name in run.tested for run in results)] or [PROTOCOLS[0]]
    every = sorted(results, key=lambda run: (place_of(run.model), run.seed))
    left_out = [LeftOut(run.model, run.seed, reason) for run in every if (reason := _reason(run, reviews))]
    of_seeds = [_Answered(results, reviews, protocol, resamples) for protocol in protocols]
    found = {each.protocol: each.statistics(margin) for each in of_seeds}
    stopping: list[Stopping] = []
    if len(of_seeds) == 2:
        last, best = sorted(of_seeds, key=lambda each: each.protocol, reverse=True)
        for pair in found[last.protocol].pairs:
            if pair.obstacle is None:
                stopping.append(
                    compare_protocols(pair, last.runs, last.correct, best.correct, last.drawn, best.drawn, margin)
                )
    return Analysis(found, tuple(stopping), margin, tuple(left_out), len(results) - len(left_out), resamples)


class _Answered:
    """The runs that count under one protocol: which reviews each got right, and its accuracy on samples of them."""

    def __init__(
        self, results: Sequence[RunResult], reviews: Mapping[str, Reviews], protocol: Protocol, resamples: int
    ) -> None:
        self.results, self.reviews, self.protocol, self.resamples = results, reviews, protocol, resamples
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
        return Statistics(self.protocol, tuple(models), tuple(correct_for_number(pairs)), self.resamples)

    def _model(self, name: str) -> ModelStatistics:
        runs = [run for run in self.runs if run.model == name]
        every = sorted((run for run in self.results if run.model == name), key=lambda run: run.seed)
        settings = {key: value for key, value in every[0].settings.items() if key not in ("arch", "seed", "out")}
        parameters = max(run.parameters for run in every)  # a run that failed early does not know them
        accuracy = answers = None
        if runs:
            seen = np.array([self.correct[run.key].mean() for run in runs])
            accuracy = inference.estimate_mean(seen, np.stack([self.drawn[run.key] for run in runs], axis=1))
            answers = _answers(runs, self.protocol, self.reviews)
        return ModelStatistics(
            name,
            every[0].settings.get("arch", name),
            self.protocol,
            parameters,
            settings,
            tuple(runs),
            accuracy,
            answers,
        )


def _check_seeds(results: Sequence[RunResult]) -> None:
    twice = [run for run, times in Counter((run.model, run.seed) for run in results).items() if times > 1]
    if twice:
        name, seed = twice[0]
        raise ValueError(f"a study has one run of each model and seed, got two of {name} with seed {seed}: drop one")


def _reason(run: RunResult, reviews: Mapping[str, Reviews]) -> str | None:
    """Return why a run does not count, None if it does; raise for what no training can have produced."""
    if run.error is not None:
        return run.error
    for tested in run.tested.values():
        if not math.isfinite(tested.loss) or not math.isfinite(tested.accuracy):
            return f"test loss {tested.loss}, test accuracy {tested.accuracy}"
    if run.test_set not in reviews:
        known = ", ".join(digest[:8] for digest in reviews) or "none"
        raise ValueError(f"{run.key} was tested on the reviews {run.test_set[:8]}, given are: {known}")
    for tested in run.tested.values():
        if tested.probabilities.shape != reviews[run.test_set].y.shape:
            raise ValueError(
                f"{run.key} needs one probability per test review, {len(reviews[run.test_set].y)}; got shape "
                f"{tested.probabilities.shape}"
            )
    finite = all(np.isfinite(tested.probabilities).all() for tested in run.tested.values())
    return None if finite else "its outputs are not all finite"


def _correct(run: RunResult, protocol: Protocol, reviews: Reviews) -> Bool[Array, " N"]:
    tested = run.tested[protocol]
    correct = breakdown.answers(tested.probabilities[None], reviews.y)[0]
    if abs(correct.mean() - tested.accuracy) > 1e-9:
        raise ValueError(
            f"{run.key} says its test accuracy is {tested.accuracy:.4f}, its probabilities say {correct.mean():.4f}: "
            "they are not in the order of these reviews"
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


def _median(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.median(finite)) if finite else math.nan
