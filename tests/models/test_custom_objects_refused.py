"""Things of the user's own that a file could not bring back are refused by save, in words."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from scratchnn import Sequential, initializers
from scratchnn.activations import Activation
from scratchnn.initializers import Initializer
from scratchnn.layers import (
    RNN,
    Cell,
    Dense,
)
from scratchnn.models.checkpoint import save_checkpoint
from scratchnn.optimizers import SGD
from scratchnn.training.progress import Progress
from tests.models.own_things import SEQUENCES, Absolute, Mix, Scale, half, model_of


class NoDict(Scale):
    def get_config(self) -> Any:
        return [1]


class Nothing(Scale):
    def get_config(self) -> Any:
        return None


class LeavesOut(Scale):
    def get_config(self) -> Any:
        return {}


class NeedsUnits(Mix):
    def get_config(self) -> Any:
        return Cell.get_config(self)


class TakesLess(Scale):
    def __init__(self, k: float = 2.0) -> None:
        super().__init__(k)


@dataclass(eq=False)
class Custom(SGD):
    custom: bool = False  # would hide the mark


class Delta(Absolute):
    def __init__(self, delta: float = 1.0) -> None:
        object.__setattr__(self, "delta", delta)


@dataclass(frozen=True)
class Holds(Initializer):
    name: ClassVar[str] = "holds"
    inner: Any = None

    def draw(self, shape: Any, generator: Any) -> Any:
        return self.inner.draw(shape, generator)


REFUSED: dict[str, tuple[Callable[[], Sequential], str]] = {
    "a list": (lambda: model_of(NoDict()), r"NoDict\.get_config must return a dict of plain values, got \[1\]"),
    "None": (lambda: model_of(Nothing()), r"Nothing\.get_config must return a dict of plain values, got None"),
    "an array": (lambda: model_of(Scale(v=np.ones(3))), r"layers\[0\]: Scale\.get_config\(\)\['v'\] cannot be stored"),
    "a key": (lambda: model_of(Scale(v={1: 2})), r"a key of layers\[0\]: Scale\.get_config.* must be a string, got 1"),
    "an argument": (
        lambda: model_of(LeavesOut(7.0)),
        r"layers\[0\]: LeavesOut\.get_config leaves out 'k': loading would make it with its default",
    ),
    "an argument of a cell": (
        lambda: model_of(RNN(NeedsUnits(3)), x=SEQUENCES),
        r"layers\[0\]\.config\.cell: NeedsUnits\.get_config leaves out 'units': loading could not make it",
    ),
    "an argument of a loss": (
        lambda: model_of(loss=Delta(3.0)),
        r"compiled\.loss: Delta.get_config leaves out 'delta'",
    ),
    "a field that hides the mark": (lambda: model_of(optimizer=Custom()), r"compiled\.optimizer: Custom.*'custom'"),
    "more than the constructor takes": (
        lambda: model_of(TakesLess()),
        r"layers\[0\]: TakesLess\.get_config does not return what the constructor takes: .*'name'",
    ),
    "an initializer in an initializer": (
        lambda: model_of(Dense(2, kernel_initializer=Holds(initializers.get("ones")))),
        r"kernel_initializer: Holds\.get_config\(\)\['inner'\] cannot be stored: Constant",
    ),
    "two classes": (
        lambda: model_of(Scale(), type("Scale", (Scale,), {})()),
        r"layers\[0\] and layers\[1\] are two things of one name, 'Scale': .*rename one",
    ),
    "a layer and a loss": (
        lambda: model_of(type("Absolute", (Scale,), {})(), loss=Absolute()),
        r"layers\[0\] and compiled\.loss are two things of one name, 'Absolute'",
    ),
    "two activations": (
        lambda: model_of(Dense(2, half), Dense(2, Activation("half", lambda a: a / 4, lambda dy, y: dy / 4))),
        r"layers\[0\]\.config\.activation and layers\[1\]\.config\.activation are two things of one name, 'half'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_save_refuses_what_loading_could_not_make(what: str, tmp_path: Path) -> None:
    make, words = REFUSED[what]
    model, path = make(), tmp_path / "model.npz"
    with pytest.raises((TypeError, ValueError), match=words):
        model.save(path)
    with pytest.raises((TypeError, ValueError), match=words):
        save_checkpoint(model, Progress(), path)
    assert not path.exists()
