"""Arrays that behave as CuPy's do: they are no NumPy arrays, and refuse to be mixed with arrays of the host.

Their numbers lie in the host's memory all the same, for the emulated kernels. Only what our modules use is here, with
the arguments that CuPy (14) takes. NumPy's functions reach it as they reach CuPy: a ufunc by a plain call, never by
`reduce` or `accumulate`; another function if CuPy has one of that name. Every function and every transfer is counted.
"""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np

counts: Counter[str] = Counter()  # "operations" on the device, arrays "sent" to it, numbers "read" from it


class DeviceArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of the emulated device."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = np.asarray(numbers)

    # ---- what NumPy asks of an array that is not its own

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use .get()")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple = (), **options: Any) -> Any:
        if method != "__call__" or not set(options) <= {"dtype", "casting"}:
            return NotImplemented
        result = _operation(ufunc, *inputs, **options)
        if not out:
            return result
        assert out[0].shape == result.shape
        out[0].numbers[...] = result.numbers
        return out[0]

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
    flags = property(lambda self: self.numbers.flags)
    T = property(lambda self: DeviceArray(self.numbers.T))

    def __len__(self) -> int:
        return len(self.numbers)

    def reshape(self, *shape: Any) -> "DeviceArray":
        return DeviceArray(self.numbers.reshape(*shape))

    def swapaxes(self, a: int, b: int) -> "DeviceArray":
        return DeviceArray(self.numbers.swapaxes(a, b))

    def transpose(self, *axes: int) -> "DeviceArray":
        return DeviceArray(self.numbers.transpose(*axes))

    def ravel(self) -> "DeviceArray":
        return DeviceArray(self.numbers.ravel())

    def __getitem__(self, place: Any) -> "DeviceArray":
        counts["operations"] += isinstance(place, DeviceArray)  # which gathers; all else is a view
        return DeviceArray(self.numbers[_index(place)])

    def __setitem__(self, place: Any, value: Any) -> None:
        counts["operations"] += 1
        self.numbers[_index(place)] = _inside(value)

    # ---- copies and sums, which stay on the device

    def copy(self) -> "DeviceArray":
        return _operation(lambda numbers: numbers.copy(), self)

    def astype(self, dtype: Any, copy: bool = True) -> "DeviceArray":
        return _operation(lambda numbers: numbers.astype(dtype, copy=copy), self)

    def sum(self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> "DeviceArray":
        return _operation(lambda numbers: numbers.sum(axis, dtype, keepdims=keepdims), self)

    def max(self, axis: Any = None, out: None = None, keepdims: bool = False) -> "DeviceArray":
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


def _asarray(a: Any, dtype: Any = None) -> DeviceArray:
    if isinstance(a, DeviceArray):
        return a if dtype is None or a.dtype == dtype else a.astype(dtype)
    counts["sent"] += 1
    return DeviceArray(np.array(a, dtype))


def _asnumpy(a: Any) -> np.ndarray:
    return a.get() if isinstance(a, DeviceArray) else np.asarray(a)


def _concatenate(tup: Any, axis: int = 0, out: Any = None) -> DeviceArray:
    joined = _operation(lambda *parts: np.concatenate(parts, axis), *tup)
    if out is None:
        return joined
    assert out.shape == joined.shape
    out.numbers[...] = joined.numbers
    return out


def _clip(a: Any, a_min: Any, a_max: Any, out: Any = None) -> DeviceArray:
    return np.minimum(np.maximum(a, a_min), a_max, out=out)


def _copyto(dst: DeviceArray, src: DeviceArray) -> None:
    dst[...] = src


def _split(ary: DeviceArray, indices_or_sections: Any, axis: int = 0) -> list[DeviceArray]:
    return [DeviceArray(part) for part in np.split(_inside(ary), indices_or_sections, axis)]


def _pad(array: DeviceArray, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> DeviceArray:
    return _operation(lambda numbers: np.pad(numbers, pad_width, mode, constant_values=constant_values), array)


def _ascontiguousarray(a: Any, dtype: Any = None) -> DeviceArray:
    a = _asarray(a, dtype)
    return a if a.flags.c_contiguous else a.copy()


xp = SimpleNamespace(
    ndarray=DeviceArray,
    asarray=_asarray,
    asnumpy=_asnumpy,
    ascontiguousarray=_ascontiguousarray,
    zeros=lambda shape, dtype=float: _operation(lambda: np.zeros(shape, dtype)),
    ones=lambda shape, dtype=float: _operation(lambda: np.ones(shape, dtype)),
    zeros_like=lambda a, dtype=None: _operation(lambda numbers: np.zeros_like(numbers, dtype), a),
    ones_like=lambda a, dtype=None: _operation(lambda numbers: np.ones_like(numbers, dtype), a),
    empty_like=lambda a, dtype=None: DeviceArray(np.empty_like(_inside(a), dtype)),
    where=lambda condition, x, y: _operation(np.where, condition, x, y),
    count_nonzero=lambda a, axis=None: _operation(lambda numbers: np.count_nonzero(numbers, axis), a),
    stack=lambda tup, axis=0: _operation(lambda *parts: np.stack(parts, axis), *tup),
    concatenate=_concatenate,
    split=_split,
    pad=_pad,
    clip=_clip,
    copyto=_copyto,
    exp=np.exp,
    tanh=np.tanh,
)
