"""The imitation of CuPy's arrays against CuPy itself, where it can be imported: that needs no device.

Names, arguments and the types that its functions are compiled for. What they compute needs a device: test_device.py.
"""

import importlib
import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.gpu import availability, device
from scratchnn_kernels.gpu.device import Defines

from tests.gpu.device_arrays import UFUNCS, DeviceArray, xp


def imported() -> Any:
    """CuPy, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no CUDA here
        try:
            return importlib.import_module("cupy")
        except (ImportError, OSError):
            return None


CUPY = imported()
pytestmark = pytest.mark.skipif(CUPY is None, reason="needs CuPy (no device): pip install cupy-cuda13x")

FUNCTIONS = sorted(name for name, own in vars(xp).items() if inspect.isfunction(own))  # the others are NumPy's ufuncs
OURS_ALONE = {"numbers"}  # where the imitation keeps its numbers
METHODS = sorted(name for name in vars(DeviceArray) if not name.startswith("_") and name not in OURS_ALONE)
NOT_OF_ARRAYS = {"asarray", "asnumpy", "ascontiguousarray", "zeros", "ones"}  # called as CuPy's, never as NumPy's


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Names, kinds and defaults; of a compiled method from the first line of its description."""
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:
        line = (function.__doc__ or "").splitlines()[0].replace("\\", "")
        arguments = re.search(r"\((.*)\)", line)
        assert arguments, line
        plain = re.sub(r"\b(Py_ssize_t|int|bint|str) (?=\w)", "", arguments[1])
        namespace: dict[str, Any] = {}
        exec(f"def described({plain}): ...", namespace)
        return list(inspect.signature(namespace["described"]).parameters.values())


def assert_takes(theirs: Callable[..., Any], ours: Callable[..., Any], is_method: bool = False) -> None:
    """Whatever can be given to ours can be given to theirs, in the same place; what is left out is the same."""
    theirs_all, ours_all = parameters_of(theirs), parameters_of(ours)
    if is_method:
        theirs_all, ours_all = theirs_all[theirs_all[0].name == "self" :], ours_all[1:]
    by_name = {parameter.name: parameter for parameter in theirs_all}
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in theirs_all)
    for place, parameter in enumerate(ours_all):
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            assert takes_any or parameter.name in by_name, parameter
        elif parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
            assert theirs_all[place].name == parameter.name, f"{place}: {theirs_all[place]}, ours {parameter}"
        else:
            assert theirs_all[place].kind is parameter.kind, parameter
        if parameter.name in by_name and parameter.default is not inspect.Parameter.empty:
            assert by_name[parameter.name].default == parameter.default, parameter
    known = {parameter.name for parameter in ours_all}
    for parameter in theirs_all:
        needed = parameter.default is inspect.Parameter.empty
        named = parameter.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        assert parameter.name in known or not (needed and named), f"CuPy needs {parameter}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_what_the_imitation_takes(name: str) -> None:
    assert_takes(getattr(CUPY, name), getattr(xp, name))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_what_the_imitation_takes(name: str) -> None:
    theirs, ours = getattr(CUPY.ndarray, name), inspect.getattr_static(DeviceArray, name)
    if isinstance(ours, property):
        assert not inspect.isroutine(theirs)
    else:
        assert_takes(theirs, ours, is_method=True)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - NOT_OF_ARRAYS))
def test_numpys_function_finds_cupys(name: str) -> None:
    """As `__array_function__` looks for it: by module and name."""
    function = getattr(np, name)
    assert (function.__module__, function.__name__) == ("numpy", name)
    assert getattr(CUPY, name) is not function


@pytest.mark.parametrize("name", sorted(UFUNCS))
def test_numpys_ufunc_finds_cupys(name: str) -> None:
    """By name; and for the types that we give it, CuPy has a loop that gives what NumPy's gives."""
    ours, theirs = getattr(np, name), getattr(CUPY, name)
    assert ours.__name__ == name
    if name == "matmul":
        return  # a function around products of cuBLAS'
    types = {kind: result for kind, result in (loop.split("->") for loop in theirs.types)}
    for kind in "?" if name in ("bitwise_and", "invert") else "fd":
        given = kind * ours.nin
        expected = ours.resolve_dtypes((*(np.dtype(kind),) * ours.nin, None))[-1]
        assert types[given] == expected.char, given


def test_special_methods_are_there() -> None:
    names = [name for name in vars(DeviceArray) if name.startswith("__") and callable(vars(DeviceArray)[name])]
    names += [
        "__add__",
        "__radd__",
        "__iadd__",
        "__imul__",
        "__matmul__",
        "__rtruediv__",
        "__pow__",
        "__and__",
        "__gt__",
    ]
    assert [name for name in names if not hasattr(CUPY.ndarray, name)] == []


def test_what_is_asked_of_cupy_besides_arrays_is_there() -> None:
    """By device.py, availability.py and benchmarks/gpu.py."""
    assert issubclass(CUPY.cuda.memory.OutOfMemoryError, MemoryError)
    assert issubclass(CUPY.cuda.runtime.CUDARuntimeError, RuntimeError)
    assert issubclass(CUPY.cuda.driver.CUDADriverError, RuntimeError)
    assert CUPY.cuda.runtime.is_hip in (False, True)
    names = "driverGetVersion runtimeGetVersion getDeviceCount getDeviceProperties memGetInfo"
    assert all(callable(getattr(CUPY.cuda.runtime, name)) for name in names.split())
    assert all(hasattr(CUPY.cuda.Device, name) for name in ("id", "compute_capability"))
    assert all(callable(getattr(CUPY.cuda, name)) for name in ("Event", "get_elapsed_time"))
    assert all(hasattr(CUPY.cuda.Event, name) for name in ("record", "synchronize"))
    assert callable(CUPY.get_default_memory_pool) and hasattr(CUPY.cuda.MemoryPool, "free_bytes")
    assert callable(CUPY.cuda.nvrtc.getVersion)


def test_a_program_is_taken_as_we_give_it() -> None:
    """CuPy types these arguments, and compiles at the first launch only."""
    defines: Defines = {"REAL": "float", "H": 3}
    module = CUPY.RawModule(code=device.source("lstm.cu"), options=device.options(defines))
    assert callable(module.get_function)
    empty = parameters_of(CUPY.empty)
    assert [parameter.name for parameter in empty[:2]] == ["shape", "dtype"]


def test_what_is_missing_here_is_told_in_words() -> None:
    """Whatever this machine has: a problem is a sentence, never an error of CuPy's."""
    problem = availability.problem()
    assert problem is None or problem.startswith("needs ")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a, width: None,  # another name
        lambda array, pad_width, mode="edge": None,  # another default
        lambda pad_width, array: None,  # another order
        lambda array: None,  # one too few
    ],
)
def test_a_difference_is_seen(wrong: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError):
        assert_takes(CUPY.pad, wrong)
