"""PyTorch's `state_dict`, both ways, as a dict of arrays: "lstm.weight_ih_l0", "dense.bias".

A state_dict names modules as the class that holds them does, and says nothing of what they compute or of their order.
So `names` says which module is which layer: {"lstm": "rnn", "lstm_1": "rnn"} are the first and the second layer of one
nn.LSTM(num_layers=2) that is called rnn. Without it, a layer is the module of its own name, or else the only one with
arrays like its own.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.arrays import as_numbers
from scratchnn.core.names import nearest
from scratchnn.core.warning import warn
from scratchnn.exchange.errors import ExchangeError, numbers_of, require_shapes
from scratchnn.exchange.pytorch_layers import exported, imported, require_known
from scratchnn.layers import Embedding, Layer, Masking
from scratchnn.models.model import Model

Names = Mapping[str, str] | None
_RECURRENT = re.compile(r"((?:weight|bias)_(?:ih|hh)_l)(\d{1,4})((?:_reverse)?)")


class Place(NamedTuple):
    """A module, and which of its stacked layers; that is 0 for a module that is not recurrent."""

    module: str
    number: int = 0

    def key(self, name: str) -> str:
        """The key of an array whose name in the first layer is `name`."""
        found = _RECURRENT.fullmatch(name)
        own = name if found is None else f"{found[1]}{self.number}{found[3]}"
        return f"{self.module}.{own}" if self.module else own

    def __str__(self) -> str:
        return f"{self.module!r}, layer {self.number}" if self.number else repr(self.module)


def to_pytorch(model: Model, names: Names = None) -> dict[str, Array]:
    """The weights of a model as PyTorch's `state_dict` has them: arrays by name, copies in the model's dtype.

    `names`: what the module of a layer is called; its own name by default. PyTorch's modules read no mask: where the
    model has one, a warning says so.

    Raises:
        ExchangeError: for a layer that no module of PyTorch is equal to.
    """
    model.require_built()
    for layer in model.layers:
        require_known(layer)
        if isinstance(layer, Masking) or (isinstance(layer, Embedding) and layer.mask_zero):
            warn(
                f"{layer.label} masks padding, and a state_dict holds no mask: in PyTorch, pack the sequences "
                "(pack_padded_sequence, padding behind); docs/exchange.md shows how"
            )
    plan = _plan(_given_places(model, names), {layer.label: exported(layer) for layer in _weighted(model)})
    return {plan[layer.label][name]: array for layer in _weighted(model) for name, array in exported(layer).items()}


def from_pytorch(model: Model, state: Mapping[str, Any], names: Names = None, *, ordered: bool = True) -> None:
    """Give a model the weights of a `state_dict`, all or none of them.

    Args:
        state: arrays by name, such as {key: tensor.numpy() for key, tensor in module.state_dict().items()}.
        names: which module each layer is, where that is not clear; see above.
        ordered: False where the order of `state` says nothing, as in a file of safetensors.

    Raises:
        ExchangeError: for arrays that are missing, left over or of another shape, and where two modules fit.
    """
    model.require_built()
    with numbers_of("the state_dict"):
        arrays = {key: as_numbers(key, value) for key, value in state.items()}
    plan = plan_for(model, {key: array.shape for key, array in arrays.items()}, names, ordered=ordered)
    take_over(model, arrays, plan)


Plan = dict[str, dict[str, str]]  # by layer: the key of the state_dict for each array of the module


def plan_for(model: Model, shapes: Mapping[str, tuple[int, ...]], names: Names, *, ordered: bool) -> Plan:
    """Where the arrays of each layer are, from names and shapes alone: nothing was read yet.

    Raises:
        ExchangeError: as `from_pytorch`.
    """
    needed = {layer.label: {name: array.shape for name, array in exported(layer).items()} for layer in _weighted(model)}
    places = _given_places(model, names)
    if names is None and not {place.module for place in places.values()} <= _modules(shapes):
        places = _found_places(needed, shapes, ordered)
    plan = _plan(places, needed)
    expected = {plan[label][name]: shape for label, arrays in needed.items() for name, shape in arrays.items()}
    require_shapes("the state_dict", expected, dict(shapes))
    return plan


def _plan(places: Mapping[str, Place], arrays: Mapping[str, Mapping[str, Any]]) -> Plan:
    """The key of each array of each layer, by the layer's label.

    Raises:
        ExchangeError: where two layers would have one key: only recurrent layers of a kind are layers of one module.
    """
    plan = {label: {name: places[label].key(name) for name in each} for label, each in arrays.items()}
    owners: dict[str, str] = {}
    for label, keys in plan.items():
        for key in keys.values():
            if (first := owners.setdefault(key, label)) != label:
                raise ExchangeError(f"names: {first} and {label} would both be {key!r}: give them different modules")
    return plan


def take_over(model: Model, arrays: Mapping[str, Array], plan: Plan) -> None:
    """Give the model the arrays, where `plan_for` has found them."""
    weights = []
    for layer in _weighted(model):
        weights += imported(layer, {name: arrays[key] for name, key in plan[layer.label].items()})
    with numbers_of("the state_dict"):
        model.set_weights([np.ascontiguousarray(array) for array in weights])


def _weighted(model: Model) -> list[Layer]:
    return [layer for layer in model.layers if layer.params]


# ---- which module is which layer


def _given_places(model: Model, names: Names) -> dict[str, Place]:
    """By `names`, and for other layers by their own; the second layer of a module is its `_l1`."""
    given = dict(names or {})
    known = [str(layer.name) for layer in _weighted(model)]
    if wrong := [name for name in given if name not in known]:
        raise ExchangeError(f"names: no layer with weights is called {wrong[0]!r}{nearest(wrong[0], known)}")
    seen: dict[str, int] = {}
    found = {}
    for layer in _weighted(model):
        module = given.get(str(layer.name), str(layer.name))
        found[layer.label] = Place(module, seen.get(module, 0))
        seen[module] = seen.get(module, 0) + 1
    return found


def _modules(shapes: Mapping[str, Any]) -> set[str]:
    return {key.rpartition(".")[0] for key in shapes}


def _found_places(needed: dict, shapes: Mapping[str, tuple[int, ...]], ordered: bool) -> dict[str, Place]:
    """Each layer's place among the modules with the same arrays, in the order of both."""
    there: dict[Place, dict[str, tuple[int, ...]]] = {}
    for key, shape in shapes.items():
        module, _, name = key.rpartition(".")
        if found := _RECURRENT.fullmatch(name):
            there.setdefault(Place(module, int(found[2])), {})[f"{found[1]}0{found[3]}"] = tuple(shape)
        else:
            there.setdefault(Place(module), {})[name] = tuple(shape)
    found, free = {}, dict(there)
    for label, arrays in needed.items():
        fitting = [place for place, own in free.items() if own == arrays]
        if not fitting:
            raise ExchangeError(
                f"the state_dict has no module for {label}, whose arrays are {_shown(arrays)}; it has "
                + ("; ".join(f"{place}: {_shown(own)}" for place, own in free.items()) or "no others")
            )
        if len({place.module for place in fitting}) > 1 and not ordered:
            raise ExchangeError(
                f"{' and '.join(map(str, fitting))} both fit {label}, and the order in this file says nothing: "
                f"names={{'layer': 'module', ...}} says which is which"
            )
        found[label] = min(fitting, key=lambda place: place.number if place.module == fitting[0].module else 1e9)
        del free[found[label]]
    return found


def _shown(arrays: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in arrays.items())
