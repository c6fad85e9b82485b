"""Docstrings as they are written: they are plain text, whose equations stand in columns, and no reStructuredText."""

from typing import Any


def as_it_is(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Make a docstring one literal block."""
    if lines and any(line.strip() for line in lines):
        lines[:] = [".. code-block:: text", "", *(f"    {line}" for line in lines), ""]


def without_settings(app: Any, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out class attributes, such as which arguments are checked: they are for those who derive a class."""
    is_name = callable(thing) or isinstance(thing, property | classmethod | staticmethod)
    return None if what == "module" or is_name else True


def setup(app: Any) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", as_it_is)
    app.connect("autodoc-skip-member", without_settings)
    return {"version": "1", "parallel_read_safe": True}
