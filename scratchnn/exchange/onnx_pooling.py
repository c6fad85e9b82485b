"""Pooling as nodes of ONNX: of neighbouring time steps, and of all of them, with and without a mask."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn.exchange.onnx_graph import Graph, Mask

Rule = Callable[[Graph, Any, str, Mask | None], str]


def over_time(graph: Graph, op: str, x: str, *weights: str, **attributes: Any) -> str:
    """The output of a node that takes time last."""
    y = graph.add(op, graph.add("Transpose", x, perm=[0, 2, 1]), *weights, **attributes)
    return graph.add("Transpose", y, perm=[0, 2, 1])


def pooling(op: str, **attributes: Any) -> Rule:
    def rule(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
        pad = "SAME_UPPER" if layer.padding == "same" else "VALID"
        shape = {"kernel_shape": [layer.pool_size], "strides": [layer.strides], "auto_pad": pad}
        return over_time(graph, op, x, **shape, **attributes)

    return rule


def global_max(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    return graph.add("ReduceMax", x, axes=[1], keepdims=0)


def global_average(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    if mask is None:
        return graph.add("ReduceMean", x, axes=[1], keepdims=0)
    real, axis = graph.spread(mask.real), graph.constant([1])
    count = graph.add("Max", graph.add("ReduceSum", real, axis, keepdims=0), graph.constant(1, "float32"))
    total = graph.add("ReduceSum", graph.add("Mul", x, real), axis, keepdims=0)
    return graph.add("Div", total, count)


def concat(graph: Graph, layer: Any, x: str, mask: Mask | None) -> str:
    """The last step, the largest value and the mean; of the real steps, and zeros for a row without one."""
    mean = global_average(graph, layer, x, mask)
    if mask is None:
        last = graph.add("Gather", x, graph.constant(-1), axis=1)
        return graph.add("Concat", last, global_max(graph, layer, x, None), mean, axis=-1)
    real, least = graph.cast(mask.real, "int32"), graph.constant(np.finfo(np.float32).min, "float32")
    end = graph.add("ArgMax", real, axis=1, keepdims=1, select_last_index=1)
    last = graph.add("Squeeze", graph.taken(x, end), graph.constant([1]))
    shown = graph.add("Where", graph.cast(graph.spread(mask.real), "bool"), x, least)
    both = graph.add("Concat", last, global_max(graph, layer, shown, None), axis=-1)
    some = graph.cast(graph.add("ReduceMax", real, axes=[1], keepdims=1), "float32")
    return graph.add("Concat", graph.add("Mul", both, some), mean, axis=-1)
