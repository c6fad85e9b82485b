"""The equation of each gate and its lines of code, forward and backward, as they stand in the reference kernels."""

import inspect
import re
import sys
from typing import Any, NamedTuple

_NUMBERED = re.compile(r"^ +\((\d+)\)  (.+?)\s*$", re.MULTILINE)


class Equation(NamedTuple):
    number: int
    text: str
    forward: tuple[str, ...]
    backward: tuple[str, ...]
    file: str


def equations_of(cell: Any) -> dict[str, Equation]:
    """Name of a gate or state -> its equation. `cell`: a cell of the reference kernels; {} for any other."""
    module = sys.modules[type(cell).__module__]
    if not module.__name__.startswith("scratchnn_kernels.reference."):
        return {}
    forward, backward = (_lines(getattr(type(cell), pass_)) for pass_ in ("forward", "backward"))
    found = {}
    for number, text in ((int(n), text) for n, text in _NUMBERED.findall(module.__doc__ or "")):
        # The docstring explains an equation after several spaces.
        equation = re.split(r" {3,}(?=\S)", re.sub(r"\s+=", " =", text, count=1))[0]
        for name in equation.split("=")[0].split(","):
            file = module.__name__.replace(".", "/") + ".py"
            found[name.strip(" '")] = Equation(
                number, equation, forward.get(number, ()), backward.get(number, ()), file
            )
    return found


def _lines(function: Any) -> dict[int, tuple[str, ...]]:
    """Equation's number -> the lines whose comment has it."""
    found: dict[int, tuple[str, ...]] = {}
    for line in inspect.getsource(function).splitlines():
        code, _, comment = line.partition("#")
        for number in re.findall(r"\((\d+)\)", comment):
            found[int(number)] = (*found.get(int(number), ()), code.strip())
    return found
