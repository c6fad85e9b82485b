"""A pass that runs again and again on one row is recorded once, and then repeated without Python's part of it.

Between its launches a pair does little: it makes arrays, and copies weights into the order in which its kernel reads
them. For a batch that is nothing; for one row it takes as long as the kernels. A recorded pass keeps its arrays, and
repeating it is its launches and copies alone, in their order and to the same bits.

So what a pass does besides must follow from shapes and settings, not from the numbers in x or in the weights: arrays
made from those are made by `contiguous` or `made`. Nothing here is in use unless `recorded` is at work.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")

steps: ContextVar[list[Callable[[], object]] | None] = ContextVar("steps", default=None)  # while one records


def recorded(work: Callable[[], Result]) -> tuple[Result, Callable[[], None]]:
    """Run `work`. Return what it returned, and a function that computes it again, into the same arrays."""
    found: list[Callable[[], object]] = []
    token = steps.set(found)
    try:
        result = work()
    finally:
        steps.reset(token)

    def repeat() -> None:
        for step in found:
            step()

    return result, repeat


def contiguous(array: np.ndarray) -> np.ndarray:
    """As np.ascontiguousarray."""
    copied = np.ascontiguousarray(array)
    if (found := steps.get()) is not None and copied is not array:
        found.append(partial(np.copyto, copied, array))
    return copied


def made(function: Callable[..., np.ndarray], *args: Any) -> np.ndarray:
    """function(*args), an array: a new one, or the first of `args` as it is."""
    array = function(*args)
    if (found := steps.get()) is not None and array is not args[0]:
        found.append(lambda: np.copyto(array, function(*args)))
    return array
