"""What a model file names but cannot hold: classes and functions of the user's own.

A file holds a model's layers, cells, activations, initializers, optimizer and loss by name, with their settings, and
no code. Names that scratchnn knows are looked up; the others must be given when the file is loaded:

    load_model("model.npz", custom_objects={"PeepholeLSTM": PeepholeLSTM})

The value is a class, called with the settings in the file, or an `Activation`, used as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from scratchnn.activations import ACTIVATIONS, Activation
from scratchnn.core.names import look_up
from scratchnn.initializers import INITIALIZERS
from scratchnn.layers import LAYERS
from scratchnn.losses import LOSSES
from scratchnn.optimizers import OPTIMIZERS

CustomObjects = Mapping[str, Any] | None  # by the names that `save` warned of


def _table_for(key: str) -> Mapping[str, Any] | None:
    """The table of scratchnn's own objects for this key of a description; None for a key that names none."""
    if key.endswith("activation"):
        return ACTIVATIONS
    if key.endswith("initializer"):
        return INITIALIZERS
    return {"layers": LAYERS, "layer": LAYERS, "cell": {}, "optimizer": OPTIMIZERS, "loss": LOSSES}.get(key)


def _name_of(key: str, value: Any) -> str | None:
    """The name of the user's own object that `value` describes; None if scratchnn knows it, or it is no object."""
    table = _table_for(key)
    if table is None or not isinstance(value, Mapping):
        return None
    name = value.get("class", value.get("name"))
    known = name in table and not value.get("custom")
    return name if isinstance(name, str) and not known else None


def names_in(description: Any, key: str = "") -> Iterator[str]:
    """The names of the user's own objects in a model's `get_config()`, in their order."""
    if (name := _name_of(key, description)) is not None:
        yield name
    if isinstance(description, Mapping):
        for each, value in description.items():
            yield from names_in(value, each)
    elif isinstance(description, list):
        for value in description:
            yield from names_in(value, key)


def remedy(names: list[str]) -> str:
    """The argument that load_model needs."""
    return "load_model(path, custom_objects={" + ", ".join(f"{name!r}: ..." for name in names) + "})"


def filled(description: Any, custom_objects: CustomObjects, key: str = "") -> Any:
    """The description, in which every layer, cell and object of the user's own is made from its settings.

    Raises:
        ValueError: for a name that neither scratchnn nor `custom_objects` knows; it names the remedy.
        TypeError: if a given class does not take the settings in the file.
    """
    if isinstance(description, list):
        return [filled(value, custom_objects, key) for value in description]
    if not isinstance(description, Mapping):
        return description
    name = _name_of(key, description)
    inside = {each: filled(value, custom_objects, each) for each, value in description.items()}
    if name is None:
        return look_up("layer", inside["class"], LAYERS)(**inside["config"]) if key in ("layers", "layer") else inside
    given = (custom_objects or {}).get(name)
    if given is None:
        raise ValueError(f"it holds {name!r}, which is not one of scratchnn's own: {remedy([name])}")
    if isinstance(given, Activation):
        return given
    return given(**inside.get("config", {k: v for k, v in inside.items() if k not in ("name", "custom")}))
