"""What stands in the sources under the number of an equation: the equation itself, and the lines that undo it."""

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import NamedTuple

import scratchnn_kernels

KERNELS = {"SimpleRNN": "simple_rnn", "LSTM": "lstm", "GRU": "gru", "Dense": "dense", "Conv1D": "conv1d"}
FOLDER = Path(scratchnn_kernels.__file__).parent
OF_THE_WALK = (1, 2)  # the equations that recurrence.py has, for the three recurrent layers


class Line(NamedTuple):
    path: Path
    number: int
    text: str

    def __str__(self) -> str:
        here = Path.cwd()
        path = self.path.relative_to(here) if self.path.is_relative_to(here) else self.path
        return f"{path}:{self.number}:  {self.text}"


def equation(kind: str, number: int) -> list[str]:
    """The equation as the reference's docstring has it, in one line or two."""
    source = (FOLDER / "reference" / f"{_text(kind, number)}.py").read_text(encoding="utf-8")
    doc = ast.get_docstring(ast.parse(source), clean=False) or ""
    found = re.search(rf"^ +\({number}\)  .*(?:\n {{9,}}\S.*)*", doc, re.MULTILINE)
    return [] if found is None else [line.strip() for line in found[0].splitlines()]


def lines_back(kind: str, backend: str, number: int) -> list[Line]:
    """The lines of the backward pass that carry the number, in the sources of this backend."""
    kernel, folder = KERNELS[kind], FOLDER / backend
    if cuda := sorted(folder.glob(f"{kernel}*.cu")):
        return [line for path in cuda for line in _of_cuda(path, number)]
    shared = folder / f"{_text(kind, number)}.py"  # which the other backends do not have
    return _of_python(shared if shared.exists() else folder / f"{kernel}.py", number)


def _text(kind: str, number: int) -> str:
    is_cell = KERNELS[kind] in ("simple_rnn", "lstm", "gru")
    return "recurrence" if is_cell and number in OF_THE_WALK else KERNELS[kind]


def _of_python(path: Path, number: int) -> list[Line]:
    source = path.read_text(encoding="utf-8")
    comments = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT]
    wanted = {t.start[0] for t in comments if f"({number})" in t.string}
    return _in_backward(path, source.splitlines(), wanted, r"\s*def (\w+)")


def _of_cuda(path: Path, number: int) -> list[Line]:
    lines = path.read_text(encoding="utf-8").splitlines()
    wanted = {i for i, line in enumerate(lines, start=1) if f"({number})" in line.partition("//")[2]}
    return _in_backward(path, lines, wanted, r".*__global__ void\b.*?(\w+)\(")


def _in_backward(path: Path, lines: list[str], wanted: set[int], function: str) -> list[Line]:
    found, inside = [], ""
    for i, line in enumerate(lines, start=1):
        inside = name[1] if (name := re.match(function, line)) else inside
        if "backward" in inside and (i in wanted or _goes_on(found, i, line)):
            found.append(Line(path, i, line.strip()))
    return found


def _goes_on(found: list[Line], i: int, line: str) -> bool:
    """Whether a line without a number calls what the one above it calls, which has one."""
    if not found or found[-1].number != i - 1 or "(" not in line or "#" in line:
        return False
    return line.partition("(")[0].strip() == found[-1].text.partition("(")[0]
