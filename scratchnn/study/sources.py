"""What the runs of a study are trained and tested on, wherever a run is done: here, in a process, on another machine.

A source is sent to workers, so that it says where its examples are and does not hold them. While a study is planned it
says which settings a model has on them; when a run begins it loads them; and in the end it tells what they are.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Shaped

from scratchnn.data import DataWarning
from scratchnn.data.own.loading import OwnTexts
from scratchnn.data.vectors import WordVectors
from scratchnn.experiments.presets import Preset
from scratchnn.experiments.settings import Settings
from scratchnn.models.model import Model
from scratchnn.study.results import Reviews, RunResult
from scratchnn.training import batches

Rows = tuple[Any, Any]  # x and y


@dataclass(frozen=True, eq=False)
class Examples:
    """What one run is trained and tested on.

    Shapes:
        x_train (N, ...), y_train (N,) and so on; y are numbers of classes
    """

    x_train: Any
    y_train: Shaped[Array, " N"]
    x_test: Any
    y_test: Shaped[Array, " M"]
    classes: int
    digest: str  # of all there is, before any splitting
    where: str  # for people
    validation: Rows | None = None  # None: the last share of those to train on
    class_weight: Mapping[int, float] | None = None
    vectors: WordVectors | None = None  # that embeddings begin with
    own: OwnTexts | None = None  # where these are texts of the user's own

    def parts(self, share: float) -> tuple[Rows, Rows | None]:
        """Those to train on and those to validate on, of which there may be none; `share`: to hold out."""
        if self.validation is not None:
            return (self.x_train, self.y_train), self.validation
        within, held_out = batches.split((self.x_train, self.y_train, None), share)
        return within[:2], None if held_out is None else held_out[:2]

    def held_out(self, share: float) -> dict[str, Any]:
        """The same, as `fit` is told."""
        if self.validation is not None:
            return {"validation_data": self.validation}
        return {"validation_split": share}

    def weights_of(self, y: Shaped[Array, " N"]) -> Any:
        """How much examples of these classes count: 1, or (N,) of each."""
        if self.class_weight is None:
            return 1.0
        return np.array([self.class_weight[int(k)] for k in y.tolist()])


class Source(ABC):
    noun: ClassVar[str]  # what one example is
    unused: ClassVar[tuple[str, ...]] = ()  # settings that say nothing of a model here

    @property
    @abstractmethod
    def digest(self) -> str:
        """Of all examples, before any splitting."""

    @property
    def deciding(self) -> dict[str, Any]:
        """What else is said of the examples that changes numbers, by the names of the flags."""
        return {}

    @abstractmethod
    def settings(self, preset: Preset, chosen: Mapping[str, Any]) -> Settings:
        """Those that a model is trained with on these examples; ValueError for what has no use here."""

    @abstractmethod
    def check(self, model: str, settings: Settings) -> None:
        """Raise ValueError, naming the model, if there are too few examples for the settings."""

    @abstractmethod
    def validates(self, settings: Settings) -> bool:
        """Whether something is held out to choose the best epoch by."""

    @abstractmethod
    def test_set(self, settings: Settings) -> str:
        """The digest of what a model with these settings is tested on."""

    @abstractmethod
    def build(self, preset: Preset, settings: Settings) -> Model:
        """The model with its initial weights, compiled."""

    def fitted(self, preset: Preset, settings: Settings) -> Preset:
        """The preset with the layers that a model has on these examples, where it can be fitted to them."""
        return preset

    def blank(self, settings: Settings) -> Any:
        """An x of one row, to see whether a model takes it."""
        return np.zeros((1, settings.length), np.int32)

    @abstractmethod
    def load(self, settings: Settings) -> Examples:
        """The examples as a model with these settings sees them."""

    @abstractmethod
    def key(self, settings: Settings) -> tuple[Any, ...]:
        """What `load` goes by."""

    @abstractmethod
    def describe(self, results: Sequence[RunResult]) -> dict[str, Reviews]:
        """Every test set of the runs by its digest."""

    @abstractmethod
    def heading(self, settings: Settings) -> list[tuple[str, str]]:
        """Names and values to print before the first run."""


_loaded: dict[tuple[Any, ...], Examples] = {}  # those of the last run: the next one often has the same


def loaded(source: Source, settings: Settings, digest: str | None = None) -> Examples:
    """Its examples. Those that are there already are taken unless their `digest` is another one."""
    key = (source, *source.key(settings))
    if key in _loaded and digest not in (None, _loaded[key].digest):
        del _loaded[key]  # the files may have been repaired since
    if key not in _loaded:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # shown when the study was planned
            remember(source, settings, source.load(settings))
    return _loaded[key]


def remember(source: Source, settings: Settings, examples: Examples) -> None:
    """Let `loaded` find them."""
    _loaded.clear()
    _loaded[source, *source.key(settings)] = examples


def forget() -> None:
    """Free all examples."""
    _loaded.clear()


def make_room(source: Source, settings: Settings) -> None:
    """Free the examples of earlier runs, if this one has no use for them: they would count as its memory."""
    if (source, *source.key(settings)) not in _loaded:
        _loaded.clear()
