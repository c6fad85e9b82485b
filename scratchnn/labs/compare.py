"""Comparing what a student's function returned with what is right, and saying where they part."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scratchnn.labs.student import Wrong

TOLERANCE = 1e-7  # relative to 1 + |expected|; the labs compute in float64


def numbers(what: str, came: Any, shape: tuple[int, ...], axes: str = "") -> np.ndarray:
    """
    Raises:
        Wrong: if these are no numbers of that shape.
    """
    try:
        array = np.asarray(came)
        if array.dtype.kind == "c":
            raise Wrong(
                f"{what}: expected real numbers, came complex ones, such as {array.flat[0]:.3g}; np.abs takes their "
                "absolute values"
            )
        array = array.astype(np.float64) if array.dtype.kind in "fiub" else np.asarray(came, np.float64)
    except (TypeError, ValueError):
        raise Wrong(f"{what}: expected an array of shape {shape}, came a {type(came).__name__}") from None
    if array.shape != shape:
        of = f". The axes are {axes}" if axes else ""
        raise Wrong(f"{what}: expected shape {shape}, came {array.shape}{of}")
    if shape and isinstance(came, list | tuple):
        raise Wrong(f"{what}: expected an array, came a {type(came).__name__}; np.stack makes an array of it")
    return array


def parts(what: str, came: Any, *names: str) -> tuple[Any, ...]:
    """
    Raises:
        Wrong: unless a tuple or list of so many things came.
    """
    if not isinstance(came, tuple | list) or len(came) != len(names):
        raise Wrong(f"{what}: expected to get back {len(names)} things, ({', '.join(names)}), came {_kind(came)}")
    return tuple(came)


def _kind(came: Any) -> str:
    if isinstance(came, tuple | list):
        return f"{len(came)} things"
    return f"an array of shape {came.shape}" if isinstance(came, np.ndarray) else f"a {type(came).__name__}"


def _off(came: np.ndarray, expected: np.ndarray, tolerance: float) -> np.ndarray:
    return np.asarray(~(np.abs(came - expected) <= tolerance * (1 + np.abs(expected))))  # so that NaN is off


def _first(what: str, came: Any, expected: Any, off: Any, at: tuple[int, ...] = ()) -> str:
    index = tuple(int(i) for i in np.argwhere(off)[0])
    named = f"{what}[{', '.join(map(str, (*at, *index)))}]" if at or index else what
    return f"{named}: expected {expected[index]:.6g}, came {came[index]:.6g}"


def same(what: str, came: Any, expected: Any, then: str = "", tolerance: float = TOLERANCE, axes: str = "") -> None:
    """
    Raises:
        Wrong: where a number differs by more than the tolerance; `then` says what to look at, `axes` what the axes are.
    """
    right = np.asarray(expected, np.float64)
    got = numbers(what, came, right.shape, axes)
    off = _off(got, right, tolerance)
    if off.any():
        count = f" ({off.sum()} of {off.size} numbers are off)" if off.size > 1 else ""
        raise Wrong(f"{_first(what, got, right, off)}{count}. {then}".strip())


def by_step(
    what: str,
    came: Any,
    expected: Any,
    at_once: str = "",
    later: str = "",
    backward: bool = True,
    tolerance: float = TOLERANCE,
    axes: str = "",
) -> None:
    """Arrays whose first axis is time, computed from the last step to the first, or the other way round.

    Raises:
        Wrong: saying up to which step they agree; `at_once` is the advice where already the step that was computed
            first is off, `later` where one behind it is; `axes` says what the axes are.
    """
    right = np.asarray(expected, np.float64)
    got = numbers(what, came, right.shape, axes)
    off = _off(got, right, tolerance)
    steps = np.flatnonzero(off.reshape(len(off), -1).any(axis=1))
    if not len(steps):
        return
    t = int(steps[-1] if backward else steps[0])
    first, passed, before = (len(right) - 1, "last", t + 1) if backward else (0, "first", t - 1)
    told = _first(what, got[t], right[t], off[t], (t,))
    if t == first:
        raise Wrong(f"{what} is off already at the {passed} step. {told}. {at_once}".strip())
    agree = f"at the {passed} step" if before == first else f"from the {passed} step to step {before}"
    raise Wrong(f"{what} agrees {agree}, and is off from step {t} on. {told}. {later}".strip())


def advice(came: Any, others: Mapping[str, Any], otherwise: str) -> str:
    """The advice whose mistake gives exactly what came, `otherwise` where none does."""
    for then, other in others.items():
        if np.shape(came) == np.shape(other) and np.allclose(came, other, rtol=TOLERANCE, atol=TOLERANCE):
            return then
    return otherwise
