"""The other layers as nodes of ONNX. A rule takes the graph, the layer, the name of x and the mask, and returns y's."""

from typing import Any

import numpy as np

from scratchnn.exchange.errors import ExchangeError, refused
from scratchnn.exchange.onnx_graph import Graph, Mask
from scratchnn.exchange.onnx_pooling import Rule, concat, global_average, global_max, over_time, pooling
from scratchnn.exchange.onnx_recurrent import bidirectional, recurrent
from scratchnn.layers import (
    ELU,
    GRU,
    LSTM,
    Activation,
    AlphaDropout,
    AveragePooling1D,
    Bidirectional,
    ConcatPooling1D,
    Conv1D,
    Cropping1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    LayerNormalization,
    LeakyReLU,
    Masking,
    MaxPooling1D,
    Permute,
    PReLU,
    ReLU,
    RepeatVector,
    Reshape,
    SimpleRNN,
    Softmax,
    SpatialDropout1D,
    TimeDistributed,
    ZeroPadding1D,
)

_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "softsign": ("Softsign", {}),
    "softplus": ("Softplus", {}),
    "elu": ("Elu", {"alpha": 1.0}),
    "selu": ("Selu", {}),
    "exponential": ("Exp", {}),
    "softmax": ("Softmax", {"axis": -1}),
}


def activated(graph: Graph, layer: Any, a: str) -> str:
    rule = layer.activation
    if rule.name == "linear":
        return a
    if rule.name not in _ACTIVATIONS or "custom" in rule.get_config():
        raise refused(layer, "ONNX", f"its activation {rule.name!r} is of your own; known: {', '.join(_ACTIVATIONS)}")
    op, attributes = _ACTIVATIONS[rule.name]
    return graph.add(op, a, **attributes)


def _embedding(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    if layer.mask_zero and len(layer.input_shape) != 2:
        raise refused(layer, "ONNX", f"a mask is of rows and time steps, not of ids of shape {layer.input_shape}")
    return graph.add("Gather", graph.weight("E", layer.get_weights()[0]), x)


def _masking(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    if mask is None or len(layer.input_shape) != 3:
        raise refused(layer, "ONNX", f"a mask is of rows and time steps, not of x of shape {layer.input_shape}")
    return graph.add("Where", graph.add("Unsqueeze", mask.real, graph.constant([2])), x, graph.constant(0, "float32"))


def _dense(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    W, *rest = layer.get_weights()
    a = graph.add("MatMul", x, graph.weight("W", W))
    return activated(graph, layer, graph.add("Add", a, graph.weight("b", rest[0])) if rest else a)


# ---- over time: ONNX has it last, (B, D, T)


def _conv1d(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    W, *rest = layer.get_weights()
    weights = [graph.weight("W", W.transpose(2, 1, 0)), *(graph.weight("b", b) for b in rest)]
    attributes: dict[str, Any] = {"strides": [layer.strides], "dilations": [layer.dilation_rate]}
    if layer.padding == "same" and layer.strides > 1:
        attributes["auto_pad"] = "SAME_UPPER"  # how many zeros depends on T
    elif layer.padding != "valid":
        attributes["pads"] = list(layer._padding(layer.window))  # of stride 1: whatever T is
    return activated(graph, layer, over_time(graph, "Conv", x, *weights, **attributes))


# ---- shapes


def _flatten(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    return graph.add("Reshape", x, graph.constant([0, layer.output_shape[-1]]))


def _reshape(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    return graph.add("Reshape", x, graph.constant([0, *layer.output_shape[1:]]))


def _permute(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    return graph.add("Transpose", x, perm=[0, *layer.dims])


def _repeat(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    row = graph.add("Unsqueeze", x, graph.constant([1]))
    return graph.add("Tile", row, graph.constant([1, layer.n, 1]))


def _zero_padding(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    before, after = layer.padding
    return graph.add("Pad", x, graph.constant([0, before, 0, 0, after, 0]))


def _cropping(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    before, after = layer.cropping
    end = graph.constant([-after if after else np.iinfo(np.int64).max])
    return graph.add("Slice", x, graph.constant([before]), end, graph.constant([1]))


# ---- number by number, and along the features


def _softmax(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    if len(layer.axis) != 1:
        raise refused(layer, "ONNX", f"it has one axis there, not {layer.axis}; Reshape before it makes one of them")
    return graph.add("Softmax", x, axis=layer.axis[0])


def _normalization(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    rank = len(layer.input_shape)
    axes = layer._axes(rank)
    if axes != tuple(range(axes[0], rank)):
        raise refused(layer, "ONNX", f"it normalises over the last axes there, not over {axes}; Permute before it")
    parts = dict(zip(layer.params, layer.get_weights(), strict=True))
    shape = [layer.input_shape[axis] for axis in axes]
    gamma = graph.weight("gamma", parts.get("gamma", np.ones(shape, np.float32)))
    beta = [graph.weight("beta", parts["beta"])] if "beta" in parts else []
    return graph.add("LayerNormalization", x, gamma, *beta, axis=axes[0], epsilon=layer.epsilon)


def _relu(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    if layer.threshold or (layer.negative_slope and layer.max_value is not None):
        raise refused(layer, "ONNX", "no node has a threshold, or a slope and a largest value: use LeakyReLU or ReLU()")
    if layer.negative_slope:
        return graph.add("LeakyRelu", x, alpha=layer.negative_slope)
    y = graph.add("Relu", x)
    return y if layer.max_value is None else graph.add("Min", y, graph.constant(layer.max_value, "float32"))


def _prelu(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    return graph.add("PRelu", x, graph.weight("alpha", layer.get_weights()[0]))


def _time_distributed(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    if not isinstance(layer.layer, Dense | Activation | Dropout | ReLU | LeakyReLU | ELU):
        raise refused(layer, "ONNX", f"{type(layer.layer).__name__} in it; Dense and activations are written")
    return rule_of(layer.layer)(graph, layer.layer, x, None)


def _nothing(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    return x  # it acts in training alone


RULES: dict[type, Rule] = {
    Embedding: _embedding,
    Masking: _masking,
    Dense: _dense,
    **dict.fromkeys((SimpleRNN, LSTM, GRU), recurrent),
    Bidirectional: bidirectional,
    Conv1D: _conv1d,
    MaxPooling1D: pooling("MaxPool"),
    AveragePooling1D: pooling("AveragePool", count_include_pad=0),
    GlobalMaxPooling1D: global_max,
    GlobalAveragePooling1D: global_average,
    ConcatPooling1D: concat,
    Flatten: _flatten,
    Reshape: _reshape,
    Permute: _permute,
    RepeatVector: _repeat,
    ZeroPadding1D: _zero_padding,
    Cropping1D: _cropping,
    Activation: lambda graph, layer, x, mask: activated(graph, layer, x),
    Softmax: _softmax,
    LayerNormalization: _normalization,
    ReLU: _relu,
    LeakyReLU: lambda graph, layer, x, mask: graph.add("LeakyRelu", x, alpha=layer.negative_slope),
    ELU: lambda graph, layer, x, mask: graph.add("Elu", x, alpha=layer.alpha),
    PReLU: _prelu,
    TimeDistributed: _time_distributed,
    **dict.fromkeys((Dropout, SpatialDropout1D, GaussianDropout, GaussianNoise, AlphaDropout), _nothing),
}


def rule_of(layer: Any) -> Rule:
    """The rule of a layer, by its class: one derived from it may compute something else.

    Raises:
        ExchangeError: where there is none.
    """
    rule = RULES.get(type(layer))
    if rule is None:
        known = ", ".join(sorted(kind.__name__ for kind in RULES))
        raise ExchangeError(
            f"{layer.label} cannot be written as ONNX: there is no rule for {type(layer).__name__}. "
            f"Build the model of layers that have one ({known}), and compute the rest around it"
        )
    return rule
