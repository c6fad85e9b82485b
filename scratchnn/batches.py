"""Cutting examples into batches, and holding some out."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array


def slices(N: int, batch_size: int) -> list[slice]:
    """The batches of N examples, in order; the last one may be smaller."""
    return [slice(first, min(first + batch_size, N)) for first in range(0, N, batch_size)]


def split(x: Array, y: Array, share: float) -> tuple[tuple[Array, Array], tuple[Array, Array] | None]:
    """Hold out the last `share` of the examples, as they stand, as Keras does.

    Raises:
        ValueError: unless 0 <= share < 1 and both parts have examples.
    """
    if isinstance(share, bool) or not isinstance(share, int | float | np.number) or not 0 <= share < 1:
        raise ValueError(f"validation_split must be at least 0 and below 1, got {share!r}")
    if share == 0:
        return (x, y), None
    first_held_out = int(len(x) * (1 - share))
    if first_held_out in (0, len(x)):
        raise ValueError(
            f"validation_split={share} of {len(x)} examples leaves none for training or none to validate on"
        )
    return (x[:first_held_out], y[:first_held_out]), (x[first_held_out:], y[first_held_out:])


def check_sizes(batch_size: Any, epochs: Any) -> None:
    for name, value in (("batch_size", batch_size), ("epochs", epochs)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")


def check_lengths(x: Array, y: Any) -> None:
    if np.ndim(y) == 0:
        raise ValueError(f"y must hold one label for each of the {len(x)} rows of x, got {y!r}")
    if len(x) != len(y):
        raise ValueError(f"x and y must have the same length, got {len(x)} rows of x and {len(y)} of y")
    if len(x) == 0:
        raise ValueError("x and y are empty; give at least one example")
