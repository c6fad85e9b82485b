"""What stands in the sources under the number of an equation: the equation, and its lines in NumPy, Numba and CUDA.

The docstring of a module in kernels/scratchnn_kernels/reference/ numbers its equations, and every line in reference/,
cpu/ and gpu/ that computes one, or undoes it in the backward pass, ends in a comment with that number.
"""

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import NamedTuple

import scratchnn_kernels

KERNELS = Path(scratchnn_kernels.__file__).parent
RECURRENT = ("simple_rnn", "lstm", "gru")  # their equations (1) and (2) are those of the walk through time
WALK = "recurrence"
# Files besides those that are named after the kernel: products and activations that several kernels share.
SHARED = {
    ("reference", "simple_rnn"): ["recurrence.py"],
    ("reference", "lstm"): ["recurrence.py"],
    ("reference", "gru"): ["recurrence.py"],
    ("gpu", "dense"): ["pointwise.cu"],
    ("gpu", "conv1d"): ["pointwise.cu"],
    ("gpu", "max_pooling1d"): ["pooling.cu"],
    ("gpu", "global_max_pooling1d"): ["pooling.cu"],
}


class Line(NamedTuple):
    """One line, or what follows it without a number of its own and calls the same."""

    file: str  # relative to kernels/scratchnn_kernels
    number: int
    text: str
    equations: frozenset[int]
    backward: bool


def equations(kernel: str) -> dict[int, str]:
    """The numbered equations of a kernel as its docstring has them, the walk's first; columns stay columns."""
    found: dict[int, str] = {}
    for name in ([WALK] if kernel in RECURRENT else []) + [kernel]:
        source = (KERNELS / "reference" / f"{name}.py").read_text(encoding="utf-8")
        doc = ast.get_docstring(ast.parse(source), clean=False) or ""
        for match in re.finditer(r"^ +\((\d+)\)  (.*(?:\n {9,}\S.*)*)", doc, re.MULTILINE):
            lines = match[2].splitlines()
            indent = match.start(2) - match.start()
            text = "\n".join([lines[0], *(line[indent:] if not line[:indent].strip() else line for line in lines[1:])])
            number = int(match[1])
            if name == kernel or number not in found:
                found[number] = f"{found[number]}\n{text}" if number in found else text
    return dict(sorted(found.items()))


def lines(kernel: str, backend: str) -> list[Line]:
    """Every line of a kernel in one backend that carries the number of an equation, in the order of the files."""
    folder = KERNELS / backend
    names = [*SHARED.get((backend, kernel), []), f"{kernel}.py"]
    names += sorted(path.name for path in folder.glob(f"{kernel}*.cu"))
    return [line for name in names if (folder / name).exists() for line in _lines_of(folder / name)]


def _lines_of(path: Path) -> list[Line]:
    source = path.read_text(encoding="utf-8")
    comments = _comments_of_python(source) if path.suffix == ".py" else _comments_of_cuda(source)
    function = r"\s*def (\w+)" if path.suffix == ".py" else r".*__(?:global|device)__.*\b(?!__)(\w+)\("
    found, inside = [], ""
    for number, text in enumerate(source.splitlines(), start=1):
        if name := re.match(function, text):
            inside = name[1]
        named = frozenset(int(each) for each in re.findall(r"\((\d+)\)", comments.get(number, "")))
        code = text.split("//")[0] if path.suffix != ".py" else text.split("  #")[0]
        if named and inside and code.strip() and not code.strip().startswith(("const real *", "real *")):
            back = bool(re.search("backward|gradient", inside))
            found.append(Line(f"{path.parent.name}/{path.name}", number, text.strip(), named, back))
        elif found and _goes_on(found[-1], number, text):
            found.append(found[-1]._replace(number=number, text=text.strip()))
    return found


def _goes_on(before: Line, number: int, text: str) -> bool:
    """Whether a line without a number calls what the line above it calls, which has one."""
    if before.number != number - 1 or "(" not in text or "#" in text or "//" in text:
        return False
    return text.partition("(")[0].strip() == before.text.partition("(")[0]


def _comments_of_python(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def _comments_of_cuda(source: str) -> dict[int, str]:
    return {number: line.partition("//")[2] for number, line in enumerate(source.splitlines(), start=1)}
