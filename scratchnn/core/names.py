"""Finding an object by its name, and correcting a misspelled name."""

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from scratchnn.core.spelling import meant

T = TypeVar("T")


def look_up(kind: str, name: str, table: Mapping[str, T]) -> T:
    """Return `table`'s entry for `name`; "GlorotUniform" and "glorot_uniform" are one name, as in Keras.

    Raises:
        ValueError: if there is none; the message lists them all, and corrects a misspelled one or another word for it.
    """
    if not isinstance(name, str):
        raise TypeError(f"a {kind} is given by its name, got {name!r}. Known: {', '.join(sorted(table))}")
    plain = {key.replace("_", "").lower(): key for key in table}
    wanted = name.replace("_", "").lower()
    if wanted in plain:
        return table[plain[wanted]]
    suggested = meant(name, table)
    hint = f"; did you mean {suggested!r}?" if suggested else "."
    raise ValueError(f"unknown {kind} {name!r}{hint} Known: {', '.join(sorted(table))}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A question that names the most similar of the known names; empty where none is similar."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def plural(number: int, name: str) -> str:
    """A number of things: "1 text", "2 texts"."""
    return f"{number:,} {name}{'s' * (number != 1)}"


def is_own(kind: type) -> bool:
    """Whether a class is the user's own, and not one of ours."""
    # A class that exec made may have no module at all.
    return not str(getattr(kind, "__module__", "")).startswith("scratchnn.")


@functools.lru_cache(256)  # it is asked in every step
def overrides(kind: type, *methods: str) -> bool:
    """Whether one of these methods is the user's own: a class that adds nothing to ours computes what ours does."""
    defining = (next(each for each in kind.__mro__ if method in vars(each)) for method in methods)
    return any(map(is_own, defining))


def lacks_half(kind: type, of: str, derivative: str) -> bool:
    """Whether a class of the user's own computes something anew, and inherits the derivative of something else."""
    order = [next(i for i, each in enumerate(kind.__mro__) if name in vars(each)) for name in (of, derivative)]
    return order[0] < order[1]


class OwnName(str):
    """The name of something of the user's own, which remembers what it names: saving looks at it. Copies are plain."""

    thing: Any

    def __new__(cls, name: str, thing: Any) -> "OwnName":
        self = super().__new__(cls, name)
        self.thing = thing
        return self

    def __reduce__(self) -> tuple:
        return str, (str(self),)


def snake_case(name: str) -> str:
    """SimpleRNN -> simple_rnn, GlobalMaxPooling1D -> global_max_pooling1d."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name).lower()


_NUMBERS: dict[str, int] = {}  # how many names were given, by class


def numbered_name(kind: type) -> str:
    """The name of an object that was given none, as in Keras: precision, then precision_1, in the order of creation."""
    name = snake_case(kind.__name__)
    number = _NUMBERS[name] = _NUMBERS.get(name, -1) + 1
    return f"{name}_{number}" if number else name


def name_in_file(kind: type, name: str) -> dict[str, Any]:
    """How a description names an object: by `name`, or by its class, and marked, where that class is the user's own.

    A class derived from one of ours inherits its name, and would be loaded as that one.
    """
    return {"name": OwnName(kind.__name__, kind), "custom": True} if is_own(kind) else {"name": name}


def marks_own(description: Any) -> bool:
    """Whether a description from `get_config` names something of the user's own, initializers left aside."""
    if isinstance(description, list):
        return any(map(marks_own, description))
    if not isinstance(description, Mapping):
        return False
    rest = [value for key, value in description.items() if not key.endswith("initializer")]
    return bool(description.get("custom")) or marks_own(rest)


def class_in_file(thing: Any) -> dict[str, Any]:
    """How a description names the class of a layer or a cell, and the settings to make it from."""
    named = name_in_file(type(thing), type(thing).__name__)
    return {"class": named.pop("name"), **named, "config": _config(thing)}


def described(thing: Any) -> dict[str, Any]:
    """The `get_config()` of an initializer, a loss or an optimizer, marked even where the user's own forgets to."""
    return _config(thing) | name_in_file(type(thing), getattr(type(thing), "name", ""))


def _config(thing: Any) -> dict[str, Any]:
    config = thing.get_config()
    if not isinstance(config, dict):
        raise TypeError(f"{type(thing).__name__}.get_config must return a dict of plain values, got {config!r}")
    return config


def settings_in(kind: type, config: Any) -> dict[str, Any]:
    """What the constructor takes, in the `get_config()` of an object that a file finds by its name.

    Raises:
        TypeError: for what is no such dict.
    """
    if not isinstance(config, Mapping):
        raise TypeError(f"{kind.__name__}.from_config takes what get_config() returned, got {config!r}")
    return {key: value for key, value in config.items() if key not in ("name", "custom")}


def make(kind: str, identifier: Any, base: type[T], table: Mapping[str, Callable[..., T]]) -> T:
    """Return the object meant by a name (a new one), by an object itself, or by its `get_config()`.

    Raises:
        ValueError: for an unknown name, or arguments in the config that do not fit.
        TypeError: for anything else.
    """
    if isinstance(identifier, base):
        return identifier
    if isinstance(identifier, str):
        return look_up(kind, identifier, table)()
    if isinstance(identifier, Mapping) and "name" in identifier:
        config = dict(identifier)
        return look_up(kind, config.pop("name"), table)(**config)
    hint = ""
    if isinstance(identifier, type) and issubclass(identifier, base):
        hint = f": call it, {identifier.__name__}()"
    raise TypeError(f"{kind} must be a name or an object, got {identifier!r}{hint}. Known: {', '.join(sorted(table))}")


# Line ends, tabs, what steers a terminal, the order in which letters are shown, and halves of characters.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Text of others for a line of a terminal: what it could not show as one line, or would obey, is escaped."""
    return _HIDDEN.sub(lambda sign: repr(sign[0])[1:-1], text)
