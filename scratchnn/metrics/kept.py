"""What a metric of the user's own counts in: attributes that it made itself, besides its variables.

Which ones these are, shows: they are others than before the first batch. Numbers and arrays of numbers can be kept in a
checkpoint. Lists, dicts and objects cannot, and training that stands within an epoch does not go on without them.
"""

from collections import deque
from collections.abc import Callable, Mapping
from copy import copy
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.attributes import Guarded
from scratchnn.core.names import is_own

_CONTAINERS = (list, tuple, dict, set, deque)
_NUMBERS = (bool, int, float, type(None))
_COUNT_NOTHING = (Guarded, FunctionType, MethodType, ModuleType, type)  # models, losses and the like among them


class Variable(np.ndarray):
    """An array that a metric counts in, in the host's memory, with Keras' `assign` and `assign_add`."""

    def assign(self, value: Any) -> "Variable":
        self[...] = on_host(value)
        return self

    def assign_add(self, value: Any) -> "Variable":
        self[...] += on_host(value)
        return self

    def numpy(self) -> Array:
        return np.array(self)


def on_host(array: Any) -> Any:
    """An array in the host's memory; anything else stays what it is."""
    return array.get() if hasattr(array, "get") and not isinstance(array, Mapping) else array


def copied(value: Any, copies: dict[int, Any], renew: Callable[[Any], Any]) -> Any:
    """A copy that counts apart: of arrays, of what holds them, and of what `renew` renews. Anything else is shared.

    `copies` are those that exist already, by the `id` of what they are copies of.
    """
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, MethodType) and id(value.__self__) in copies:
        return MethodType(value.__func__, copies[id(value.__self__)])
    if isinstance(value, np.ndarray) or hasattr(value, "__cuda_array_interface__"):
        copies[id(value)] = value.copy()  # type: ignore[union-attr]
    elif isinstance(value, tuple):
        parts = [copied(each, copies, renew) for each in value]
        copies[id(value)] = type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    elif isinstance(value, list | deque):
        copies[id(value)] = same = copy(value)
        for number, each in enumerate(value):
            same[number] = copied(each, copies, renew)
    elif isinstance(value, dict):
        copies[id(value)] = same = copy(value)
        same.update({key: copied(each, copies, renew) for key, each in value.items()})
    elif isinstance(value, set):
        copies[id(value)] = copy(value)
    else:
        copies[id(value)] = renew(value)
    return copies[id(value)]


class Kept:
    """Tells in which attributes a metric counts: those that are others than when this was made.

    To look through what is in lists, dicts and objects may take long, of a vocabulary for instance, and every step
    asks. So it is done when asked for the 1st, 2nd, 4th, 8th time and so on, until a change is seen.
    """

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self._first = {name: snapshot(value) for name, value in attributes.items()}
        self._changed: set[str] = set()
        self._asked = 0

    def of(self, attributes: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """What is counted in, by name, as plain values; and the names of what cannot be kept."""
        self._asked += 1
        looks_through = self._asked & (self._asked - 1) == 0
        plain, lost = {}, []
        for name, value in attributes.items():
            is_plain = isinstance(value, _NUMBERS) or _is_array(value)
            if name not in self._changed and name in self._first:
                if not (is_plain or looks_through) or is_still(self._first[name], value):
                    continue
                self._changed.add(name)
            try:
                plain[name] = as_plain(value)
            except TypeError:
                lost.append(name)
        return plain, lost


def snapshot(value: Any, seen: frozenset[int] = frozenset()) -> Any:
    """What `is_still` compares with, later: a copy of everything that can change in place."""
    seen |= {id(value)}
    if _is_array(value):
        return np.array(on_host(value))
    if parts := _parts(value):
        return {key: each if id(each) in seen else snapshot(each, seen) for key, each in parts.items()}
    return value


def is_still(before: Any, value: Any) -> bool:
    """Whether a value is what it was when `snapshot` returned `before`."""
    if before is value:
        return not _parts(value) and not _is_array(value)
    if _is_array(value):
        now = np.asarray(on_host(value))
        same = isinstance(before, np.ndarray) and before.dtype == now.dtype and before.shape == now.shape
        return same and before.tobytes() == now.tobytes()
    if isinstance(value, _CONTAINERS) and isinstance(before, _CONTAINERS) and len(before) != len(value):
        return False  # at once, of a list that grows with every batch
    parts = _parts(value)
    if parts or isinstance(value, _CONTAINERS):
        if not parts:
            return type(before) is type(value) and not before
        same = isinstance(before, dict) and list(parts) == list(before)
        return same and all(is_still(before[key], parts[key]) for key in parts)  # type: ignore[index]
    return type(before) is type(value) and isinstance(value, int | float | str | complex) and before == value


def _is_array(value: Any) -> bool:
    """Whether it is an array or a number of NumPy's. A metric's variables are kept apart."""
    return hasattr(value, "dtype") and hasattr(value, "shape") and not isinstance(value, type | Variable)


def _parts(value: Any) -> dict[Any, Any]:
    """What is in a container, or in an object of the user's own class, by where it is."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, set):
        return dict.fromkeys(value)
    if isinstance(value, list | tuple | deque):
        return dict(enumerate(value))
    if is_own(type(value)) and hasattr(value, "__dict__") and not isinstance(value, _COUNT_NOTHING):
        return dict(vars(value))
    return {}


def as_plain(value: Any) -> Any:
    """A number, or an array of numbers as its dtype, its shape and its numbers. TypeError for what is neither."""
    if isinstance(value, _NUMBERS):
        return value
    if _is_array(value) and np.dtype(value.dtype).kind in "biuf":
        array = np.asarray(on_host(value))
        return [array.dtype.str, list(array.shape), array.ravel().tolist()]
    raise TypeError(f"expected a number or an array of numbers, got {value!r}")


def from_plain(value: Any) -> Any:
    """What `as_plain` was given."""
    if not isinstance(value, list):
        return value
    dtype, shape, numbers = value
    array = np.array(numbers, dtype).reshape(shape)
    return array if shape else array[()]
