"""What stands in the sources under the number of an equation: the equation itself, and the lines that undo it."""

from pathlib import Path
from typing import NamedTuple

from scratchnn.core import numbered_lines

KERNELS = {"SimpleRNN": "simple_rnn", "LSTM": "lstm", "GRU": "gru", "Dense": "dense", "Conv1D": "conv1d"}


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
    text = numbered_lines.equations(KERNELS[kind]).get(number, "")
    return [f"({number})  {line.strip()}" if n == 0 else line.strip() for n, line in enumerate(text.splitlines())]


def lines_back(kind: str, backend: str, number: int) -> list[Line]:
    """The lines of the backward pass that carry the number, in the sources of this backend."""
    return [
        Line(numbered_lines.KERNELS / line.file, line.number, line.text)
        for line in numbered_lines.lines(KERNELS[kind], backend)
        if line.backward and number in line.equations
    ]
