"""scratchnn: recurrent networks from scratch, every forward and backward pass written out.

    from scratchnn import Sequential
    from scratchnn.layers import LSTM, Dense, Embedding

Names are imported when they are first used, so that `python -m scratchnn.train --help` answers at once.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scratchnn import (
        activations,
        callbacks,
        data,
        exchange,
        explain,
        initializers,
        keras,
        layers,
        losses,
        metrics,
        models,
        nn,
        optimizers,
        regularizers,
        utils,
    )
    from scratchnn.core.randomness import set_random_seed
    from scratchnn.layers import Input
    from scratchnn.models.loading import load_model
    from scratchnn.models.model import Model
    from scratchnn.models.sequential import Sequential
    from scratchnn.report.diagram import plot_model
    from scratchnn.texts.classifier import TextClassifier

__version__ = "0.1.0"

_MODULES = (
    "activations", "callbacks", "data", "exchange", "explain", "initializers", "keras", "layers", "losses", "metrics",
    "models", "nn", "optimizers", "regularizers", "utils",
)  # fmt: skip
_NAMES = {
    "Input": "scratchnn.layers",
    "Model": "scratchnn.models.model",
    "Sequential": "scratchnn.models.sequential",
    "TextClassifier": "scratchnn.texts.classifier",
    "load_model": "scratchnn.models.loading",
    "plot_model": "scratchnn.report.diagram",
    "set_random_seed": "scratchnn.core.randomness",
}

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "TextClassifier",
    "activations",
    "callbacks",
    "data",
    "exchange",
    "explain",
    "initializers",
    "keras",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "nn",
    "optimizers",
    "plot_model",
    "regularizers",
    "set_random_seed",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"scratchnn.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    from scratchnn.core.keras_missing import missing

    raise missing("keras", name, __all__)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
