"""The derivative of a smooth function to the last digits, by a step into the complex plane.

    (1)  dy/dv = Im y(v + ih) / h + O(h²)        y real where v is, h = 1e-30

Nothing is subtracted, so nothing is lost to rounding however small h is, and h² is nothing. Forward must compute with
complex numbers for it. The reference kernels do, since they are plain array code; so a layer of any backend gets a
`twin`, the same layer over complex numbers on the reference backend.

Where forward branches on a number (relu, a maximum, |x|) there may be a kink, which (1) would pass by without a word.
`Traced` arrays notice the branch, and central differences, which see kinks, are taken instead. Activations that branch
between two formulas of one smooth function look at the real part, which is no such branch. `Branching` arrays allow
branches, for models with thousands of kinks: away from a kink, whichever side is taken has the right derivative.

Source: Squire and Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions", SIAM Review 40(1), 1998.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels import reference
from scratchnn_kernels.contract import Array

from scratchnn.core.backend import Backend
from scratchnn.layers.base import Layer

STEP = 1e-30
FOLDING = ("absolute", "sign")  # they leave no imaginary part, or another one
BRANCHES = (
    *FOLDING,
    *("maximum", "minimum", "fmax", "fmin", "clip"),
    *("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"),
)


class NotSmooth(Exception):
    """Forward looked at the size of a number, so there may be a kink."""


class Traced(np.ndarray):
    """An array in which a branch on complex numbers raises `NotSmooth`, and so in all that is computed from it."""

    refused = BRANCHES

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **settings: Any) -> Any:
        if ufunc.__name__ in self.refused and any(map(np.iscomplexobj, inputs)):
            raise NotSmooth(ufunc.__name__)
        if out is not None:
            settings["out"] = tuple(map(_plain, out))
        result = getattr(ufunc, method)(*map(_plain, inputs), **settings)
        return out[0] if out is not None else _traced(result, type(self))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _traced(super().__array_function__(function, types, args, kwargs), type(self))


class Branching(Traced):
    """The same, and branches are allowed: NumPy compares complex numbers by their real parts first."""

    refused = FOLDING


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Traced) else value


def _traced(value: Any, kind: type[Traced]) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_traced(each, kind) for each in value)
    return value.view(kind) if isinstance(value, np.ndarray) else value


class ComplexReference(Backend):
    """The reference kernels on complex numbers, wherever a layer asks for real ones."""

    kind: type[Traced]

    def __init__(self, kind: type[Traced]) -> None:
        super().__init__("reference", reference)
        object.__setattr__(self, "kind", kind)

    def array(self, x: Any, dtype: DTypeLike, what: str = "x") -> Array:
        if np.dtype(dtype).kind != "f":
            return super().array(x, dtype, what)
        return np.require(x, np.complex128, ["C", "W"]).view(self.kind)

    def is_device_array(self, x: Any) -> bool:
        """Numbers that were real, and checked, when they came."""
        return isinstance(x, Traced)


def twin(layer: Layer, seed: int = 0, kind: type[Traced] = Traced) -> Layer:
    """The same layer with the same parameters, over complex numbers."""
    other = layer.clone()
    other.build(layer.input_shape, backend=ComplexReference(kind), dtype=np.float64, seed=seed)
    for name, param in other.params.items():
        param[...] = layer.backend.to_host(layer.params[name])
    return other


@contextmanager
def strict() -> Iterator[None]:
    """Meanwhile, a lost imaginary part is an error, and no other warning is given a second time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        yield


def derivative_of(array: Array, outputs: Callable[[], list[Array]], dys: list[Array]) -> Array:
    """The derivative of sum dy ⊙ y with respect to every number of `array`, a complex one.

    `outputs()` computes the y's from `array`, which is changed in place, one number at a time, and left as it was.
    """
    derivative, dy = np.zeros(array.shape), np.concatenate([dy.ravel() for dy in dys])
    for index in np.ndindex(array.shape):
        v = array[index]
        array[index] = v + 1j * STEP
        derivative[index] = dy @ np.imag(np.concatenate([np.ravel(_plain(y)) for y in outputs()])) / STEP  # (1)
        array[index] = v
    return derivative
