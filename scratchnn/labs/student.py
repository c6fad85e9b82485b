"""A student's file: it is run, cell by cell, and its functions are called. Nothing else of the student's is touched.

The file is run on purpose, with all that it may do on this machine: check your own files only, and grade those of
others where programs of theirs may run.
"""

import contextlib
import copy
import dis
import io
import json
import linecache
import os
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np

CELL = "# %%"
MEASURE = f"{CELL} measure"  # a cell that is for the student alone, because it takes long
OF_NOTHING = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}  # what a body such as `...` or `pass` does


class Open(Exception):
    """A hole is not filled yet."""


class Wrong(Exception):
    """What was expected, what came, and what to do next."""


def cells_of(source: str) -> list[tuple[int, str]]:
    """The cells of a script, each with the number of its first line, from 0."""
    cells: list[tuple[int, list[str]]] = [(0, [])]
    for number, line in enumerate(source.splitlines(keepends=True)):
        if line.startswith(CELL):
            cells.append((number, []))
        cells[-1][1].append(line)
    return [(start, "".join(lines)) for start, lines in cells if lines]


def source_of(path: Path) -> str:
    """The script of a file; of a notebook, its cells of code.

    Raises:
        ValueError: if it is not text, or no notebook.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".ipynb":
            return text
        cells = json.loads(text)["cells"]
        return "".join(
            f"{MEASURE if 'measure' in cell['metadata'].get('tags', ()) else CELL}\n{''.join(cell['source'])}\n"
            for cell in cells
            if cell["cell_type"] == "code"
        )
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read as a {'notebook' if path.suffix == '.ipynb' else 'script'}") from error


def line_of(path: Path, number: int) -> str:
    """A line of a file's script, in words; of a notebook, the line of a cell."""
    if path.suffix != ".ipynb":
        return f"{path}, line {number}"
    cells = enumerate(cells_of(source_of(path)), 1)
    start, cell = max((start, i) for i, (start, _) in cells if start < number)
    return f"{path}, cell of code {cell}, line {number - start - 1}"


class Student:
    """The names of a file, after its cells were run: one that meets an open hole or an error ends there, and those that
    only measure are left out."""

    def __init__(self, path: Path) -> None:
        self.path, self.source = path, source_of(path)
        self.names: dict[str, Any] = {"__name__": "__lab__", "__file__": os.fspath(path)}
        self.error: str | None = None  # of the first cell that broke off, an open hole apart
        self.unreadable: str | None = None  # the first cell that is no Python: what it should define is missing
        # A traceback shows lines as they were when the file was read.
        linecache.cache[os.fspath(path)] = (len(self.source), None, self.source.splitlines(True), os.fspath(path))
        for start, text in cells_of(self.source):
            if not text.startswith(MEASURE):
                self._run("\n" * start + text)

    def _run(self, text: str) -> None:
        try:
            with quiet():
                exec(compile(text, os.fspath(self.path), "exec"), self.names)
        except NotImplementedError:
            return
        except (Exception, SystemExit) as error:
            self.error = self.error or self.place(error)
            if isinstance(error, SyntaxError):
                self.unreadable = self.unreadable or self.place(error)

    def call(self, name: str, *arguments: Any) -> Any:
        """What a function of the student's returns; it gets copies of the arguments.

        Raises:
            Open: if it is not written yet.
            Wrong: if it is gone, raises, or returns nothing.
        """
        function = self.names.get(name)
        if not callable(function):
            why = f": {self.error}" if self.error else "; keep its name, the check calls it"
            raise Wrong(f"the file has no function {name}{why}")
        try:
            with quiet():
                result = function(*copy.deepcopy(arguments))
        except NotImplementedError:
            raise Open(name) from None
        except (Exception, SystemExit) as error:
            raise Wrong(self.place(error)) from None
        if result is ... or (result is None and _is_empty(function)):
            raise Open(name)
        if result is None:
            raise Wrong(f"{name} returns nothing (None): is a `return` missing?")
        return result

    def uses(self, name: str) -> set[str]:
        """The functions of the file that a function of it calls, and those that these call."""
        found: set[str] = set()
        todo = [name]
        while todo:
            function = self.names.get(todo.pop())
            if isinstance(function, FunctionType) and function.__code__.co_filename == os.fspath(self.path):
                new = _names(function.__code__) & self.names.keys() - found
                found |= new
                todo += new
        return found

    def number(self, name: str) -> Any:
        """A number of the text.

        Raises:
            Wrong: if it is none any more.
        """
        value = self.names.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise Wrong(f"the file must keep its line {name} = ... with a number, and has {name} = {value!r}")
        return value

    def place(self, error: BaseException) -> str:
        """An error as the line of the student's file in which it arose."""
        told = " ".join(traceback.format_exception_only(error)[-1].split())
        if isinstance(error, SyntaxError) and error.filename == os.fspath(self.path):
            return f"{line_of(self.path, error.lineno or 1)}: {(error.text or '').strip()}  ->  {told}"
        frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == os.fspath(self.path)]
        if not frames:
            return told
        where = "" if frames[-1].name.startswith("<") else f", in {frames[-1].name}"
        return f"{line_of(self.path, frames[-1].lineno or 1)}{where}: {frames[-1].line}  ->  {told}"


def _is_empty(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and {each.opname for each in dis.get_instructions(code)} <= OF_NOTHING


def _names(code: CodeType) -> set[str]:
    """What a function looks up outside of itself, the functions within it too."""
    within = [_names(each) for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*within)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What a student's code prints and draws is for when he runs it himself."""
    os.environ["MPLBACKEND"] = "agg"  # a window would wait to be closed
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
