"""What the command needs of an opened run: one of its reviews, and what to say about it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.files.atomic import replacing
from scratchnn.experiments.opening import model_file
from scratchnn.explain.page.content import Explained
from scratchnn.explain.word_saliency import METHODS
from scratchnn.models.model import Model


def require_files(
    wanted: Mapping[str, str | os.PathLike[str] | None], models: Sequence[str | os.PathLike[str] | None]
) -> None:
    """Raise before anything is computed where a file is to be written over a folder, a model that is read, or another.

    Args:
        wanted: the files to be written, by the flags that name them; None for none.

    Raises:
        ValueError: which says which.
    """
    taken = {os.path.realpath(model_file(model)): "the model that is read" for model in models if model is not None}
    for flag, path in wanted.items():
        if path is None:
            continue
        what = "a folder" if os.path.isdir(path) else taken.get(os.path.realpath(path))
        if what is not None:
            raise ValueError(f"{flag} {os.fspath(path)!r} is {what}: give a file of its own")
        taken[os.path.realpath(path)] = f"the file of {flag}"


def review(number: int, x: Array, y: Array) -> tuple[Array, float]:
    """The ids and the label of one of them, or a ValueError for a number beyond them."""
    if not 0 <= number < len(x):
        raise ValueError(f"--review takes 0 to {len(x) - 1:,}, the test reviews of this run, got {number:,}")
    return x[number], float(y[number])


def facts_of(model: Model) -> Sequence[tuple[str, str]]:
    """What the page says about the model at its end."""
    facts = [("layers", ", ".join(type(layer).__name__ for layer in model.layers))]
    facts += [("parameters", f"{model.count_params():,}")]
    facts += [("reads", "texts of any length" if model.input_shape[1] is None else f"{model.input_shape[1]} words")]
    settings, tested = model.metadata.get("settings", {}), model.metadata.get("test", {})
    shown = {"vocabulary": "vocabulary", "optimizer": "optimizer", "seed": "seed"}
    facts += [(name, f"{settings[key]}") for key, name in shown.items() if key in settings]
    facts += [("epochs", f"{model.metadata['epoch']}")] if "epoch" in model.metadata else []
    facts += [("test accuracy", f"{tested['accuracy']:.4f}")] if "accuracy" in tested else []
    return facts


def save_arrays(path: str | os.PathLike[str], found: Sequence[Explained]) -> None:
    """All that the page is made from, as one .npz: "p", "lstm.f" (T, H), "lstm.dh", ... ; "compare." before a second
    model's."""
    arrays: dict[str, Array] = {}
    for prefix, each in zip(("", "compare."), found, strict=False):
        reading, flown = each.reading, each.flow
        own: dict[str, Any] = {"words": np.array(reading.words), "ids": reading.ids, "x": reading.x}
        own |= {"places": reading.places, "p": reading.p}
        own |= {method: getattr(each.saliency, method) for method in METHODS}
        own |= {f"{name}.{key}": array[0] for name, trace in reading.traces.items() for key, array in trace.items()}
        for name, layer in {} if flown is None else flown.layers.items():
            own |= {f"{name}.{key}": array for key, array in layer.dstates.items()}
            own |= {f"{name}.dax": layer.dax, f"{name}.dah": layer.dah, f"{name}.jacobian": layer.jacobian}
        arrays |= {prefix + name: array for name, array in own.items()}
    with replacing(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
