"""Recurrent layers as ONNX's own nodes, RNN, LSTM and GRU.

ONNX packs LSTM's gates i o f c, where we have i f g o; GRU's are z r h, as ours. Its arrays are (1, gates H, D), and
its bias is Wx's and then Wh's. Nodes take time first (`layout` 0: ONNX Runtime refuses the other), hence two
transpositions.
"""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.exchange.errors import ExchangeError, refused
from scratchnn.exchange.onnx_graph import Graph, Mask
from scratchnn.layers import GRU, LSTM, Bidirectional, SimpleRNN

# What ONNX calls the activations that its recurrent nodes have, with alpha and beta where they have such settings.
_ACTIVATIONS: dict[str, tuple[str, float | None, float | None]] = {
    "linear": ("Affine", 1.0, 0.0),
    "relu": ("Relu", None, None),
    "leaky_relu": ("LeakyRelu", 0.2, None),
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "softsign": ("Softsign", None, None),
    "softplus": ("Softplus", None, None),
    "elu": ("Elu", 1.0, None),
}
_NODES = {SimpleRNN: "RNN", LSTM: "LSTM", GRU: "GRU"}


def recurrent(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    """The output of a SimpleRNN, an LSTM or a GRU, of shape (B, H) or (B, T, H)."""
    return _one_way(graph, layer, layer.label, x, mask, flip=layer.go_backwards)


def bidirectional(graph: Graph, layer: Bidirectional, x: str, mask: Mask | None) -> str:
    """Two nodes over the same x, one from each end, and their outputs merged."""
    outer, outputs = graph.prefix, []
    for name, inside in (("forward", layer.forward_layer), ("backward", layer.backward_layer)):
        graph.prefix = f"{outer}/{name}"
        flip = inside.go_backwards != (name == "backward")  # Bidirectional turns the second one round again
        outputs.append(_one_way(graph, inside, f"{layer.label}, {name}", x, mask, flip=flip))
    graph.prefix = outer
    if layer.merge_mode is None:
        raise refused(layer, "ONNX", "merge_mode=None has two outputs; merge_mode='concat' has them side by side")
    if layer.merge_mode == "concat":
        return graph.add("Concat", *outputs, axis=-1)
    if layer.merge_mode == "mul":
        return graph.add("Mul", *outputs)
    total = graph.add("Add", *outputs)
    return total if layer.merge_mode == "sum" else graph.add("Mul", total, graph.constant(0.5, "float32"))


def _one_way(graph: Graph, layer: Any, label: str, x: str, mask: Mask | None, *, flip: bool) -> str:
    """`flip`: of a sequence, the output of the last time step of x comes first."""
    if type(layer) not in _NODES:
        raise ExchangeError(f"{label} cannot be written as ONNX: {type(layer).__name__} is no SimpleRNN, LSTM or GRU")
    if layer.stateful:
        raise ExchangeError(
            f"{label} cannot be written as ONNX: a graph carries no states from call to call; "
            "make the model with stateful=False, and give it these weights with set_weights"
        )
    x = x if mask is None else mask.rolled(x)
    steps_first = graph.add("Transpose", x, perm=[1, 0, 2])
    y, last, *_ = graph.add(
        _NODES[type(layer)],
        steps_first,
        *_weights(graph, layer),
        "" if mask is None else mask.lengths,
        outputs=3 if isinstance(layer, LSTM) else 2,
        hidden_size=layer.units,
        direction="reverse" if layer.go_backwards else "forward",
        **_settings(label, layer),
    )
    if not layer.return_sequences:
        return _last_state(graph, layer, last, mask)
    y = graph.add("Transpose", graph.add("Squeeze", y, graph.constant([1])), perm=[1, 0, 2])
    if mask is not None:
        return mask.back(y, read_back=layer.go_backwards, flip=flip, zeros=layer.zero_output_for_mask)
    return graph.flipped(y) if flip else y


def _last_state(graph: Graph, layer: Any, last: str, mask: Mask | None) -> str:
    y = graph.add("Squeeze", last, graph.constant([0]))
    if mask is None or not layer.zero_output_for_mask:
        return y
    end = 0 if layer.go_backwards else -1  # the step that is read last; where it is masked, y is zeros
    seen = graph.add("Gather", graph.cast(mask.real, "float32"), graph.constant([end]), axis=1)
    return graph.add("Mul", y, seen)


def _weights(graph: Graph, layer: Any) -> tuple[str, str, str]:
    Wx, Wh, *rest = (_ordered(layer, np.asarray(array)) for array in layer.get_weights())
    zeros = np.zeros(Wx.shape[1], Wx.dtype)
    both = rest[0] if rest and rest[0].ndim == 2 else [rest[0] if rest else zeros, zeros]
    return (
        graph.weight("W", Wx.T[None]),
        graph.weight("R", Wh.T[None]),
        graph.weight("B", np.concatenate(list(both))[None]),
    )


def _ordered(layer: Any, array: Array) -> Array:
    """The blocks of columns in ONNX's order."""
    if not isinstance(layer, LSTM):
        return array
    i, f, g, o = np.split(array, 4, axis=-1)
    return np.concatenate([i, o, f, g], axis=-1)


def _settings(label: str, layer: Any) -> dict[str, Any]:
    """The node's attributes: the gates' activation, the candidate's, with LSTM the one of c; where a GRU resets."""
    rules = [layer.activation] if isinstance(layer, SimpleRNN) else [layer.recurrent_activation, layer.activation]
    rules += [layer.activation] if isinstance(layer, LSTM) else []
    for rule in rules:
        if rule.name not in _ACTIVATIONS or "custom" in rule.get_config():
            raise ExchangeError(
                f"{label} cannot be written as ONNX: its recurrent nodes have no activation {rule.name!r}, "
                f"but {', '.join(_ACTIVATIONS)}"
            )
    known = [_ACTIVATIONS[rule.name] for rule in rules]
    found: dict[str, Any] = {"activations": [name for name, _, _ in known]}
    # An activation that has such a setting takes the next number of the list; the others take none.
    alphas, betas = ([numbers[n] for numbers in known if numbers[n] is not None] for n in (1, 2))
    found |= {"activation_alpha": alphas} if alphas else {}
    found |= {"activation_beta": betas} if betas else {}
    if isinstance(layer, GRU):
        found["linear_before_reset"] = int(layer.reset_after)
    return found
