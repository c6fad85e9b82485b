"""What a model file names but cannot hold: classes and functions of the user's own.

A file holds a model's layers, cells, activations, initializers, optimizer and loss by name, with their settings, and
no code. What is not scratchnn's own is marked, `{"name" or "class": ..., "custom": True, ...}`, wherever it stands, and
must be given when the file is loaded:

    load_model("model.npz", custom_objects={"PeepholeLSTM": PeepholeLSTM})

The value is a class, made from the settings in the file, or an `Activation` or a function (of a `Lambda`), which is
taken as it is. What carries no mark stays as it is, but for scratchnn's own layers, `{"class": ..., "config": ...}`.
Nobody looks into `metadata`.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from scratchnn.activations import Activation
from scratchnn.core import descriptions
from scratchnn.core.descriptions import marked, name_of, settings_of
from scratchnn.core.files.plain import plain
from scratchnn.layers import LAYERS

CustomObjects = Mapping[str, Any] | None  # by the names that `save` warned of


def _own_in(config: Mapping[str, Any]) -> list[tuple[str, Mapping]]:
    return [found for part in ("layers", "compiled") for found in marked(config[part], part)]


def names_in(config: Mapping[str, Any]) -> list[str]:
    """The names of the user's own things in a model's `get_config()`."""
    return sorted({name_of(description) for _, description in _own_in(config)})


def remedy(names: list[str], loader: str) -> str:
    """The argument that load_model or load_checkpoint needs."""
    return f"{loader}(path, custom_objects={{" + ", ".join(f"{name!r}: ..." for name in names) + "})"


# ---- saving


def check(config: Mapping[str, Any]) -> None:
    """Refuse what loading could not make again.

    Raises:
        TypeError: if a `get_config` of the user's own does not return plain values.
        ValueError: if it does not return the constructor's arguments, or if two things have one name.
    """
    first: dict[str, tuple[str, Any]] = {}
    for where, description in _own_in(config):
        name = name_of(description)
        thing = getattr(name, "thing", None)
        if thing is None:  # marked by hand
            continue
        if isinstance(thing, type):
            _check_settings(thing, settings_of(description), where)
        there, other = first.setdefault(name, (where, thing))
        if other != thing:
            raise ValueError(
                f"{there} and {where} are two things of one name, {name!r}: {other!r} and {thing!r}. Loading takes "
                "one for each name; rename one of them"
            )


def _check_settings(kind: type, settings: Any, where: str) -> None:
    get_config = f"{where}: {kind.__name__}.get_config"
    plain(settings, f"{get_config}()")
    signature = inspect.signature(kind)
    for parameter in signature.parameters.values():
        several = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if not several and parameter.name not in {*settings, "name", "input_shape", "trainable"}:
            without = parameter.default is parameter.empty
            so = "loading could not make it" if without else "loading would make it with its default"
            raise ValueError(f"{get_config} leaves out {parameter.name!r}: {so}")
    try:
        signature.bind(**settings)
    except TypeError as error:
        raise ValueError(f"{get_config} does not return what the constructor takes: {error}") from error


# ---- loading


def checked(custom_objects: Any) -> Mapping[str, Any]:
    """What a loader was given, if it is names with classes, activations or functions.

    Raises:
        TypeError: if it is anything else.
        ValueError: for an activation under a name that is not its own.
    """
    if not isinstance(custom_objects, Mapping | None):
        raise TypeError(f"custom_objects takes a dict of names and classes, got {custom_objects!r}")
    for name, thing in (custom_objects or {}).items():
        is_function = inspect.isroutine(thing) or isinstance(thing, np.ufunc)
        if not isinstance(name, str) or not (is_function or isinstance(thing, type | Activation)):
            wanted = "a class, an Activation or a function"
            raise TypeError(f"custom_objects takes {wanted} by its name, got {name!r}: {thing!r}")
        if isinstance(thing, Activation) and thing.name != name:
            raise ValueError(f"custom_objects has the activation {thing.name!r} under another name, {name!r}")
    return custom_objects or {}


def require(config: Mapping[str, Any], given: Mapping[str, Any], loader: str) -> None:
    """Raise ValueError unless all of the user's own things in a model's `get_config()` were given."""
    names = names_in(config)
    if missing := [name for name in names if name not in given]:
        which = "which is not one" if len(missing) == 1 else "which are none"
        raise ValueError(
            f"it holds {', '.join(map(repr, missing))}, {which} of scratchnn's own: {remedy(names, loader)}"
        )


def filled(value: Any, given: Mapping[str, Any]) -> Any:
    """The value with every layer, and every thing of the user's own in it, made of its settings.

    Raises:
        TypeError: if a given class does not take the settings in the file; and whatever else its constructor raises.
    """
    return descriptions.filled(value, given, LAYERS)
