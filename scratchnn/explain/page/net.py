"""A model as the page carries it: its layers and weights, for the forward pass in JavaScript (forward.js)."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn import layers as kinds
from scratchnn.activations import ACTIVATIONS
from scratchnn.data.text import INDEX_FROM
from scratchnn.explain.chain import Chain

EMBEDDING_BYTES = 131_072  # of a page's weights; a larger table is cut to the words of the text and the commonest
_IDENTITIES = (
    kinds.AlphaDropout, kinds.Dropout, kinds.GaussianDropout, kinds.GaussianNoise, kinds.SpatialDropout1D,
)  # fmt: skip


class NotCarried(ValueError):
    """A layer that forward.js does not have; the message says which."""


def carried(chain: Chain, ids: Array) -> dict[str, Any]:
    """Layers, weights (base64 of float32), and which rows of the embedding they hold.

    Raises:
        NotCarried: if a layer cannot be run by the page.
    """
    arrays: list[Array] = []
    embedding: Any = chain.layers[0]
    E = embedding.params["E"]
    rows = _rows(ids, len(E), EMBEDDING_BYTES // (4 * E.shape[1]))
    layers = [_placed({"kind": "Embedding", "D": E.shape[1], "masked": embedding.mask_zero}, {"E": E[rows]}, arrays)]
    layers += [_layer(layer, arrays) for layer in chain.layers[1:] if type(layer) not in _IDENTITIES]
    weights = np.concatenate([array.ravel() for array in arrays]).astype("<f4")
    return {
        "layers": layers,
        "weights": b64encode(weights.tobytes()).decode(),
        "rows": None if len(rows) == len(E) else rows.tolist(),
        "vocabulary": len(E),
        "length": chain.length,
    }


def _rows(ids: Array, V: int, most: int) -> Array:
    """The ids whose rows are carried: all, or those of the text and the smallest, which are the commonest words."""
    if most >= V:
        return np.arange(V)
    needed = np.union1d(np.arange(min(V, INDEX_FROM + 1)), ids)
    others = np.setdiff1d(np.arange(V), needed)[: max(0, most - len(needed))]
    return np.union1d(needed, others)


def _layer(layer: Any, arrays: list[Array]) -> dict[str, Any]:
    kind = type(layer)
    spec: dict[str, Any] = {"kind": kind.__name__, "name": layer.name}
    if kind in (kinds.SimpleRNN, kinds.LSTM, kinds.GRU):
        spec |= {"H": layer.units, "sequences": layer.return_sequences, "back": layer.go_backwards}
        spec |= {"zero": layer.zero_output_for_mask, "after": getattr(layer, "reset_after", True)}
        spec["act"] = _name(layer, layer.activation)
        spec["rec"] = _name(layer, getattr(layer, "recurrent_activation", layer.activation))
        return _placed(spec, layer.params, arrays)
    if kind is kinds.Bidirectional and layer.merge_mode is not None:
        sides = {"forward": layer.forward_layer, "backward": layer.backward_layer}
        both = [_layer(each, arrays) | {"name": f"{layer.name}.{side}"} for side, each in sides.items()]
        return spec | {"merge": layer.merge_mode, "sides": both, "sequences": layer.forward_layer.return_sequences}
    if kind is kinds.Dense:
        spec |= {"units": layer.units, "act": _name(layer, layer.activation, of_rows=True)}
        return _placed(spec, layer.params, arrays)
    if kind is kinds.Activation:
        return spec | {"act": _name(layer, layer.activation, of_rows=True)}
    if kind in (kinds.Flatten, kinds.GlobalAveragePooling1D, kinds.GlobalMaxPooling1D):
        return spec
    raise NotCarried(f"the page cannot run {layer.label} itself")


def _name(layer: Any, activation: Any, of_rows: bool = False) -> str:
    """The name of an activation that the page has; softmax alone takes a whole row, as two layers give it."""
    if ACTIVATIONS.get(activation.name) != activation or (activation.name == "softmax" and not of_rows):
        raise NotCarried(f"the page does not have the activation {activation.name} of {layer.label}")
    return activation.name


def _placed(spec: dict[str, Any], params: Mapping[str, Array], arrays: list[Array]) -> dict[str, Any]:
    """The description with the place of each parameter among the weights: [first number, count]."""
    places = {}
    for name, param in params.items():
        places[name] = [sum(array.size for array in arrays), param.size]
        arrays.append(param)
    return spec | {"params": places}
