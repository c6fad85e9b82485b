"""The arrays of a configuration: inputs with their mask, targets, all kinds of weights. Its name decides each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.parity.cases import uniform
from tests.parity.grammar import Configuration, N
from tests.parity.grammar_words import D, V

CLASS_WEIGHT = {0: 0.5, 1: 2.0}


class Arrays:
    """What both frameworks get."""

    def __init__(self, case: Configuration) -> None:
        self.case = case
        self.count = 2 * case.batch_size if case.states == "carried" else N
        self.real = self._real()
        self.x = self._x()
        self.y = self._y()
        self.sample_weight = self._sample_weight()
        self.class_weight = CLASS_WEIGHT if case.weights == "class" else None

    @property
    def in_fit(self) -> dict[str, Any]:
        """The weights that fit and train_on_batch take; evaluate takes no class_weight."""
        return {"sample_weight": self.sample_weight, "class_weight": self.class_weight}

    @property
    def first_batch(self) -> dict[str, Any]:
        """Arguments of train_on_batch."""
        rows = slice(0, self.case.batch_size)
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        return {"x": self.x[rows], "y": self.y[rows], "sample_weight": weight, "class_weight": self.class_weight}

    def draw(self, what: str, shape: Sequence[int], scale: float = 1.0) -> np.ndarray:
        return uniform(f"{self.case.name} {what}", shape, scale).astype(self.case.dtype)

    def weight(self, number: int, shape: Sequence[int]) -> np.ndarray:
        return self.draw(f"weight {number}", shape, 0.9)

    def output_gradient(self, shape: Sequence[int]) -> np.ndarray:
        return self.draw("dy", shape)

    def state(self, number: int, units: int) -> np.ndarray:
        return self.draw(f"state {number}", (self.count, units))

    def whole(self, what: str, shape: Sequence[int], below: int) -> np.ndarray:
        return (np.abs(uniform(f"{self.case.name} {what}", shape)).astype(np.float64) * below).astype(np.int64)

    def _real(self) -> np.ndarray:
        """(N, T), which steps are real."""
        T = self.case.length
        steps, real = np.arange(T), np.ones((self.count, T), bool)
        if self.case.mask == "none":
            return real
        lengths = 1 + self.whole("lengths", (self.count, 1), T)  # 1 ... T
        if self.case.mask in ("right", "empty rows"):
            real = steps < lengths
        elif self.case.mask == "left":
            real = steps >= T - lengths
        else:
            real = self.whole("holes", (self.count, T), 2) == 1
            real[:, [0, -1]], real[0, 1] = True, False
        if self.case.mask == "empty rows":
            real[1::2] = False  # in every batch; a last batch of one row is real
        elif real.all():
            real[0, T - 2] = False
        return real

    def _x(self) -> np.ndarray:
        shape = (self.count, self.case.length)
        if self.case.x == "numbers":
            return self.draw("x", (*shape, D)) * self.real[..., np.newaxis]
        if self.case.mask == "none":
            return self.whole("ids", shape, V)
        return (1 + self.whole("ids", shape, V - 1)) * self.real

    def _y(self) -> np.ndarray:
        last = self.case.ending
        rows = (self.count,) if self.case.steps is None else (self.count, self.case.steps)
        features = last.outputs
        if last.targets == "numbers":
            return self.draw("y", (*rows, features))
        if last.targets == "positive":
            return np.abs(self.draw("y", (*rows, features))) + np.asarray(0.1, self.case.dtype)
        if last.targets == "labels":
            return self.whole("y", (*rows, features), 2).astype(self.case.dtype)
        if last.targets == "signs":
            return (2 * self.whole("y", (*rows, features), 2) - 1).astype(self.case.dtype)
        classes = self.whole("y", rows, features)
        return np.eye(features, dtype=self.case.dtype)[classes] if last.targets == "rows" else classes

    def _sample_weight(self) -> np.ndarray | None:
        if self.case.weights not in ("example", "step"):
            return None
        shape = (self.count,) if self.case.steps is None else (self.count, self.case.steps)
        return self.whole("sample weights", shape, 5).astype(self.case.dtype) / 2  # 0, 0.5 ... 2
