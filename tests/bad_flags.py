"""Every argument of a layer that is True or False takes nothing else: a word such as "False" is a true value."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn import layers
from tests import keras_evidence as evidence

CELL = type("Own", (layers.Cell,), {"state_size": 2})()
FLAGS = [
    (kind, parameter.name)
    for kind in layers.LAYERS.values()
    for parameter in inspect.signature(kind).parameters.values()
    if isinstance(parameter.default, bool)
]


def made(kind: type, **settings: Any) -> Any:
    needed = {"cell": CELL} if kind is layers.RNN else evidence.LAYERS[kind.__name__]
    return kind(**needed, **settings)


CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {
    f"{kind.__name__}, {name}: {wrong!r}": (
        lambda _, kind=kind, name=name, wrong=wrong: made(kind, **{name: wrong}),
        f"^{kind.__name__}: {name} must be True or False, got ",
    )
    for kind, name in FLAGS
    for wrong in ("False", "no", 0, 1, 2.0, None, [])
}

if __name__ == "__main__":  # what NumPy's booleans become, and whether a file could hold them
    for kind, name in FLAGS:
        for value in (True, False):
            layer = made(kind, **{name: np.bool_(value)})
            assert getattr(layer, name) is value, (kind, name)
            json.dumps(layer.get_config().get(name))
    print(len(FLAGS))
