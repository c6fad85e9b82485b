"""What is in a model, as plain values: its arrays and what their columns are, its words, its settings, its origin."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.files.plain import or_null, plain
from scratchnn.experiments.grams import ids_of
from scratchnn.experiments.linear_model import LinearModel
from scratchnn.layers import GRU, LSTM, Layer
from scratchnn.models.model import Model

_SHOWN = 10  # features for each class
_GATES = {LSTM: "ifgo", GRU: "zrg"}  # the order of the blocks of columns
MEANINGS = {
    "i": "input gate",
    "f": "forget gate",
    "g": "candidate",
    "o": "output gate",
    "z": "update gate",
    "r": "reset gate",
}


def inspected(model: Model) -> dict[str, Any]:
    """The model as values for JSON; NaN and infinity are None.

    Of every array: its name here and Keras' name, its shape, its Euclidean norm, its least and its largest number, how
    many numbers are not finite, and, where its columns are blocks of gates, the first and the last column of each
    (counted from 0, the last one not included).
    """
    model.require_built()
    metadata = dict(model.metadata)
    words = metadata.pop("vocabulary", None)
    settings = metadata.pop("settings", None)
    found = {
        "class": model.kind,
        "name": model.name,
        "dtype": model.dtype.name,
        "seed": model.seed,
        "input_shape": model.input_shape,
        "output_shape": model.output_shape,
        "parameters": model.count_params(),
        "trainable_parameters": model.count_trainable(),
        "layers": [_layer(layer) for layer in model.layers],
        "vocabulary": None if words is None else {"size": len(words), "first": list(words)[:10]},
        "settings": settings,
        "provenance": metadata | ({"epochs_trained": model.clock.epoch} if model.clock.epoch else {}),
    }
    return plain(found, "model", or_null)


def inspected_linear(model: LinearModel) -> dict[str, Any]:
    """The same of a linear model: how many features it knows, and which of them speak most for each class."""
    words, pairs = ids_of(model.known)
    strongest = {}
    for k, name in enumerate(model.classes):
        v = model.weights[k] if len(model.weights) > 1 else model.weights[0] * (1 if k else -1)
        most = np.argsort(-v, kind="stable")[:_SHOWN]
        strongest[name] = [[model.words_of(int(f)), float(v[f])] for f in most]
    return {
        "class": "LinearModel",
        "words": len(words),
        "pairs": len(pairs),
        "strongest": strongest,
        "vocabulary": {"size": len(model.encoder.vocabulary), "first": list(model.encoder.vocabulary.words)[:10]},
        "settings": None,
        "provenance": {"classes": list(model.classes), "length": model.encoder.length},
    }


def _layer(layer: Layer) -> dict[str, Any]:
    config = layer.in_file()["config"]
    return {
        "name": layer.name,
        "class": type(layer).__name__,
        "input_shape": layer.input_shape,
        "output_shape": layer.output_shape,
        "parameters": layer.count_params(),
        "trainable": layer.trainable,
        "about": layer.describe(),
        "settings": {name: value for name, value in config.items() if isinstance(value, bool | int | float | str)},
        "arrays": _arrays(layer),
    }


def _arrays(layer: Any, prefix: str = "") -> list[dict[str, Any]]:
    inner: dict[str, Any] = getattr(layer, "_inner", {})
    if inner:
        return [array for name, inside in inner.items() for array in _arrays(inside, prefix + name)]
    found = []
    for name, param in layer.params.items():
        array = np.asarray(layer.backend.to_host(param), np.float64)
        found.append(
            {
                "name": prefix + name,
                "keras": layer.keras_names.get(name, name),
                "shape": array.shape,
                **_numbers(array),
                "columns": _columns(layer, array),
            }
        )
    return found


def _numbers(array: Array) -> dict[str, Any]:
    finite = array[np.isfinite(array)]
    return {
        "norm": float(np.linalg.norm(finite)),
        "least": float(finite.min()) if finite.size else None,
        "largest": float(finite.max()) if finite.size else None,
        "not_finite": array.size - finite.size,
    }


def _columns(layer: Any, array: Array) -> dict[str, dict[str, Any]] | None:
    """By gate: its columns, and their norm. None where columns are no gates."""
    gates = next((order for kind, order in _GATES.items() if isinstance(layer, kind)), None)
    if gates is None:
        return None
    H = layer.units
    return {
        gate: {"from": n * H, "to": (n + 1) * H, **_numbers(array[..., n * H : (n + 1) * H])}
        for n, gate in enumerate(gates)
    }
