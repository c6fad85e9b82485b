"""What a layer of ours is in PyTorch: the names, axes and order of gates of its arrays, both ways.

nn.Linear (H, D) and nn.Conv1d (F, D, k) have our W with its axes turned round. nn.LSTM has our four blocks, i f g o;
nn.GRU has r z n where we have z r g, and resets after the product, as our `reset_after`. Both have two biases, and
nn.LSTM and nn.RNN add them up: ours goes out as the first, and the second as zeros.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.names import is_own
from scratchnn.exchange.errors import ExchangeError, refused
from scratchnn.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Embedding,
    Layer,
    LayerNormalization,
    SimpleRNN,
    TimeDistributed,
)

Arrays = Mapping[str, Array]
REVERSE = "_reverse"
FORMAT = "PyTorch's state_dict"  # in errors


class Rule(NamedTuple):
    """`out` takes the arrays of `layer.get_weights()`, by PyTorch's names, `back` makes that list again."""

    out: Callable[[Any], dict[str, Array]]
    back: Callable[[Any, Arrays], list[Array]]


def exported(layer: Layer) -> dict[str, Array]:
    """The arrays of a layer as its module in PyTorch has them; a recurrent layer's end in `_l0`.

    Raises:
        ExchangeError: for what PyTorch's modules cannot compute.
    """
    return _rule(layer).out(layer)


def imported(layer: Layer, arrays: Arrays) -> list[Array]:
    """The list for `layer.set_weights` from the arrays of its module."""
    return _rule(layer).back(layer, arrays)


def _rule(layer: Layer) -> Rule:
    rule = RULES.get(type(layer))
    if rule is None:
        raise refused(layer, FORMAT, "no module of PyTorch is the same; pass its arrays yourself")
    return rule


def _with_bias(weight: Array, rest: list[Array]) -> dict[str, Array]:
    return {"weight": weight, **({"bias": rest[0]} if rest else {})}


def _bias(arrays: Arrays) -> list[Array]:
    return [arrays["bias"]] if "bias" in arrays else []


def _turned(layer: Any) -> dict[str, Array]:
    W, *rest = layer.get_weights()
    return _with_bias(np.ascontiguousarray(W.T), rest)


def _turned_back(_: Any, arrays: Arrays) -> list[Array]:
    return [arrays["weight"].T, *_bias(arrays)]


def _norm(layer: Any) -> dict[str, Array]:
    if layer._axes(len(layer.input_shape)) != (len(layer.input_shape) - 1,):
        raise refused(layer, FORMAT, "nn.LayerNorm normalises over the last axes alone: axis=-1")
    if not layer.scale:
        raise refused(layer, FORMAT, "nn.LayerNorm has no shift without a scale: scale=True")
    gamma, *rest = layer.get_weights()
    return _with_bias(gamma, rest)


# ---- recurrent layers


def _recurrent(layer: Any, suffix: str = "_l0") -> dict[str, Array]:
    _require_as_pytorch(layer, suffix.endswith(REVERSE))
    Wx, Wh, *rest = (_swapped(layer, array) for array in layer.get_weights())
    found = {f"weight_ih{suffix}": np.ascontiguousarray(Wx.T), f"weight_hh{suffix}": np.ascontiguousarray(Wh.T)}
    if rest:
        bx, bh = rest[0] if isinstance(layer, GRU) else (rest[0], np.zeros_like(rest[0]))
        found |= {f"bias_ih{suffix}": bx.copy(), f"bias_hh{suffix}": bh.copy()}
    return found


def _recurrent_back(layer: Any, arrays: Arrays, suffix: str = "_l0") -> list[Array]:
    weights = [arrays[f"weight_ih{suffix}"].T, arrays[f"weight_hh{suffix}"].T]
    if f"bias_ih{suffix}" in arrays:
        bx, bh = arrays[f"bias_ih{suffix}"], arrays[f"bias_hh{suffix}"]
        weights.append(np.stack([bx, bh]) if isinstance(layer, GRU) else bx + bh)
    return [_swapped(layer, array) for array in weights]


def _swapped(layer: Any, array: Array) -> Array:
    """z r g as r z n, and back: a GRU's first two blocks of columns have each other's place."""
    if not isinstance(layer, GRU):
        return array
    z, r, g = np.split(array, 3, axis=-1)
    return np.concatenate([r, z, g], axis=-1)


def _both(layer: Any) -> dict[str, Array]:
    one, other = layer.forward_layer, layer.backward_layer
    if layer.merge_mode != "concat":
        raise refused(
            layer,
            FORMAT,
            f"its two outputs stand side by side there, not merge_mode={layer.merge_mode!r}",
        )
    if one.go_backwards:
        raise refused(layer, FORMAT, "the first layer of a module reads forwards: go_backwards=False")
    alike = type(one) is type(other) and one.units == other.units and one.use_bias == other.use_bias
    if not alike or one.activation != other.activation:
        raise refused(layer, FORMAT, "both directions of a module have one kind, size and activation")
    return {**_one_way(one), **_one_way(other, "_l0" + REVERSE)}


def _one_way(layer: Any, suffix: str = "_l0") -> dict[str, Array]:
    if type(layer) not in RULES:
        raise refused(layer, FORMAT, "no module of PyTorch is the same")
    return _recurrent(layer, suffix)


def _both_back(layer: Any, arrays: Arrays) -> list[Array]:
    return [
        *_recurrent_back(layer.forward_layer, arrays),
        *_recurrent_back(layer.backward_layer, arrays, "_l0" + REVERSE),
    ]


def _require_as_pytorch(layer: Any, reads_back: bool) -> None:
    """Raise ExchangeError for what a recurrent module of PyTorch's cannot compute, whatever its weights."""
    if isinstance(layer, SimpleRNN):
        if layer.activation.name not in ("tanh", "relu"):
            raise refused(layer, FORMAT, f"nn.RNN has tanh and relu, not {layer.activation.name}")
    elif (layer.activation.name, layer.recurrent_activation.name) != ("tanh", "sigmoid"):
        names = f"{layer.activation.name} and {layer.recurrent_activation.name}"
        raise refused(layer, FORMAT, f"nn.{type(layer).__name__} computes with tanh and sigmoid, not {names}")
    if isinstance(layer, GRU) and not layer.reset_after:
        raise refused(layer, FORMAT, "nn.GRU resets after the product: reset_after=True, and train again")
    if layer.go_backwards != reads_back:
        raise refused(layer, FORMAT, "modules read forwards: reverse x, or put the layer into Bidirectional")


def _inner(layer: Any) -> Layer:
    if not isinstance(layer.layer, Dense):
        raise refused(layer, FORMAT, "of the layers in TimeDistributed, nn.Linear does it for Dense")
    return layer.layer


RULES: dict[type, Rule] = {
    Embedding: Rule(lambda layer: {"weight": layer.get_weights()[0]}, lambda _, arrays: [arrays["weight"]]),
    Dense: Rule(_turned, _turned_back),
    Conv1D: Rule(_turned, _turned_back),
    LayerNormalization: Rule(_norm, lambda _, arrays: [arrays["weight"], *_bias(arrays)]),
    TimeDistributed: Rule(lambda layer: _turned(_inner(layer)), lambda layer, a: _turned_back(_inner(layer), a)),
    **dict.fromkeys((SimpleRNN, LSTM, GRU), Rule(_recurrent, _recurrent_back)),
    Bidirectional: Rule(_both, _both_back),
}


def require_known(layer: Layer) -> None:
    """Raise ExchangeError for a layer of the user's own without parameters: PyTorch would not know it either."""
    if is_own(type(layer)):
        raise ExchangeError(f"{layer.label} is of your own: write it as a module yourself, and export the others")
