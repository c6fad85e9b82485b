"""A model from a `.keras` file of Keras 3: its layers from the JSON in it, its weights from the HDF5."""

import math
import os
from collections.abc import Mapping
from typing import Any

from scratchnn.exchange import keras_archive
from scratchnn.exchange.errors import ExchangeError, source
from scratchnn.exchange.keras_weights import load_keras
from scratchnn.layers import LAYERS, Bidirectional, Input, Layer, TimeDistributed
from scratchnn.models.loading import MOST_LAYERS, UNUSABLE
from scratchnn.models.sequential import Sequential

_CHAIN = "a model here is one chain of layers, from one input to one output"
_PARTS = ("layer", "backward_layer")  # settings that are layers


def read_keras(path: str | os.PathLike[str], *, backend: str = "cpu") -> Sequential:
    """The model of a `.keras` file, with its weights, ready to predict; it is not compiled.

    Only what the file describes is made, from our own layers: no code of the file is run.

    Raises:
        ExchangeError: if the file is damaged, or has a layer, a setting or branches that models here do not have.
        ImportError: without the package h5py.
    """
    file = source(path, "read_keras")
    if file.suffix != ".keras":
        raise ExchangeError(
            f"read_keras takes a .keras file, got {file}: load_keras(model, path) gives weights to a model"
        )
    described = keras_archive.config(file)
    try:
        layers, shape = _chain(described["class_name"], described["config"])
        if len(layers) > MOST_LAYERS:
            raise ExchangeError(f"it has {len(layers):,} layers, and at most {MOST_LAYERS:,} are read")
        name = str(described["config"].get("name") or "") or None
        dtype = _dtype(layers)
        made = [_layer(each) for each in layers]
        _require_small(made, shape, file.stat().st_size)
        model = Sequential([Input(batch_shape=shape), *made], backend=backend, dtype=dtype, name=name)
    except ExchangeError as error:
        raise ExchangeError(f"{file}: {error}") from None
    except UNUSABLE as error:
        raise ExchangeError(f"{file}: the model in it cannot be built here: {error}") from error
    load_keras(model, file)
    return model


def _chain(kind: str, config: Mapping[str, Any]) -> tuple[list[Any], tuple[int | None, ...]]:
    """The descriptions of the layers in their order, without the input, and the shape of the input."""
    layers = list(config["layers"])
    if kind == "Functional":
        layers = _in_order(layers, config)
    elif kind != "Sequential":
        raise ExchangeError(f"it holds a {kind}, and models here are Sequential or Functional: {_CHAIN}")
    shape = config.get("build_input_shape")
    if layers and layers[0]["class_name"] == "InputLayer":
        first = layers.pop(0)["config"]
        shape = first.get("batch_shape") or first.get("batch_input_shape")
    if not isinstance(shape, list) or not layers:
        raise ExchangeError("the model in it was never built: call it in Keras, and save it again")
    return layers, tuple(shape)


def _in_order(layers: list[Any], config: Mapping[str, Any]) -> list[Any]:
    """The layers of a functional model, each after the one that it was called on."""
    by_name = {each["name"]: each for each in layers}
    name, order = _only(config["output_layers"], "outputs"), []
    while True:
        each = by_name.pop(name, None)
        if each is None:
            raise ExchangeError(f"{name!r} is used twice, or is not there: {_CHAIN}")
        order.append(each)
        if not each["inbound_nodes"]:
            break
        if len(each["inbound_nodes"]) > 1:
            raise ExchangeError(f"{name!r} is called {len(each['inbound_nodes'])} times: {_CHAIN}")
        (call,) = each["inbound_nodes"]
        if given := [key for key, value in call["kwargs"].items() if value not in (None, False)]:
            raise ExchangeError(f"{name!r} is called with {', '.join(given)}: {_CHAIN}")
        name = _only(call["args"], f"inputs of {name!r}")
    if by_name:
        raise ExchangeError(f"{', '.join(map(repr, by_name))} stand beside the way to its output: {_CHAIN}")
    return order[::-1]


def _only(given: Any, what: str) -> str:
    """The name of the layer that one tensor comes from; Keras writes one as [name, 0, 0], and several as a list."""
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], list | dict):
        given = given[0]
    if isinstance(given, dict) and given.get("class_name") == "__keras_tensor__":
        given = given["config"]["keras_history"]
    if isinstance(given, list) and len(given) == 3 and isinstance(given[0], str) and given[1:] == [0, 0]:
        return given[0]
    raise ExchangeError(f"the {what} are {given!r}: {_CHAIN}")


def _layer(described: Mapping[str, Any]) -> Layer:
    """The layer of ours of the same name; its constructor takes Keras' settings, and refuses by name what it lacks."""
    kind, settings = described["class_name"], dict(described["config"])
    if kind == "Lambda":
        raise ExchangeError("a Lambda is code, which is not taken from files: build the model here, and load_keras")
    if kind not in LAYERS or described.get("registered_name") not in (None, kind):
        raise ExchangeError(f"there is no layer {kind} here: docs/keras-names.md has what there is")
    settings.pop("dtype", None)  # a model has one
    for name, value in settings.items():
        if name in _PARTS and value is not None:
            settings[name] = _layer(value)
        elif name.endswith(("_initializer", "_regularizer")) and isinstance(value, dict):
            own = {key: each for key, each in value["config"].items() if each is not None}
            settings[name] = {"name": value["class_name"], **own}
        elif name.endswith("activation") and isinstance(value, dict):
            raise ExchangeError(
                f"{kind}: {name} is {value.get('class_name')!r}, an activation that is not known by name"
            )
    return LAYERS[kind](**settings)


def _require_small(layers: list[Layer], shape: Any, size: int) -> None:
    """Raise ExchangeError for a layer of more numbers than the file has bytes, before memory is taken for it."""
    for layer in layers:
        count = _numbers(layer, shape)
        if count > size:
            raise ExchangeError(
                f"{layer.label} has {count:,} numbers, and the file {size:,} bytes: it is not of this model"
            )
        shape = layer.compute_output_shape(shape)
        shape = shape[0] if isinstance(shape[0], tuple) else shape


def _numbers(layer: Any, shape: Any) -> int:
    if isinstance(layer, Bidirectional):
        return _numbers(layer.forward_layer, shape) + _numbers(layer.backward_layer, shape)
    if isinstance(layer, TimeDistributed):
        return _numbers(layer.layer, (None, *shape[2:]))
    layer.compute_output_shape(shape)  # refuses what the layer cannot take
    return sum(math.prod(each) for each, _ in layer.parameter_shapes(shape).values())


def _dtype(layers: list[Any]) -> str:
    """The one dtype of the layers."""
    found = set()
    for each in layers:
        dtype = each["config"].get("dtype", "float32")
        found.add(dtype["config"]["name"] if isinstance(dtype, dict) else dtype)
    if len(found) != 1 or not found <= {"float32", "float64"}:
        raise ExchangeError(
            f"its layers compute in {', '.join(sorted(map(str, found)))}; models here in one of float32, float64"
        )
    return found.pop()
