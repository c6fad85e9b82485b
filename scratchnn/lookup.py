"""Finding a thing by its name, and saying what is near when there is none."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def look_up(kind: str, name: str, table: Mapping[str, T]) -> T:
    """Return `table`'s entry for `name`; "GlorotUniform" and "glorot_uniform" are one name, as in Keras.

    Raises:
        ValueError: if there is none; it suggests the nearest name and lists them all.
    """
    plain = {key.replace("_", "").lower(): key for key in table}
    wanted = name.replace("_", "").lower()
    if wanted in plain:
        return table[plain[wanted]]
    nearest = difflib.get_close_matches(wanted, plain, n=1)
    hint = f"; did you mean {plain[nearest[0]]!r}?" if nearest else "."
    raise ValueError(f"unknown {kind} {name!r}{hint} Known: {', '.join(sorted(table))}")
