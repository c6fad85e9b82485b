"""Keras' tree of modules, so that a tutorial changes its import lines and nothing else.

    from scratchnn.keras.datasets import imdb
    from scratchnn.keras.layers import LSTM, Dense, Embedding

or, for `tf.keras...` and `tf.nn...`, `import scratchnn as tf`. There is nothing in here but names: `TREE` says where
each of them is, and a module is imported when the first of its names is asked for. What Keras has and scratchnn does
not is refused by name (docs/keras-names.md).
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from scratchnn.core.keras_missing import MOVED, missing

# ruff: noqa: F401 - what type checkers know of the tree
if TYPE_CHECKING:
    from scratchnn import (
        activations,
        callbacks,
        initializers,
        layers,
        losses,
        metrics,
        models,
        optimizers,
        regularizers,
        utils,
    )
    from scratchnn.layers import Input, Layer
    from scratchnn.models import Model, Sequential

# By module of Keras': the module of ours that has all of its names, or the few names and the modules that have them.
TREE: dict[str, str | dict[str, str]] = {
    "": {
        "Initializer": "scratchnn.initializers",
        "Input": "scratchnn.layers",
        "Layer": "scratchnn.layers",
        "Loss": "scratchnn.losses",
        "Metric": "scratchnn.metrics",
        "Model": "scratchnn.models",
        "Optimizer": "scratchnn.optimizers",
        "Sequential": "scratchnn.models",
    },
    "activations": "scratchnn.activations",
    "applications": {},
    "backend": {"clear_session": "scratchnn.utils"},
    "callbacks": "scratchnn.callbacks",
    "constraints": {},
    "datasets": {},
    "datasets.imdb": {"get_word_index": "scratchnn.data.imdb", "load_data": "scratchnn.data.imdb"},
    "initializers": "scratchnn.initializers",
    "layers": "scratchnn.layers",
    "losses": "scratchnn.losses",
    "metrics": "scratchnn.metrics",
    "mixed_precision": {},
    "models": "scratchnn.models",
    "ops": {},
    "optimizers": "scratchnn.optimizers",
    "optimizers.schedules": "scratchnn.optimizers.schedules",
    "preprocessing": {"timeseries_dataset_from_array": "scratchnn.utils"},
    "preprocessing.image": {},
    "preprocessing.sequence": {"pad_sequences": "scratchnn.utils"},
    "preprocessing.text": {},
    "random": {},
    "regularizers": "scratchnn.regularizers",
    "saving": {"load_model": "scratchnn.models"},
    "utils": "scratchnn.utils",
    "wrappers": {},
}


class Names(ModuleType):
    """A module of the tree: names of other modules."""

    def __init__(self, path: str) -> None:
        super().__init__(".".join(filter(None, (__name__, path))), f"The names that Keras has in `keras.{path}`.")
        self._path = path

    def __getattr__(self, name: str) -> Any:
        where = TREE.get(self._path, {})
        if name == "__all__":
            return dir(self)
        if name == "__version__" and not self._path:
            return sys.modules["scratchnn"].__version__
        if module := sys.modules.get(f"{self.__name__}.{name}"):
            return module
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if isinstance(where, str):
            return getattr(importlib.import_module(where), name)
        if name in where:
            return getattr(importlib.import_module(where[name]), name)
        raise missing(self._path or "keras", name, dir(self), self.__name__)

    def __dir__(self) -> list[str]:
        where = TREE.get(self._path, {})
        if isinstance(where, str):
            module = importlib.import_module(where)
            where = getattr(module, "__all__", [name for name in dir(module) if not name.startswith("_")])
        inside = [path.rpartition(".")[::2] for path in TREE if path]
        return sorted({*where, *(name for parent, name in inside if parent == self._path)})


sys.modules.update({each.__name__: each for each in map(Names, (*TREE, *MOVED)) if each.__name__ != __name__})
__getattr__ = (_top := Names("")).__getattr__
__dir__ = _top.__dir__
