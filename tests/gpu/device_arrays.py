"""Arrays that behave as CuPy's do towards NumPy: they refuse to be mixed with arrays of the host.

Their numbers lie in the host's memory all the same, for the emulated kernels. Only what our modules use is here, with
the arguments that CuPy takes.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np


class DeviceArray(np.ndarray):
    """An array of the emulated device."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple = (), **options: Any) -> Any:
        given = [_inside(each) for each in inputs]
        if out:
            options["out"] = tuple(_inside(each) for each in out)
        result = getattr(ufunc, method)(*given, **options)
        return out[0] if out else np.asarray(result).view(DeviceArray)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        raise TypeError(f"np.{function.__name__} of an array on the device")

    def __setitem__(self, place: Any, value: Any) -> None:
        super().view(np.ndarray)[place] = _inside(value)


def _inside(value: Any) -> Any:
    """The numbers of an array of the device, or a scalar.

    Raises:
        TypeError: for an array of the host, as CuPy does.
    """
    if isinstance(value, DeviceArray):
        return value.view(np.ndarray)
    if isinstance(value, np.ndarray):
        raise TypeError("an array of the host meets one of the device")
    return value


def _argsort(a: DeviceArray, kind: str | None = None) -> DeviceArray:
    assert kind in (None, "stable"), "CuPy knows no other"
    return np.argsort(_inside(a), kind="stable").view(DeviceArray)


xp = SimpleNamespace(
    asarray=lambda value: np.array(value).view(DeviceArray),
    asnumpy=lambda array: np.array(_inside(array)),
    ascontiguousarray=lambda array: np.ascontiguousarray(_inside(array)).view(DeviceArray),
    zeros=lambda shape, dtype: np.zeros(shape, dtype).view(DeviceArray),
    arange=lambda stop: np.arange(stop).view(DeviceArray),
    argsort=_argsort,
    searchsorted=lambda a, v: np.searchsorted(_inside(a), _inside(v)).view(DeviceArray),
    exp=np.exp,
    tanh=np.tanh,
)
