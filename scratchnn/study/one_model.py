"""What a study knows of one model under one protocol, over its seeds."""

import math
from dataclasses import dataclass
from typing import Any

from scratchnn.report.best import best_epoch
from scratchnn.study.breakdown import Calibration, Mistake, Part, mean_of, median_of
from scratchnn.study.inference import Estimate
from scratchnn.study.results import Protocol, RunResult


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
    confusion: tuple[tuple[float, ...], ...]  # mean number of each class, a row, that was given each class
    calibration: Calibration
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class ModelStatistics:
    """One model under one protocol. Without a run that counts, `accuracy` and `answers` are None and means are NaN."""

    name: str
    protocol: Protocol
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
        return median_of([float(epoch) for epoch, _ in self._lowest_losses()])

    @property
    def overfits_after(self) -> float:
        """The same, if validation loss rises afterwards in more than half of the seeds; NaN if it does not."""
        rises = [epoch < epochs for epoch, epochs in self._lowest_losses()]
        return self.lowest_loss_after if 2 * sum(rises) > len(rises) else math.nan

    def _lowest_losses(self) -> list[tuple[int, int]]:
        """The epoch of the lowest validation loss of each seed that has a finite one, and how many epochs it had."""
        histories = [run.history.get("val_loss", []) for run in self.runs]
        return [(epoch, len(losses)) for losses in histories if (epoch := best_epoch(losses)) is not None]

    @property
    def best_validation(self) -> float:
        """Mean over the seeds of the highest validation accuracy."""
        return mean_of([max(values) for run in self.runs if (values := run.history.get("val_accuracy"))])

    @property
    def seconds_per_epoch(self) -> float:
        return median_of([seconds for run in self.runs for seconds in run.history.get("seconds", [])])

    @property
    def peak_memory(self) -> float:
        return median_of([run.peak_memory for run in self.runs])
