"""What a study is made of: runs, each of one preset and one seed, and the reviews they were tested on.

A study trains several presets with the same seeds. Within a seed every preset sees the same split and, where it has as
many reviews, the same order of batches, so that differences between presets can be taken seed by seed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Bool, Float, Int

from scratchnn.data.encoder import REVIEW_CLASSES
from scratchnn.experiments.presets import CONTROLS, PRESETS

Protocol = Literal["last", "best"]
# When a model is taken from its training: after the last epoch, as published results are; or after the epoch of the
# lowest validation loss, without a look at the test reviews.
PROTOCOLS: tuple[Protocol, ...] = ("last", "best")


@dataclass(frozen=True)
class Tested:
    """A model as it was after one epoch, on the test reviews."""

    epoch: int
    loss: float
    accuracy: float
    weights: str  # their checksum
    # Of each test review: (N,) that of the second of two classes, (N, K) of each of more.
    probabilities: Float[Array, "N ..."] = field(repr=False)


@dataclass(frozen=True)
class RunResult:
    """One finished, or failed, training run."""

    model: str  # its name in the study: that of the preset, with what is special about it
    seed: int
    config_hash: str  # of everything that decides the numbers: preset, settings, data digest, version of the code
    settings: dict[str, Any]
    parameters: int
    history: dict[str, list[float]]  # loss, accuracy, val_loss, val_accuracy, seconds: one number per finished epoch
    tested: dict[Protocol, Tested]  # under each protocol of the study; none if the run failed
    test_set: str  # digest of the raw test reviews: runs with equal ones can be compared review by review
    order_digest: str  # of the order of the batches in the first epoch
    seconds: float  # of the whole run
    peak_memory: float  # MB of the process that ran it
    error: str | None = None  # why the run failed; its numbers are then NaN, or those before the failure

    @property
    def failed(self) -> bool:
        return self.error is not None

    @property
    def key(self) -> str:
        """Names the run, and its files, in the study's folder."""
        return f"{self.model}-{self.seed}-{self.config_hash}"


def place_of(model: str) -> tuple[int, str]:
    """The order of models: that of the presets, a preset's variants after it, then all others by name."""
    known = [*PRESETS, *CONTROLS]
    arch = model.partition(",")[0]
    return (known.index(arch) if arch in known else len(known), model)


@dataclass(frozen=True)
class Reviews:
    """The reviews that all runs were tested on, in the order of `Tested.probabilities`."""

    digest: str
    y: Float[Array, " N"]  # numbers of their classes
    length: Int[Array, " N"]  # words of the whole review, before cutting or padding
    unknown_share: Float[Array, " N"]  # share of its words outside the vocabulary, of those the model is shown
    in_training: Bool[Array, " N"]  # whether the same review is also in the training set
    text: Callable[[int], str]  # the words of one review, for people to read
    classes: tuple[str, ...] = REVIEW_CLASSES
    noun: str = "review"  # what one of them is
    source: str = "IMDB reviews"

    def count(self) -> dict[str, int]:
        """How many of each class there are."""
        counts = np.bincount(self.y.astype(np.int64), minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))
