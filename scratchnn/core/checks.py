"""Checks of a user's input: each returns the value, or raises a ValueError saying what was expected and what came."""

import math
import os
from math import inf, isfinite
from numbers import Integral, Real
from typing import Any


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """The value as an int, from `least` to `most`."""
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole or int(value) < least or (most is not None and int(value) > most):
        wanted = f"of at least {least}" if most is None else f"from {least} to {_shown(most)}"
        raise ValueError(f"{name} must be a whole number {wanted}, got {value!r}")
    return int(value)


def flag(owner: str, name: str, value: Any) -> bool:
    """The value as a bool, if it is True or False, NumPy's too: not 0, nor a word."""
    of_numpy = type(value).__module__ == "numpy" and type(value).__name__ in (
        "bool",
        "bool_",
    )  # which is not loaded here
    if not isinstance(value, bool) and not of_numpy:
        raise ValueError(f"{owner}: {name} must be True or False, got {value!r}")
    return bool(value)


def single(value: Any) -> Any:
    """What is in a list or tuple of one: Keras' tutorials write kernel_size=(7,) as often as 7."""
    return value[0] if isinstance(value, tuple | list) and len(value) == 1 else value


def shuffles(value: Any) -> bool:
    """The value of fit's `shuffle`, which is True or False; Keras has a third."""
    if isinstance(value, str) and value == "batch":
        raise ValueError(
            "fit: shuffle='batch' is refused: whole batches are not shuffled. Give True, for a new order of the "
            "examples, or False; a scratchnn.utils.PyDataset has its batches shuffled by True"
        )
    return flag("fit", "shuffle", value)


def path(name: str, value: Any) -> str:
    """The value as a path, if it is a str or an os.PathLike; a number would be that of an open file.

    Raises:
        TypeError: for anything else, bytes among it.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if not isinstance(text, str):
        hint = ": decode it with os.fsdecode" if isinstance(text, bytes) else ""
        raise TypeError(f"{name} must be a path, a str or an os.PathLike, got {value!r}{hint}")
    return text


def share(name: str, value: Any) -> float:
    """The value as a float, at least 0 and below 1."""
    if not _is_number(value) or not 0 <= float(value) < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {value!r}")
    return float(value)


def number(name: str, value: Any, least: float | int = -inf, most: float | int = inf) -> float:
    """The value as a float, finite, from `least` to `most`."""
    if (
        not isinstance(value, Real)
        or isinstance(value, bool)
        or not isfinite(value)
        or not least <= float(value) <= most
    ):
        wanted = "" if least == -inf else f" of at least {least:g}" if most == inf else f" from {least:g} to {most:g}"
        raise ValueError(f"{name} must be a finite number{wanted}, got {value!r}")
    return float(value)


def comparable(name: str, value: Any) -> float:
    """The value as a float that others can be compared with: it may be infinite, but not NaN."""
    if not _is_number(value) or math.isnan(value):
        raise ValueError(f"{name} must be a number, got {value!r}")
    return float(value)


def positive(name: str, value: Any) -> float:
    """The value as a float, above 0 and finite."""
    if not _is_number(value) or not 0 < float(value) < math.inf:
        raise ValueError(f"{name} must be positive and finite, got {value!r}")
    return float(value)


def not_negative(name: str, value: Any) -> float:
    """The value as a float, 0 or more and finite."""
    if not _is_number(value) or not 0 <= float(value) < math.inf:
        raise ValueError(f"{name} must be 0 or more and finite, got {value!r}")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _shown(most: int) -> str:
    bits = most.bit_length()
    return f"2**{bits} - 1" if bits > 32 and most == 2**bits - 1 else str(most)
