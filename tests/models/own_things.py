"""Things of the user's own, and models of them, for the tests of files."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from scratchnn import Sequential, activations, initializers, load_model
from scratchnn.activations import Activation
from scratchnn.initializers import Initializer
from scratchnn.layers import (
    Cell,
    Dense,
    Layer,
)
from scratchnn.losses import Loss
from scratchnn.optimizers import SGD

RNG = np.random.default_rng(0)
ROWS, SEQUENCES = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 4, 3))
half = Activation("half", lambda a: a / 2, lambda dy, y: dy / 2)


class Scale(Layer):
    """y = k x, and whatever else it is told."""

    def __init__(self, k: Any = 2.0, *, name: str | None = None, **extra: Any) -> None:
        super().__init__(name=name)
        self.k, self.extra = k, extra

    def get_config(self) -> Any:
        return super().get_config() | {"k": self.k, **self.extra}

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Any, *, mask: Any = None, training: bool = False, rng: Any = None) -> Any:
        return self.k * self.as_input(x), None

    def backward(self, dy: Any, cache: Any) -> Any:
        return self.k * dy, {}


@dataclass(frozen=True)
class Shift(Initializer):
    name: ClassVar[str] = "shift"
    config: float = 0.1  # a field may be called so

    def draw(self, shape: Any, generator: Any) -> Any:
        return np.full(shape, self.config)


@dataclass(frozen=True)
class Twice(Initializer):
    """Holds an initializer, and says in get_config how a file can hold it."""

    name: ClassVar[str] = "twice"
    inner: Any = "ones"

    def draw(self, shape: Any, generator: Any) -> Any:
        return 2 * initializers.get(self.inner).draw(shape, generator)

    def get_config(self) -> Any:
        return super().get_config() | {"inner": initializers.get(self.inner).get_config()}


class Mix(Cell):
    """h' = act(ax + ah) + rise h; what it holds stands under keys that say nothing."""

    def __init__(self, units: int, act: Any = "tanh", rise: Any = "ones") -> None:
        self.state_size = units
        self.act, self.rise = activations.get(act), initializers.get(rise)

    def get_config(self) -> Any:
        return {"units": self.state_size, "act": self.act.get_config(), "rise": self.rise.get_config()}

    def own_parameters(self) -> Any:
        return {"k": ((self.state_size,), self.rise)}

    def forward(self, ax: Any, ah: Any, state: Any, k: Any) -> Any:
        new = self.act(ax + ah)
        return (k * state[0] + new,), (new,)

    def backward(self, dafter: Any, state: Any, after: Any, saved: Any, k: Any) -> Any:
        da = self.act.backward(dafter[0], saved[0])
        return da, da, (k * dafter[0],)

    def backward_own(self, dax: Any, dah: Any, dafter: Any, states: Any, saved: Any, k: Any) -> Any:
        return {"k": (dafter[0] * states[0][:-1]).sum(axis=(0, 1))}


class Absolute(Loss):
    name = "absolute"

    def forward(self, y: Any, target: Any) -> Any:
        return np.abs(y - target).mean(), np.sign(y - target)

    def backward(self, cache: Any) -> Any:
        return cache / cache.size


@dataclass(eq=False)
class Slow(SGD):
    config: int = 3


def model_of(*layers: Any, x: Any = ROWS, optimizer: Any = "sgd", loss: Any = "mse", metrics: Any = None) -> Sequential:
    model = Sequential([*layers, Dense(1)], backend="reference", seed=1)
    model.build((None, *x.shape[1:]))
    model.compile(optimizer, loss, metrics)
    return model


def saved(model: Sequential, path: Path) -> list[str]:
    """What saving warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.save(path)
    return [str(each.message).removeprefix(f"{path} ") for each in caught]


def back(model: Sequential, path: Path, **custom_objects: Any) -> Any:
    """The model out of a file, if it predicts the same."""
    saved(model, path)
    loaded = load_model(path, custom_objects=custom_objects)
    x = ROWS if len(model.input_shape) == 2 else SEQUENCES
    assert np.array_equal(loaded.predict(x), model.predict(x))
    assert loaded.get_config() == model.get_config()
    return loaded
