"""Models made again: with the same layers and settings, and parameters that are drawn anew.

A seed that was given as a number stays. A model that took a stream of `set_random_seed` is made again with the next.
"""

import json
from collections.abc import Callable

from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.names import is_own
from scratchnn.core.randomness import anew
from scratchnn.layers import Layer
from scratchnn.layers.symbol import Symbol
from scratchnn.models.custom_objects import CustomObjects, checked, require
from scratchnn.models.loading import described_model
from scratchnn.models.model import Model


@heeds_keras_in("clone_model")
def clone_model(model: Model, *, clone_function: Callable[[Layer], Layer] | None = None) -> Model:
    """A model of new layers with the same settings. As in Keras, it has parameters of its own and is not compiled.

    `clone_function`: makes the new layer of each; `Layer.clone` when None.

    Raises:
        TypeError: for a model of a class of your own, which may have more than its layers.
    """
    if is_own(type(model)):
        raise TypeError(f"{type(model).__name__} is a class of your own, and may have more than layers: copy.deepcopy")
    make = clone_function or Layer.clone
    layers = [make(layer) for layer in model.layers]
    settings = {"backend": model.backend.name, "dtype": model.dtype, "seed": anew(model.seed), "name": model.name}
    settings["trainable"] = model.trainable
    start = Symbol(model.input_shape, model.input_shape) if model.built else None
    return type(model).assembled(start, layers, model._outputs, settings)


def model_from_json(json_string: str, custom_objects: CustomObjects = None) -> Model:
    """The model that `to_json` describes, compiled if it was. `custom_objects`: as `load_model` takes them.

    Raises:
        ValueError: for a text that describes no model, or a class of your own that was not given.
    """
    given = checked(custom_objects)
    config = json.loads(json_string)
    if not isinstance(config, dict) or not {"layers", "compiled", "seed", "input_shape"} <= set(config):
        raise ValueError("model_from_json takes what model.to_json() returned, and this describes no model of ours")
    require(config, given, "model_from_json")
    return described_model(config | {"seed": anew(config["seed"])}, None, given)
