"""Attributes that nobody reads, and arguments that would do nothing, are refused.

Python lets `optimizer.lr = 0` make an attribute that nobody looks at, and Keras takes arguments that scratchnn has no
use for. Here an attribute of a public class is one that it has, and `keras_names.py` says which of Keras' arguments
are taken at their neutral value only.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from scratchnn.core.keras_names import ARGUMENTS, UNHEARD, Refused
from scratchnn.core.names import is_own, nearest

T = TypeVar("T", bound=Callable[..., Any])
Kind = TypeVar("Kind", bound=type)


def refuse_unheard(kind: type, base: str) -> None:
    """Raise TypeError if a class of the user's own, derived from `base`, defines a method that is never called."""
    own = [each for each in kind.__mro__ if is_own(each)]  # a mixin among them
    for name, instead in UNHEARD[base].items():
        if any(name in vars(each) for each in own):
            raise TypeError(f"{kind.__name__}.{name} would never be called: {instead}")


class Guarded:
    """A public attribute that a class does not have cannot be set.

    A class has what it defines or annotates, and what its constructor takes. A class of the user's own may set what it
    likes, but for what Keras has and we do not.
    """

    checks: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    """By attribute, what a value goes through whenever it is set: it returns the value to keep, or raises."""

    not_kept: ClassVar[Mapping[str, str]] = {}
    """By name, what to do instead of reading or setting it: arguments of the constructor that are no attributes."""

    hands_on: ClassVar[bool] = False
    """Whether the constructor hands what it does not name to a function of the user's own."""

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "__init__" in vars(cls) and not is_own(cls):
            cls.__init__ = _spelled_out(cls, heeding_keras(cls.__init__))

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        if not name.startswith("_") and name not in attributes_of(kind):
            self._refuse_attribute(name)
        check = kind.checks.get(name)
        super().__setattr__(name, value if check is None else check(value))

    def _refuse_attribute(self, name: str) -> None:
        kind = type(self)
        if refused := refused_by(kind).get(name):
            has = "cannot set its attribute" if hasattr(kind, name) else "has no attribute"
            raise AttributeError(f"{kind.__name__} {has} {name!r}: {refused.instead}")
        if is_own(kind):
            return
        if instead := _instead(kind, name):
            raise AttributeError(f"{kind.__name__} has no attribute {name!r}: {instead}")
        hint = nearest(name, attributes_of(kind))
        raise AttributeError(f"{kind.__name__} has no attribute {name!r}, so that nothing would read it{hint}")


class Attributes(Guarded):
    """Base of the public classes: what is not there says what to read instead, too.

    Reading any attribute takes a little longer for it, and metrics, which a step reads often, do without.
    """

    if not TYPE_CHECKING:  # a type checker should go on to find such names itself

        def __getattr__(self, name: str) -> Any:
            """Called for what is not there."""
            kind = type(self)
            instead = None if name.startswith("_") else _instead(kind, name)
            hint = "" if instead is None else f": {instead}"
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}{hint}")


@functools.cache
def attributes_of(kind: type) -> frozenset[str]:
    """The public attributes of a class that can be set."""
    never = {name for name, refused in refused_by(kind).items() if not refused.neutral or _is_read_only(kind, name)}
    names = {name for each in kind.__mro__ for name in _names_in(each)} - never - set(getattr(kind, "not_kept", ()))
    return frozenset(name for name in names if not name.startswith("_"))


@functools.cache
def parameters_of(kind: type) -> tuple[str, ...]:
    """What the constructors of a class and its bases take by name."""
    return tuple(dict.fromkeys(name for each in kind.__mro__ for name in _parameters_in(each)))


@functools.cache
def refused_by(kind: type) -> dict[str, Refused]:
    """What of Keras' a class does not have. Where a derived class has it, it has it, but what is `always` refused."""
    refused: dict[str, Refused] = {}
    for each in reversed(kind.__mro__):
        has = {*_parameters_in(each), *(name for name, what in vars(each).items() if isinstance(what, property))}
        refused = {name: entry for name, entry in refused.items() if entry.always or name not in has}
        refused |= ARGUMENTS.get(each.__name__, {})
    return refused


def _instead(kind: type, name: str) -> str | None:
    refused = refused_by(kind).get(name)
    return getattr(kind, "not_kept", {}).get(name) if refused is None else refused.instead


def _is_read_only(kind: type, name: str) -> bool:
    what = getattr(kind, name, None)
    return isinstance(what, property) and what.fset is None


def _names_in(kind: type) -> set[str]:
    """What a class itself defines, annotates, and takes in its constructor."""
    return {*vars(kind), *inspect.get_annotations(kind), *_parameters_in(kind)}


def _parameters_in(kind: type) -> tuple[str, ...]:
    return () if kind is object or "__init__" not in vars(kind) else _named(vars(kind)["__init__"])


def heeds_keras_in(owner: str) -> Callable[[T], T]:
    """A decorator of functions: `heeding_keras` for the function that the table calls `owner`."""
    return lambda function: heeding_keras(function, owner)


def heeding_keras(function: T, owner: str | None = None) -> T:
    """The same constructor, or the function `owner`, which takes those of Keras' arguments that do nothing here, too.

    Raises:
        TypeError: for an argument that neither Keras nor we have.
        ValueError: for one of Keras' that would have to do something, with what to do instead.
    """
    named, positional = _named(function), _positional(function)
    refused = ARGUMENTS.get(owner, {}) if owner is not None else {}
    all_are_ours = owner is not None and not any(name in refused for name in positional)
    ours = frozenset(named).difference(refused)

    @functools.wraps(function)
    def heeding(*args: Any, **settings: Any) -> Any:
        if all_are_ours and ours.issuperset(settings):
            return function(*args, **settings)  # the common case: nothing to look up
        kind = type(args[0]) if owner is None else None
        here = owner or type(args[0]).__name__
        names = ARGUMENTS.get(here, {}) if kind is None else refused_by(kind)
        known = named if kind is None else parameters_of(kind)
        if getattr(kind, "hands_on", False):
            known = (*known, *settings)
        for name, value in (*zip(positional, args, strict=False), *settings.items()):
            own_name = name == "name" and str(value).lower() == getattr(kind, name, None)
            if name in names and not own_name and not names[name].takes(value):
                raise ValueError(f"{here}: {name}={value!r} is refused: {names[name].instead}")
            if name not in known and name not in names and name != "self":
                raise TypeError(f"{here} takes no argument {name!r}{nearest(name, (*known, *names))}")
        return function(*args, **{name: value for name, value in settings.items() if name in known})

    return heeding  # type: ignore[return-value]


def _spelled_out(kind: type, constructor: T) -> T:
    """The constructor with a signature that names, in the place of `**settings`, what it passes on to its base.

    So `help`, and completion in an editor or a notebook, show it.
    """
    if getattr(kind, "hands_on", False):
        return constructor
    own = inspect.signature(constructor)
    base = next((vars(each)["__init__"] for each in kind.__mro__[1:] if "__init__" in vars(each)), None)
    if base is not None and any(each.kind is inspect.Parameter.VAR_KEYWORD for each in own.parameters.values()):
        named = [each for each in own.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        passed_on = [each for each in inspect.signature(base).parameters.values() if each.name not in own.parameters]
        named += [each for each in passed_on if each.kind is inspect.Parameter.KEYWORD_ONLY]
        constructor.__signature__ = own.replace(parameters=named)  # type: ignore[attr-defined]
    return constructor


def heeds_keras(kind: Kind) -> Kind:
    """The same for the constructor that `dataclass` wrote."""
    kind.__init__ = heeding_keras(kind.__init__)
    return kind


def _named(function: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(each.name for each in parameters if each.kind not in several and each.name != "self")


def _positional(function: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    return tuple(each.name for each in parameters if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD)
