"""The numbers of a study: each model over its seeds, each pair of models over the seeds they share."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scratchnn_kernels.contract import Array

from scratchnn.experiments.presets import PRESETS
from scratchnn.report.best import best_epoch
from scratchnn.study import breakdown, inference
from scratchnn.study.breakdown import Calibration, Confusion, Mistake, Part, mean_of
from scratchnn.study.inference import RESAMPLES, Estimate
from scratchnn.study.pairs import Pair, compare, correct_for_number
from scratchnn.study.results import Reviews, RunResult


@dataclass(frozen=True)
class LeftOut:
    """A run whose numbers do not count, and why."""

    arch: str
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
    """One model. Without a run that counts, `accuracy` and `answers` are None and means are NaN."""

    arch: str
    parameters: int
    settings: dict[str, Any]  # of its first seed, those that can change a number
    runs: tuple[RunResult, ...]  # those that count, by seed
    left_out: tuple[LeftOut, ...]
    accuracy: Estimate | None
    answers: Answers | None

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.seed for run in self.runs)

    @property
    def loss(self) -> float:
        return mean_of([run.test_loss for run in self.runs])

    @property
    def overfits_after(self) -> float:
        """Median over the seeds of the epoch of lowest validation loss: from there on it gets worse."""
        epochs = [best_epoch(run.history.get("val_loss", [])) for run in self.runs]
        return _median([float(epoch) for epoch in epochs if epoch is not None])

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
    models: tuple[ModelStatistics, ...]
    pairs: tuple[Pair, ...]
    resamples: int

    def model(self, arch: str) -> ModelStatistics | None:
        return next((model for model in self.models if model.arch == arch), None)

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
        counted = {model.arch: model.accuracy.value for model in self.models if model.accuracy}
        return "lstm" if "lstm" in counted else max(counted, key=lambda arch: counted[arch], default=None)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(run for model in self.models for run in model.left_out)


def analyse(results: Sequence[RunResult], reviews: Mapping[str, Reviews], resamples: int = RESAMPLES) -> Statistics:
    """Return the statistics of a study. The order of `results` does not matter.

    Args:
        reviews: by their digest, `RunResult.test_set`.

    Raises:
        ValueError: if a model has two runs of one seed, reviews are missing, or probabilities do not fit them.
    """
    if resamples < 100:
        raise ValueError(f"resamples must be at least 100 for a 95% interval, got {resamples}")
    _check_seeds(results)
    counted = sorted((run for run in results if _reason(run, reviews) is None), key=lambda run: (run.arch, run.seed))
    correct = {run.key: _correct(run, reviews[run.test_set]) for run in counted}
    resampled: dict[str, Float[Array, " K"]] = {}
    for _, group in itertools.groupby(sorted(counted, key=lambda run: run.test_set), key=lambda run: run.test_set):
        runs = list(group)
        accuracies = inference.resample_reviews(np.stack([correct[run.key] for run in runs]), resamples)
        resampled |= {run.key: accuracies[:, n] for n, run in enumerate(runs)}

    models = []
    for arch in sorted({run.arch for run in results}, key=_place):
        runs = [run for run in counted if run.arch == arch]
        every = sorted((run for run in results if run.arch == arch), key=lambda run: run.seed)
        left_out = [LeftOut(arch, run.seed, reason) for run in every if (reason := _reason(run, reviews))]
        settings = {key: value for key, value in every[0].settings.items() if key not in ("arch", "seed", "out")}
        parameters = max(run.parameters for run in every)  # a run that failed early does not know them
        accuracy = answers = None
        if runs:
            seen = np.array([correct[run.key].mean() for run in runs])
            accuracy = inference.estimate_mean(seen, np.stack([resampled[run.key] for run in runs], axis=1))
            answers = _answers(runs, reviews)
        models.append(ModelStatistics(arch, parameters, settings, tuple(runs), tuple(left_out), accuracy, answers))
    pairs = [compare(a.arch, b.arch, a.runs, b.runs, correct, resampled) for a, b in itertools.combinations(models, 2)]
    return Statistics(tuple(models), tuple(correct_for_number(pairs)), resamples)


def _check_seeds(results: Sequence[RunResult]) -> None:
    twice = [run for run, times in Counter((run.arch, run.seed) for run in results).items() if times > 1]
    if twice:
        arch, seed = twice[0]
        raise ValueError(f"a study has one run of each model and seed, got two of {arch} with seed {seed}: drop one")


def _reason(run: RunResult, reviews: Mapping[str, Reviews]) -> str | None:
    """Return why a run does not count, None if it does; raise for what no training can have produced."""
    if run.error is not None:
        return run.error
    if not math.isfinite(run.test_loss) or not math.isfinite(run.test_accuracy):
        return f"test loss {run.test_loss}, test accuracy {run.test_accuracy}"
    if run.test_set not in reviews:
        known = ", ".join(digest[:8] for digest in reviews) or "none"
        raise ValueError(f"{run.key} was tested on the reviews {run.test_set[:8]}, given are: {known}")
    if run.probabilities is None or run.probabilities.shape != reviews[run.test_set].y.shape:
        found = "none" if run.probabilities is None else f"shape {run.probabilities.shape}"
        raise ValueError(
            f"{run.key} needs one probability per test review, {len(reviews[run.test_set].y)}; got {found}"
        )
    return None if np.isfinite(run.probabilities).all() else "its outputs are not all finite"


def _correct(run: RunResult, reviews: Reviews) -> Bool[Array, " N"]:
    assert run.probabilities is not None
    correct = breakdown.answers(run.probabilities[None], reviews.y)[0]
    # Half precision moves an answer or two across 0.5; another order of the reviews moves thousands.
    if abs(correct.mean() - run.test_accuracy) > 1e-3 + 1 / len(correct):
        raise ValueError(
            f"{run.key} says its test accuracy is {run.test_accuracy:.4f}, its probabilities say {correct.mean():.4f}: "
            "they are not in the order of these reviews"
        )
    return correct


def _answers(runs: Sequence[RunResult], reviews: Mapping[str, Reviews]) -> Answers:
    sets = Counter(run.test_set for run in runs)
    digest = min(sets, key=lambda each: (-sets[each], each))
    about = reviews[digest]
    probabilities = np.stack([run.probabilities for run in runs if run.test_set == digest])  # type: ignore[misc]
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


def _place(arch: str) -> tuple[int, str]:
    """The order of models: that of the presets, then by name."""
    known = list(PRESETS)
    return (known.index(arch) if arch in known else len(known), arch)


def _median(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.median(finite)) if finite else math.nan
