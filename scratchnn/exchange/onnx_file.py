"""A model as ONNX: a graph from ids or numbers to what `predict` returns, for any number of rows and time steps."""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from scratchnn.core.extras import extra
from scratchnn.core.files.atomic import write_atomically
from scratchnn.core.files.plain import or_null, plain
from scratchnn.exchange.errors import ExchangeError, target
from scratchnn.exchange.onnx_graph import IR_VERSION, OPSET, Graph, Mask
from scratchnn.exchange.onnx_layers import rule_of
from scratchnn.layers import Embedding, Flatten, LayerNormalization, Masking, Permute, PReLU, Reshape
from scratchnn.models.model import Model

FIXED = (Flatten, LayerNormalization, Permute, PReLU, Reshape)  # may bind a graph to the length they were built for


def save_onnx(model: Model, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a model as an .onnx file, which ONNX Runtime and others run; see `to_onnx`.

    Raises:
        FileExistsError, OSError: as `Model.save`.
        ExchangeError: as `to_onnx`, and for a name that does not end in .onnx; ImportError without the package onnx.
    """
    file = target(path, "save_onnx", (".onnx",), overwrite)
    write_atomically(file, [to_onnx(model).SerializeToString()])


def to_onnx(model: Model) -> Any:
    """The `onnx.ModelProto` of a model: "x" in, "y" out, in float32, with `metadata` of the model as JSON.

    "x" are ids, int64 (B, T), where the first layer is an Embedding, else numbers, float32. B and T may vary, but for
    T where a layer is bound to it. A mask comes from the graph's own Embedding(mask_zero=True) or Masking. Padding may
    be in front or behind; a mask with gaps that reaches a recurrent layer makes the graph fail.

    Raises:
        ExchangeError: for layers, settings and outputs that ONNX does not have.
        ImportError: without the package onnx.
    """
    model.require_built()
    if model.dtype != np.float32:
        raise ExchangeError(
            f"the model computes in {model.dtype}, and ONNX Runtime's recurrent nodes in float32: make it with "
            "dtype='float32', and give it these weights with set_weights"
        )
    if isinstance(model.output_shape[0], tuple):
        raise ExchangeError(
            "the last layer has several outputs, and the graph would have one: make it without return_state, and with "
            "a merge_mode"
        )
    graph = Graph()
    _written(graph, model)
    return _proto(model, graph)


def _written(graph: Graph, model: Model) -> None:
    """Write all layers."""
    x, mask = "x", None
    for layer in model.layers:
        rule, graph.prefix = rule_of(layer), str(layer.name)
        made = _mask_from(graph, layer, x)
        x = rule(graph, layer, x, made if isinstance(layer, Masking) else mask)
        goes_on = layer.supports_masking and not isinstance(layer, Embedding) and len(layer.output_shape) > 2
        mask = made or (mask if goes_on else None)
    graph.add("Identity", x)


def _mask_from(graph: Graph, layer: Any, x: str) -> Mask | None:
    """The mask that a layer makes of x."""
    if isinstance(layer, Embedding) and layer.mask_zero:
        return Mask(graph, graph.cast(graph.add("Sign", x), "bool"))
    if isinstance(layer, Masking):
        equal = graph.cast(graph.add("Equal", x, graph.constant(layer.mask_value, "float32")), "int32")
        all_equal = graph.add("ReduceMin", equal, axes=[-1], keepdims=0)
        return Mask(graph, graph.add("Equal", all_equal, graph.constant(0, "int32")))
    return None


def _proto(model: Model, graph: Graph) -> Any:
    fixed = any(isinstance(layer, FIXED) for layer in model.layers)
    metadata = plain(model.metadata, "metadata", or_null)
    x, y = _shape(model.input_shape, "time", fixed), _shape(model.output_shape, "time_out", fixed)
    return assembled(graph, str(model.name), x, y, metadata, ids=isinstance(model.layers[0], Embedding))


def assembled(
    graph: Graph, name: str, x: list[int | str], y: list[int | str], metadata: Mapping[str, Any], *, ids: bool
) -> Any:
    """The file of a graph from "x" to its last node, which is "y"; the lengths of their axes, or names for them."""
    with extra("exchange", "to_onnx"):
        import onnx
    helper, kinds = onnx.helper, onnx.TensorProto
    graph.nodes[-1][2][0] = "y"
    nodes = [helper.make_node(op, ins, outs, name=label, **rest) for op, ins, outs, label, rest in graph.nodes]
    arrays = [onnx.numpy_helper.from_array(array, label) for label, array in graph.arrays.items()]
    x_info = helper.make_tensor_value_info("x", kinds.INT64 if ids else kinds.FLOAT, x)
    y_info = helper.make_tensor_value_info("y", kinds.FLOAT, y)
    proto = helper.make_model(
        helper.make_graph(nodes, name, [x_info], [y_info], arrays),
        producer_name="scratchnn",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    helper.set_model_props(proto, {"scratchnn": json.dumps(metadata)})
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _shape(shape: tuple[int | None, ...], time: str, fixed: bool) -> list[int | str]:
    """Names for the axes whose lengths may vary: the batch, and time unless a layer is bound to it.

    Time is every axis but the last one, of features; ids (B, T) have none.
    """
    features = 1 if len(shape) > 2 or time == "time_out" else 0
    inner = shape[1 : len(shape) - features]
    lengths = [time if length is None or not fixed else length for length in inner]
    return ["batch", *lengths, *(time if length is None else length for length in shape[len(shape) - features :])]
