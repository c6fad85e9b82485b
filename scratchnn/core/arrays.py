"""A user's numbers as arrays, converted once and with nothing lost on the way: what is checked is what kernels read.

NumPy converts almost anything without a word: it drops the imaginary part and the mask of a masked array, reads numbers
out of strings and dates, and lets 2**31 + 5 wrap around to another number.
"""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array

Masked = np.ma.MaskedArray
_TEXT = ": encode words with a Vocabulary, and number the names of classes from 0 on"


def as_numbers(what: str, value: Any) -> Array:
    """The value as a plain array of real numbers, in whatever memory layout; `what` names it in errors.

    Raises:
        ValueError: for lists of different lengths, masked values, and what holds no real numbers.
    """
    if type(value) is not np.ndarray:
        _refuse_masked(what, value)
        value = _plain_array(what, value)
    if value.dtype.kind not in "iufb":
        raise ValueError(f"{what} must be an array of numbers, got dtype {value.dtype}{_hint(value)}")
    return value


def converted(what: str, value: Any, dtype: DTypeLike) -> Array:
    """The value as a plain array of `dtype`: rounded, where that is a float one, otherwise `narrowed`.

    Raises:
        ValueError: as `as_numbers`, and for numbers that would become infinite.
    """
    array, dtype = as_numbers(what, value), np.dtype(dtype)
    if array.dtype == dtype:
        return array
    if dtype.kind != "f":
        return narrowed(what, array, dtype)
    with np.errstate(over="ignore"):
        new = array.astype(dtype)
    if array.dtype.kind == "f" and array.dtype.itemsize > dtype.itemsize:
        lost = np.isinf(new)
        if lost.any() and (lost := lost & np.isfinite(array)).any():
            raise ValueError(_cannot_hold(what, array, lost, dtype))
    return new


def narrowed(what: str, value: Any, dtype: DTypeLike) -> Array:
    """The value as a plain array of `dtype` with equal numbers: nothing wraps around, loses a fraction or a digit.

    Only fractions in a float `dtype` are rounded, as they must be.

    Raises:
        ValueError: as `as_numbers`, and naming the first number that the dtype cannot hold, and where it is.
    """
    array, dtype = as_numbers(what, value), np.dtype(dtype)
    if array.dtype == dtype:
        return array
    if dtype.kind == "f" and array.dtype.kind == "f":
        return converted(what, array, dtype)
    if dtype.kind in "iu" and array.dtype.kind in "iub":
        lost = (new := array.astype(dtype)) != array
        if lost.any():
            raise ValueError(_cannot_hold(what, array, lost, dtype))
        return new
    with np.errstate(invalid="ignore", over="ignore"):
        new = array.astype(dtype)
        # Twice, because NumPy compares whole numbers with floats as floats.
        lost = (new != array) | (new.astype(array.dtype) != array)
    if lost.any():
        raise ValueError(_cannot_hold(what, array, lost, dtype))
    return new


def is_complex(a: Any) -> bool:
    """Whether a is an array of complex numbers, which only gradients/complex_step.py makes."""
    return isinstance(a, np.ndarray) and a.dtype.kind == "c"


def real_part(a: Any) -> Any:
    """What to branch on, or to take the largest of, where derivatives are to pass: of real numbers, a itself."""
    return a.real if is_complex(a) else a


def require_finite(what: str, array: Array) -> None:
    """Raise ValueError naming the first number that is NaN or infinite, and where it is."""
    wrong = ~np.isfinite(array)
    if wrong.any():
        place, where = _first(wrong)
        raise ValueError(f"{what} must hold finite numbers, got {array[place]} {where}".rstrip())


def _plain_array(what: str, value: Any) -> Array:
    if comes_in_parts(value):
        raise ValueError(
            f"{what} must be an array or equally long lists, got a {type(value).__name__}: only fit, evaluate and "
            "predict take batches, as x alone; put these into one array first, with np.stack or np.concatenate"
        )
    if isinstance(value, Mapping):
        raise ValueError(f"{what} must be one array, got a dict with the keys {list(value)}: give the array itself")
    if callable(value) and not hasattr(value, "__array__"):
        name = getattr(value, "__name__", type(value).__name__)
        raise ValueError(f"{what} must be an array, got {name} itself: call it, {name}(...)")
    if hasattr(value, "toarray"):
        raise ValueError(f"{what} must be an array, got a sparse {type(value).__name__}: give {what}.toarray()")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{what} must be an array or equally long lists ({error}); use pad_sequences") from error


def comes_in_parts(value: Any) -> bool:
    """Whether it is a generator, or an object that gives batches, such as a PyDataset or PyTorch's DataLoader."""
    if isinstance(value, Sequence | Mapping | Set | type):
        return False
    if any(hasattr(value, name) for name in ("__array__", "__array_interface__", "toarray")):
        return False
    try:
        memoryview(value)
    except TypeError:
        return hasattr(value, "__iter__") or hasattr(value, "__getitem__")
    return False


def _refuse_masked(what: str, value: Any) -> None:
    """The mask of an array, or of one in a list, would be lost without a word."""
    nested = isinstance(value, list | tuple) and value and not isinstance(value[0], int | float)
    for each in value if nested else (value,):
        if isinstance(each, Masked) and np.ma.is_masked(each):
            raise ValueError(
                f"{what} must be a plain array, got a masked array with {int(np.ma.count_masked(each))} masked values, "
                "whose mask would be lost: fill it with filled(0), and give a recurrent layer the mask as mask="
            )


def _hint(array: Array) -> str:
    """What to do about an array that holds no real numbers."""
    if array.dtype.kind in "US":
        return f", which is text{_TEXT}"
    if array.dtype.kind == "c":
        return ": give its real and its imaginary part as two features"
    if array.dtype.kind in "mM":
        return ": turn times into numbers first, such as days since the first one"
    if array.dtype.kind != "O":
        return ""
    if array.ndim == 0:
        return f", a {type(array.item()).__name__}"
    others = [each for each in array.flat if not isinstance(each, int | float | np.number | np.bool_)]
    if not others:
        return ", numbers without a common type: choose one, with astype('float32')"
    if isinstance(others[0], list | tuple | np.ndarray):
        return ", lists in an array: np.stack makes one array of equally long ones, pad_sequences of others"
    if array.ndim == 1 and isinstance(others[0], str):
        return f", which is text{_TEXT}"
    return f", which holds {others[0]!r}: leave such columns out, or turn them into numbers"


def _cannot_hold(what: str, array: Array, lost: Array, dtype: np.dtype) -> str:
    """The message about the first number that is lost."""
    place, where = _first(lost)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        why = f"whole numbers from {limits.min} to {limits.max}"
    elif dtype.kind == "b":
        why = "0 and 1"
    elif array.dtype.kind == "f":
        why = f"numbers up to {np.finfo(dtype).max:.2g}"
    else:
        why = f"whole numbers up to 2**{np.finfo(dtype).nmant + 1}"
    return f"{what} holds {array[place]} {where}".rstrip() + f", but is to be {dtype}, which holds {why}"


def _first(chosen: Array) -> tuple[tuple[int, ...], str]:
    """The place of the first True, and words for it."""
    place = tuple(int(n) for n in np.argwhere(chosen)[0])
    return place, {0: "", 1: "at {}", 2: "in row {}, column {}"}.get(len(place), f"at {place}").format(*place)
