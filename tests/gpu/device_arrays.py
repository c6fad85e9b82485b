"""Arrays that behave as CuPy's do: they are no NumPy arrays, and refuse to be mixed with arrays of the host.

Their numbers lie in the host's memory all the same, for the emulated kernels. Only what our modules use is here, with
the arguments that CuPy (14) takes, which test_cupy_agrees.py holds against CuPy itself. NumPy's functions reach it as
they reach CuPy: a ufunc by a plain call, never by `reduce` or `accumulate`; another function if CuPy has one of that
name. Where CuPy allows less than NumPy, so does this. Every launch and every transfer is counted.
"""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np

counts: Counter[str] = Counter()  # "operations" on the device, arrays "sent" to it, numbers "read" from it

UFUNCS = frozenset(
    """absolute add bitwise_and cbrt divide equal exp expm1 floor fmax greater greater_equal invert isfinite less
    less_equal log log1p matmul maximum minimum multiply negative not_equal power sign sqrt square subtract
    tanh""".split()
)
MOST_COPIED_ONE_BY_ONE = 8  # arrays that concatenate copies with a launch each; more take one, and lists of addresses


class DeviceArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of the emulated device."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = np.asarray(numbers)
        if self.numbers.dtype.kind not in "biuf":
            raise ValueError(f"Unsupported dtype {self.numbers.dtype}")

    # ---- what NumPy asks of an array that is not its own

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use .get()")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple = (), **options: Any) -> Any:
        if method != "__call__" or ufunc.__name__ not in UFUNCS or not set(options) <= {"dtype", "casting"}:
            return NotImplemented
        if not all(isinstance(each, DeviceArray | np.ndarray | np.generic | int | float) for each in inputs):
            return NotImplemented
        result = _operation(ufunc, *inputs, **options)
        if ufunc is np.matmul and result.size == 1:
            counts["operations"] += 1  # no product of cuBLAS', but a multiplication and a sum
        return _into(out[0], result) if out else result

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        ours = vars(xp).get(function.__name__)
        return NotImplemented if ours is None else ours(*arguments, **options)

    # ---- shape

    shape = property(lambda self: self.numbers.shape)
    dtype = property(lambda self: self.numbers.dtype)
    ndim = property(lambda self: self.numbers.ndim)
    size = property(lambda self: self.numbers.size)
    nbytes = property(lambda self: self.numbers.nbytes)
    itemsize = property(lambda self: self.numbers.itemsize)
    strides = property(lambda self: self.numbers.strides)
    T = property(lambda self: DeviceArray(self.numbers.T))

    @property
    def flags(self) -> SimpleNamespace:
        flags = self.numbers.flags
        return SimpleNamespace(c_contiguous=flags.c_contiguous, f_contiguous=flags.f_contiguous)

    def __len__(self) -> int:
        return len(self.numbers)

    def reshape(self, *shape: Any) -> "DeviceArray":
        return DeviceArray(self.numbers.reshape(*shape))

    def swapaxes(self, axis1: int, axis2: int) -> "DeviceArray":
        return DeviceArray(self.numbers.swapaxes(axis1, axis2))

    def transpose(self, *axes: int) -> "DeviceArray":
        return DeviceArray(self.numbers.transpose(*axes))

    def ravel(self) -> "DeviceArray":
        return DeviceArray(self.numbers.ravel())

    def __getitem__(self, place: Any) -> "DeviceArray":
        counts["operations"] += isinstance(place, DeviceArray)  # which gathers; all else is a view
        place = _index(place)
        places = place if isinstance(place, tuple) else (place,)
        # A single number is a view of the array as well, and no number of Python's.
        whole = places if any(each is ... for each in places) else (*places, ...)
        return DeviceArray(self.numbers[whole])

    def __setitem__(self, place: Any, value: Any) -> None:
        counts["operations"] += 1
        self.numbers[_index(place)] = _inside(value)

    # ---- copies and sums, which stay on the device

    def copy(self) -> "DeviceArray":
        return _operation(lambda numbers: numbers.copy(), self)

    def astype(self, dtype: Any, *, copy: bool = True) -> "DeviceArray":
        return _operation(lambda numbers: numbers.astype(dtype, copy=copy), self)

    def sum(self, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> "DeviceArray":
        return _operation(lambda numbers: numbers.sum(axis, dtype, keepdims=keepdims), self)

    def max(self, axis: Any = None, *, keepdims: bool = False) -> "DeviceArray":
        return _operation(lambda numbers: numbers.max(axis, keepdims=keepdims), self)

    def cumsum(self, axis: Any = None, dtype: Any = None) -> "DeviceArray":
        return _operation(lambda numbers: numbers.cumsum(axis, dtype), self)

    def argmax(self, axis: Any = None) -> "DeviceArray":
        return _operation(lambda numbers: numbers.argmax(axis), self)

    def all(self, axis: Any = None) -> "DeviceArray":
        return _operation(lambda numbers: numbers.all(axis), self)

    def any(self, axis: Any = None) -> "DeviceArray":
        return _operation(lambda numbers: numbers.any(axis), self)

    # ---- what waits for the device

    def get(self) -> np.ndarray:
        counts["read"] += 1
        return np.array(self.numbers)

    def __float__(self) -> float:
        return float(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __bool__(self) -> bool:
        return bool(self.get())

    def __repr__(self) -> str:
        return f"DeviceArray({self.numbers!r})"


def _inside(value: Any) -> Any:
    """The numbers of an array of the device, or a scalar.

    Raises:
        TypeError: for an array of the host, as CuPy does.
    """
    if isinstance(value, DeviceArray):
        return value.numbers
    if isinstance(value, np.ndarray):
        raise TypeError("an array of the host meets one of the device")
    return value


def _index(place: Any) -> Any:
    return tuple(map(_inside, place)) if isinstance(place, tuple) else _inside(place)


def _operation(function: Any, *arguments: Any, **options: Any) -> DeviceArray:
    counts["operations"] += 1
    return DeviceArray(function(*map(_inside, arguments), **options))


def _of_device(*arrays: Any) -> None:
    """Raise TypeError unless all are arrays of the device: where CuPy takes no number and nothing of the host."""
    if wrong := [type(array).__name__ for array in arrays if not isinstance(array, DeviceArray)]:
        raise TypeError(f"CuPy takes arrays of the device here, got {', '.join(wrong)}")


def _into(out: Any, result: DeviceArray) -> DeviceArray:
    """`result`, written to `out`, which must have its shape and may not be of a lesser kind."""
    _of_device(out)
    if out.shape != result.shape:
        raise ValueError("Out shape is mismatched")
    if not np.can_cast(result.dtype, out.dtype, "same_kind"):
        raise TypeError(f"cannot cast {result.dtype} to {out.dtype}")
    out.numbers[...] = result.numbers
    return out


def _asarray(a: Any, dtype: Any = None) -> DeviceArray:
    if isinstance(a, DeviceArray):
        return a if dtype is None or a.dtype == dtype else a.astype(dtype)
    counts["sent"] += 1
    return DeviceArray(np.array(a, dtype))


def _asnumpy(a: Any) -> np.ndarray:
    return a.get() if isinstance(a, DeviceArray) else np.asarray(a)


def _zeros(shape: Any, dtype: Any = float) -> DeviceArray:
    return _operation(lambda: np.zeros(shape, dtype))


def _ones(shape: Any, dtype: Any = float) -> DeviceArray:
    return _operation(lambda: np.ones(shape, dtype))


def _zeros_like(a: Any, dtype: Any = None) -> DeviceArray:
    _of_device(a)
    return _operation(lambda numbers: np.zeros_like(numbers, dtype), a)


def _ones_like(a: Any, dtype: Any = None) -> DeviceArray:
    _of_device(a)
    return _operation(lambda numbers: np.ones_like(numbers, dtype), a)


def _empty_like(prototype: Any, dtype: Any = None) -> DeviceArray:
    _of_device(prototype)
    return DeviceArray(np.empty_like(prototype.numbers, dtype))


def _shape(a: Any) -> tuple[int, ...]:
    return a.shape


def _where(condition: Any, x: Any, y: Any) -> DeviceArray:
    _of_device(condition)
    return _operation(np.where, condition, x, y)


def _count_nonzero(a: Any, axis: Any = None) -> DeviceArray:
    _of_device(a)
    return _operation(lambda numbers: np.count_nonzero(numbers, axis), a)


def _stack(tup: Any, axis: int = 0) -> DeviceArray:
    _of_device(*tup)
    return _count_joined(tup, DeviceArray(np.stack([each.numbers for each in tup], axis)))


def _concatenate(tup: Any, axis: int = 0, out: Any = None) -> DeviceArray:
    _of_device(*tup)
    joined = _count_joined(tup, DeviceArray(np.concatenate([each.numbers for each in tup], axis)))
    return joined if out is None else _into(out, joined)


def _count_joined(parts: Any, joined: DeviceArray) -> DeviceArray:
    """Many parts take one launch, and lists of what they are, which are sent."""
    many = len(parts) > MOST_COPIED_ONE_BY_ONE
    counts["operations"] += 1 if many else len(parts)
    if many:
        counts["sent"] += 1 if len({part.shape for part in parts}) == 1 else 3
    return joined


def _clip(a: Any, a_min: Any, a_max: Any, out: Any = None) -> DeviceArray:
    _of_device(a)
    result = _operation(np.clip, a, a_min, a_max)
    return result if out is None else _into(out, result)


def _copyto(dst: Any, src: Any) -> None:
    _of_device(dst, src)
    counts["operations"] += 1
    np.copyto(dst.numbers, src.numbers)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[DeviceArray]:
    _of_device(ary)
    return [DeviceArray(part) for part in np.split(ary.numbers, indices_or_sections, axis)]


def _pad(array: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> DeviceArray:
    _of_device(array)
    return _operation(lambda numbers: np.pad(numbers, pad_width, mode, constant_values=constant_values), array)


def _repeat(a: Any, repeats: int, axis: Any = None) -> DeviceArray:
    _of_device(a)
    return _operation(lambda numbers: np.repeat(numbers, repeats, axis), a)


def _ascontiguousarray(a: Any, dtype: Any = None) -> DeviceArray:
    _of_device(a)
    a = _asarray(a, dtype)
    a = a if a.flags.c_contiguous else a.copy()
    return a.reshape(1) if a.ndim == 0 else a


xp = SimpleNamespace(
    ndarray=DeviceArray,
    asarray=_asarray,
    asnumpy=_asnumpy,
    ascontiguousarray=_ascontiguousarray,
    zeros=_zeros,
    ones=_ones,
    zeros_like=_zeros_like,
    ones_like=_ones_like,
    empty_like=_empty_like,
    shape=_shape,
    where=_where,
    count_nonzero=_count_nonzero,
    stack=_stack,
    concatenate=_concatenate,
    split=_split,
    pad=_pad,
    repeat=_repeat,
    clip=_clip,
    copyto=_copyto,
    exp=np.exp,
    tanh=np.tanh,
)
