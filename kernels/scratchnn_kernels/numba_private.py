"""What is used of Numba beyond its documented names: here alone, each looked up once.

Another version of Numba may lack one of them. What rests on it is then off, which is said once, and kernels run without
it, by public calls: slower, and with the same numbers.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numba
from numba.core import config as numba_config

config: Any = numba_config  # its names are created at import, which type checkers cannot see

T = TypeVar("T")


class Storing(NamedTuple):
    """What keeps compiled code in files."""

    reduce: Callable[[Any], tuple]  # the result of a compilation as plain data,
    rebuild: Callable[..., Any]  # and the other way round
    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]  # runs what the bytes say


@cache
def storing() -> Storing | None:
    def names() -> Storing:
        from numba.core.compiler import CompileResult
        from numba.core.serialize import dumps, loads

        if not hasattr(numba.njit(lambda: None), "_cache"):
            raise AttributeError("a dispatcher has no attribute '_cache'")
        return Storing(CompileResult._reduce, CompileResult._rebuild, dumps, loads)

    return _found(names, "compiled kernels cannot be stored; they are compiled again in every process")


def store_in(dispatcher: Any, store: Any) -> None:
    """Let a compiled function look for code in `store`, and give it what it compiles."""
    dispatcher._cache = store


def store_of(dispatcher: Any) -> Any:
    return getattr(dispatcher, "_cache", None)


def can_be_stored(compiled: Any) -> bool:
    """Whether the result of a compilation holds no address of this process."""
    return not compiled.lifted and not compiled.library.has_dynamic_globals


class Calling(NamedTuple):
    """What calls compiled code through its address."""

    fingerprint: Callable[[tuple], bytes]  # of the types of arguments, by which Numba itself knows them again
    entry_point: Callable[[Any, tuple], Callable]  # of a function compiled for these types: without Numba's own call
    address: Callable[[Any, tuple], int]  # of the C function that it is
    compile_ir: Callable[[Any, Callable[[Any, Any], Any]], int]  # of what a function adds to a module, see `plan.py`


_kept: list[Any] = []  # libraries whose functions are called by their addresses


@cache
def calling() -> Calling | None:
    def names() -> Calling:
        from numba._dispatcher import compute_fingerprint
        from numba.core import compiler_lock
        from numba.core.codegen import JITCodeLibrary
        from numba.core.compiler import CompileResult
        from numba.core.funcdesc import PythonFunctionDescriptor

        for owner, name in (
            (JITCodeLibrary, "get_pointer_to_function"),
            (CompileResult, "entry_point"),
            (PythonFunctionDescriptor, "llvm_cfunc_wrapper_name"),
            (compiler_lock, "global_compiler_lock"),
        ):
            getattr(owner, name)
        return Calling(compute_fingerprint, entry_point, address, compile_ir)

    def entry_point(dispatcher: Any, types: tuple) -> Callable:
        return dispatcher.overloads[types].entry_point

    def address(dispatcher: Any, types: tuple) -> int:
        compiled = dispatcher.overloads[types]
        return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)

    def compile_ir(dispatcher: Any, build: Callable[[Any, Any], Any]) -> int:
        from numba.core.compiler_lock import global_compiler_lock

        context = dispatcher.targetctx
        with global_compiler_lock:
            library = context.codegen().create_library("entry")
            module = library.create_ir_module("entry")
            name = build(context, module).name
            library.add_ir_module(module)
            library.finalize()
        _kept.append(library)
        return library.get_pointer_to_function(name)

    return _found(names, "kernels run on one thread, and are called more slowly")


@cache
def _listening() -> tuple[type, Callable[[str, Any], AbstractContextManager]] | None:
    def names() -> Any:
        from numba.core.event import Listener, install_listener

        return Listener, install_listener

    return _found(names, "it is not shown which kernel is compiled")


@contextmanager
def listening(to: tuple[str, ...], on_start: Callable[[Any], None], on_end: Callable[[Any], None]) -> Iterator[None]:
    """Meanwhile call these with Numba's events of the given kinds."""
    if (found := _listening()) is None:
        yield
        return
    base, install = found
    listener = type("Listener", (base,), {"on_start": lambda _, e: on_start(e), "on_end": lambda _, e: on_end(e)})()
    with ExitStack() as stack:
        for kind in to:
            stack.enter_context(install(kind, listener))
        yield


def _found(names: Callable[[], T], consequence: str) -> T | None:
    try:
        return names()
    except (ImportError, AttributeError) as error:
        message = f"Numba {numba.__version__} is not known yet ({error}): {consequence}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return None
