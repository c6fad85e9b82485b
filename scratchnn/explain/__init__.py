"""See a trained network read: gates, gradients and the words that moved its verdict, all of them exact.

    from scratchnn import explain, load_model
    model = load_model("runs/lstm-.../model.npz")
    reading = explain.read(model, "a dull start, and then the best film of the year")
    flow = explain.flow(model, reading)

`read` and `saliency` take any classifier of word ids, with one output or one for each class (`of_class` says whose
probability p is); `flow` one with recurrent layers. The command
`python -m scratchnn.explain` writes all of it as one page. Everything is computed in float64 by the reference kernels,
whatever backend the model has.

Names are imported when they are first used, so that the command's `--help` answers at once.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scratchnn.explain.gradient_flow import Flow, flow
    from scratchnn.explain.meanings import Unit, neighbours, units
    from scratchnn.explain.page import write
    from scratchnn.explain.reading import Reading, read
    from scratchnn.explain.word_saliency import Saliency, saliency

__all__ = ["Flow", "Reading", "Saliency", "Unit", "flow", "neighbours", "read", "saliency", "units", "write"]

_NAMES = {
    "Flow": "gradient_flow", "flow": "gradient_flow", "Unit": "meanings", "neighbours": "meanings", "units": "meanings",
    "write": "page", "Reading": "reading", "read": "reading", "Saliency": "word_saliency", "saliency": "word_saliency",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"scratchnn.explain.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'scratchnn.explain' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
