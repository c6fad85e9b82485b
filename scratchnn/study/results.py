"""What a study is made of: runs, each of one preset and one seed, and the reviews they were tested on.

A study trains several presets with the same seeds. Within a seed every preset sees the same split and, where it has as
many reviews, the same order of batches, so that differences between presets can be taken seed by seed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Bool, Float, Int
from scratchnn_kernels.contract import Array


@dataclass(frozen=True)
class RunResult:
    """One finished, or failed, training run."""

    arch: str
    seed: int
    config_hash: str  # of everything that decides the numbers: preset, settings, data digest, version of the code
    settings: dict[str, Any]
    parameters: int
    history: dict[str, list[float]]  # loss, accuracy, val_loss, val_accuracy, seconds: one number per finished epoch
    test_loss: float
    test_accuracy: float
    test_set: str  # digest of the raw test reviews: runs with equal ones can be compared review by review
    order_digest: str  # of the order of the batches in the first epoch
    weights: str  # checksum of the final weights
    seconds: float  # of the whole run
    peak_memory: float  # MB of the process that ran it
    error: str | None = None  # why the run failed; its numbers are then NaN, or those before the failure
    probabilities: Float[Array, " N"] | None = field(default=None, repr=False)  # the model's output per test review

    @property
    def failed(self) -> bool:
        return self.error is not None

    @property
    def key(self) -> str:
        """Names the run, and its files, in the study's folder."""
        return f"{self.arch}-{self.seed}-{self.config_hash}"


@dataclass(frozen=True)
class Reviews:
    """The reviews that all runs were tested on, in the order of `RunResult.probabilities`."""

    digest: str
    y: Float[Array, " N"]
    length: Int[Array, " N"]  # words of the whole review, before cutting or padding
    unknown_share: Float[Array, " N"]  # share of its words outside the vocabulary, of those the model is shown
    in_training: Bool[Array, " N"]  # whether the same review is also in the training set
    text: Callable[[int], str]  # the words of one review, for people to read
