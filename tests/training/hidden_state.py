"""Layers, losses and optimizers that keep state which no step of training can put back, as a user might write them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from scratchnn import losses, optimizers
from scratchnn.activations import Activation
from scratchnn.layers import LSTM, Bidirectional, Dense, Embedding, Flatten, Layer

FAILS = 12  # so many steps are counted before the one that fails


class Noise(Layer):
    """Adds what its own generator draws."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = np.random.default_rng(0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Any, *, mask: Any = None, training: bool = False, rng: Any = None) -> tuple[Any, Any]:
        return x + self.backend.array(self.generator.normal(size=x.shape), self.dtype), None

    def backward(self, dy: Any, cache: Any) -> tuple[Any, Any]:
        return dy, {}


class Alternating(LSTM):
    """Forgets every other sequence."""

    calls: ClassVar[int]  # of the class: two copies stand in a Bidirectional

    def forward(self, x: Any, **options: Any) -> tuple[Any, Any]:
        Alternating.calls += 1
        return super().forward(x * (Alternating.calls // 2 % 2), **options)


class Annealed(losses.MeanSquaredError):
    """A larger loss at every call."""

    calls: ClassVar[int]

    def backward(self, cache: Any) -> Any:
        Annealed.calls += 1
        return super().backward(cache) * (1 + 0.1 * Annealed.calls)


@dataclass(eq=False)
class Own(optimizers.SGD):
    """An own rule. `fails` does what it likes at the step that is to fail."""

    name = "own"
    fails: Any = None

    def update(self, w: Any, g: Any) -> None:
        self.change(w, g)
        if self.fails is not None and self.iterations == FAILS:
            self.fails(w)

    def change(self, w: Any, g: Any) -> None:
        super().update(w, g)


class Vector(Own):
    """Keeps a vector outside of the slots."""

    v: Any = 0.0

    def change(self, w: Any, g: Any) -> None:
        self.v = 0.9 * self.v + g
        w -= 0.01 * self.v


class Decaying(Own):
    """A learning rate that falls, and a number that only the first step brings."""

    def change(self, w: Any, g: Any) -> None:
        super().change(w, g)
        self.learning_rate *= 0.9
        vars(self).setdefault("first", 1.0)


class Adding(Own):
    """Slots that appear when they are needed, and are other arrays after each step."""

    def change(self, w: Any, g: Any) -> None:
        m = self.slots.setdefault("m", 0 * g)
        self.slots["m"] = 0.9 * m + g
        w -= 0.01 * self.slots["m"]
        if self.iterations == FAILS:
            self.slots["late"] = 0 * g


def counting_activation() -> Activation:
    calls: list[int] = []

    def forward(a: Any) -> Any:
        calls.append(1)
        return a * (1 + 0.01 * len(calls))

    return Activation("counting", forward, lambda dy, y: dy)


def embedded(*layers: Layer) -> list[Layer]:
    return [Embedding(20, 4), *layers, Dense(1)]


LAYERS: dict[str, Callable[[], list[Layer]]] = {
    "layer": lambda: embedded(Flatten(), Noise()),
    "nested layer": lambda: embedded(Bidirectional(Alternating(3))),
    "activation": lambda: embedded(Flatten(), Dense(3, counting_activation())),
}
RULES: dict[str, Callable[..., Own]] = {"own": Own, "vector": Vector, "decaying": Decaying, "adding": Adding}
