"""Faults planted into the library while it runs: a text of its source is replaced, in memory, for one test."""

import importlib
import inspect
from pathlib import Path
from types import CodeType
from typing import Any

import pytest


def plant(module: str, text: str, instead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the functions of a module the code that its source has with the fault in it. All else stays as it is.

    Only code is exchanged: classes, objects and what other modules have imported remain the same ones, so a fault is
    in every path that leads there. Compiled kernels are no functions; they are in Numba's plain Python mode.
    """
    right = importlib.import_module(module)
    path = Path(inspect.getfile(right))
    source = path.read_text(encoding="utf-8")
    assert source.count(text) == 1, f"{text!r} must stand exactly once in {path.name}"
    before = functions_in(compile(source, path.name, "exec", dont_inherit=True))
    after = functions_in(compile(source.replace(text, instead), path.name, "exec", dont_inherit=True))
    assert before.keys() == after.keys(), "a fault is inside of functions, and makes none"
    changed = {name: code for name, code in after.items() if code != before[name]}
    assert changed, f"{instead!r} changes nothing"
    for name, code in changed.items():
        monkeypatch.setattr(function_of(right, name), "__code__", code)


def functions_in(code: CodeType) -> dict[str, CodeType]:
    """The functions and methods of a module's code by their qualified names, without those inside of functions."""
    found = {}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            is_class = not inner.co_flags & inspect.CO_OPTIMIZED
            found |= functions_in(inner) if is_class else {inner.co_qualname: inner}
    return found


def function_of(module: Any, name: str) -> Any:
    """The function itself, under the checks of shapes and types that the test run puts around it."""
    *classes, last = name.split(".")
    owner: Any = module
    for each in classes:
        owner = vars(owner)[each]
    found = vars(owner)[last]
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, staticmethod | classmethod):
        found = found.__func__
    return inspect.unwrap(found)
