"""Arrays of the user's own as the source of a study in Python, where they stay."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Shaped

from scratchnn.experiments.presets import Preset
from scratchnn.experiments.settings import Settings
from scratchnn.models.model import Model
from scratchnn.study.built import Built, built_for
from scratchnn.study.results import Reviews, RunResult
from scratchnn.study.sources import Examples, Rows, Source


@dataclass(frozen=True, eq=False)
class ArraySource(Source):
    """Arrays in this process."""

    noun: ClassVar[str] = "example"
    unused: ClassVar[tuple[str, ...]] = (
        "vocabulary", "length", "skip_top", "resplit", "train_reviews", "test_reviews", "shuffle_words", "units",
        "pretrain_epochs", "optimizer", "learning_rate", "learning_rate_decay", "global_clipnorm", "early_stop",
        "synthetic",
    )  # fmt: skip
    examples: Examples
    classes: tuple[str, ...]

    @classmethod
    def of(
        cls, x: Any, y: Any, test_data: Any, validation_data: Any, class_weight: Mapping[Any, float] | None
    ) -> "ArraySource":
        parts = {"": (x, y), "test_data": test_data} | (
            {} if validation_data is None else {"validation_data": validation_data}
        )
        rows = {name: _rows(name, part) for name, part in parts.items()}
        for name, (examples, _) in rows.items():
            if examples.shape[1:] != rows[""][0].shape[1:]:
                raise ValueError(
                    f"{name} has examples of another shape than x: {examples.shape[1:]}, not {rows[''][0].shape[1:]}"
                )
        labels = np.unique(rows[""][1])
        if len(labels) < 2:
            raise ValueError(f"y must hold two different labels or more, got {labels.tolist()}")
        numbered = {name: (x, _numbers(name, y, labels)) for name, (x, y) in rows.items()}
        digest = hashlib.sha256()
        for array in [each for pair in rows.values() for each in pair]:
            digest.update(f"{array.dtype.str} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
        weights = _weights(class_weight, labels)
        examples = Examples(
            *numbered[""], *numbered["test_data"], len(labels), digest.hexdigest(), "the arrays",
            numbered.get("validation_data"), weights,
        )  # fmt: skip
        return cls(examples, tuple(map(str, labels.tolist())))

    @property
    def digest(self) -> str:
        return self.examples.digest

    @property
    def deciding(self) -> dict[str, Any]:
        weights = self.examples.class_weight
        return {"class_weight": None if weights is None else {self.classes[k]: each for k, each in weights.items()}}

    def settings(self, preset: Preset, chosen: Mapping[str, Any]) -> Settings:
        assert isinstance(preset, Built)
        return preset.settings(**chosen, backend=preset.backend)

    def check(self, model: str, settings: Settings) -> None:
        self.examples.parts(settings.validation_split)

    def validates(self, settings: Settings) -> bool:
        return self.examples.parts(settings.validation_split)[1] is not None

    def test_set(self, settings: Settings) -> str:
        return self.digest

    def build(self, preset: Preset, settings: Settings) -> Model:
        assert isinstance(preset, Built)
        return built_for(preset, settings.seed, self.blank(settings), self.examples.classes)

    def fitted(self, preset: Preset, settings: Settings) -> Preset:
        assert isinstance(preset, Built)
        return replace(preset, row=self.examples.x_train.shape[1:])

    def blank(self, settings: Settings) -> Any:
        return self.examples.x_train[:1]

    def load(self, settings: Settings) -> Examples:
        return self.examples

    def key(self, settings: Settings) -> tuple[Any, ...]:
        return ()

    def describe(self, results: Sequence[RunResult]) -> dict[str, Reviews]:
        data = self.examples
        known = {row.tobytes() for row in data.x_train}
        nothing = np.zeros(len(data.y_test))
        reviews = Reviews(
            self.digest, data.y_test.astype(np.float32), nothing.astype(np.int64), nothing,
            np.array([row.tobytes() in known for row in data.x_test]), lambda n: "", self.classes, self.noun,
            f"{len(data.x_train):,} examples",
        )  # fmt: skip
        return {self.digest: reviews}

    def heading(self, settings: Settings) -> list[tuple[str, str]]:
        return [("data", f"{len(self.examples.x_train):,} examples, digest {self.digest[:8]}")]


def _rows(name: str, part: Any) -> Rows:
    """x and the labels as arrays.

    Raises:
        ValueError: if they are no pair, or do not fit each other.
    """
    if not isinstance(part, tuple | list) or len(part) != 2:
        raise ValueError(f"{name} must be a pair (x, y), got {type(part).__name__}")
    x, y = np.asarray(part[0]), np.asarray(part[1])
    where = f"{name}: " if name else ""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or x.ndim < 2 or len(x) != len(y) or not len(y):
        raise ValueError(
            f"{where}expected examples (N, ...) and one label of each, (N,), got shapes {x.shape} and {y.shape}"
        )
    if y.dtype.kind == "O" and any(all(isinstance(each, kind) for each in y) for kind in (str, int, np.integer)):
        y = np.array(y.tolist())  # a column of words, as pandas gives it
    if y.dtype.kind not in "bUSiu" and not (y.dtype.kind == "f" and (y == np.round(y)).all()):
        raise ValueError(f"{where}labels must be words or whole numbers, got {y.dtype}")
    return x, y.astype(np.int64) if y.dtype.kind == "f" else y


def _numbers(name: str, y: Shaped[Array, " N"], labels: Shaped[Array, " K"]) -> Any:
    """Each label as the number of its class."""
    if (unknown := ~np.isin(y, labels)).any():
        raise ValueError(f"{name} has the label {y[unknown].tolist()[0]!r}, which y has not; it has {labels.tolist()}")
    return np.searchsorted(labels, y).astype(np.uint8 if len(labels) == 2 else np.int32)


def _weights(class_weight: Mapping[Any, float] | None, labels: Shaped[Array, " K"]) -> dict[int, float] | None:
    if class_weight is None:
        return None
    known = labels.tolist()
    if unknown := [label for label in class_weight if label not in known]:
        raise ValueError(f"class_weight has {unknown[0]!r}, which no example is labelled with; the labels are {known}")
    return {k: float(class_weight.get(label, 1.0)) for k, label in enumerate(known)}
