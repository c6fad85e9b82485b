"""What `get_config()` returns for layers and what is inside them, and the things made of it again.

A description names a thing, `{"name": ..., ...}` or `{"class": ..., "config": {...}}`. That of the user's own is
marked, `"custom": True`, wherever it stands: a file holds no code.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from scratchnn.core.names import is_own, overrides


def name_of(description: Mapping) -> Any:
    return description.get("class", description.get("name"))


def is_marked(description: Mapping) -> bool:
    return description.get("custom") is True and isinstance(name_of(description), str)


def settings_of(description: Mapping) -> Any:
    """What the class in a marked description is made with."""
    if "class" in description:
        return description["config"]
    return {key: value for key, value in description.items() if key not in ("name", "custom")}


def marked(value: Any, where: str = "") -> Iterator[tuple[str, Mapping]]:
    """Where the user's own things stand in a value, and their descriptions."""
    if isinstance(value, Mapping):
        if is_marked(value):
            yield where, value
        for key, inner in value.items():
            yield from marked(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from marked(inner, f"{where}[{i}]")


def filled(value: Any, given: Mapping[str, Any], kinds: Mapping[str, type]) -> Any:
    """The value with every layer, and every thing of the user's own in it, made of its settings.

    `given` has the user's own by their names, `kinds` those classes of ours that stand as `{"class": ..., ...}`.

    Raises:
        TypeError: if a given class does not take the settings in the file; and whatever else its constructor raises.
    """
    if isinstance(value, list):
        return [filled(inner, given, kinds) for inner in value]
    if not isinstance(value, Mapping) or hasattr(value, "array"):  # of an array, which it holds
        return value
    inside = {key: filled(inner, given, kinds) for key, inner in value.items()}
    if is_marked(value):
        thing = given[name_of(value)]
        if "class" in value and not isinstance(thing, type):
            raise TypeError(f"custom_objects must have a class for {name_of(value)!r}, got {thing!r}")
        return thing(**settings_of(inside)) if isinstance(thing, type) else thing
    match inside:
        case {"class": str(kind), "config": dict(settings), **rest} if kind in kinds and not rest:
            return kinds[kind](**settings)
    return inside


def remade(kind: type, config: Any, kinds: Mapping[str, type]) -> Any:
    """An object of this class with the settings that the `get_config()` of another one returned.

    What is the user's own in them is known by the objects that they came from.

    Raises:
        TypeError: for what is no such dict.
        ValueError: for something of the user's own in settings that were in a file since, and for a class of their own
            that takes settings and has no `get_config`.
    """
    if not isinstance(config, Mapping):
        raise TypeError(f"{kind.__name__}.from_config takes what get_config() returned, got {config!r}")
    if is_own(kind) and not overrides(kind, "get_config"):
        known = {*config, "self", "name", "input_shape", "trainable"}
        parameters = inspect.signature(kind).parameters.values()
        several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        if lost := [each.name for each in parameters if each.name not in known and each.kind not in several]:
            raise ValueError(
                f"{kind.__name__}.get_config leaves out {', '.join(lost)}, which the constructor takes: define it, "
                "returning super().get_config() | {...} with these"
            )
    given = {}
    for _, description in marked(config):
        name = name_of(description)
        if not hasattr(name, "thing"):
            raise ValueError(
                f"{kind.__name__}.from_config: the settings name {name!r}, which is not one of scratchnn's own, and a "
                f"text holds no code: Sequential.from_config(config, custom_objects={{{name!r}: ...}}) takes it"
            )
        given[name] = name.thing
    return kind(**filled(dict(config), given, kinds))
