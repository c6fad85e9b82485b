"""Values as the plain types that JSON and TOML can hold."""

import math
import os
from collections.abc import Callable, Container, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np


def plain(value: Any, where: str, number: Callable[[float], Any] = float, reserved: Container[str] = ()) -> Any:
    """The value as None, bool, int, str, list and dict, and whatever `number` makes of a float.

    Raises:
        TypeError: for any other value, and for a key that is no string or `reserved`; `where` names the place.
    """
    match value:
        case None | bool() | str():
            return value
        case np.bool_():
            return bool(value)
        case Integral():
            return int(value)
        case Real():
            return number(float(value))
        case os.PathLike():
            return os.fspath(value)
        case list() | tuple():
            return [plain(item, f"{where}[{i}]", number, reserved) for i, item in enumerate(value)]
        case Mapping():
            for key in value:
                if not isinstance(key, str) or key in reserved:
                    other = f" other than {key!r}" if isinstance(key, str) else f", got {key!r}"
                    raise TypeError(f"a key of {where} must be a string{other}")
            return {key: plain(item, f"{where}[{key!r}]", number, reserved) for key, item in value.items()}
    raise TypeError(f"{where} cannot be stored: {type(value).__name__}")


def or_null(x: float) -> float | None:
    """JSON has no NaN and no infinity: null stands for them."""
    return x if math.isfinite(x) else None
