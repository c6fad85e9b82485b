"""Labs in their solved form: their text, with the functions and predictions of the solution in place of its own."""

import ast
import runpy
from pathlib import Path
from typing import Any

from scratchnn.labs.checks.zoo import ZOO
from scratchnn.labs.lab import Lab
from scratchnn.labs.shelf import text_of
from tests.labs import bugs

SOLUTIONS = Path(__file__).parent / "solutions"


def definitions(source: str) -> dict[str, tuple[int, int]]:
    """The lines (first, behind the last) of every function and plain assignment at the top of a file."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node.lineno - 1, node.end_lineno or 0
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, (node.lineno - 1, node.end_lineno or 0))
    return found


def solved(lab: Lab) -> str:
    return filled(lab, text_of(lab))


def filled(lab: Lab, text: str) -> str:
    """A lab's text, whatever numbers were drawn into it, with its holes filled or its fault mended."""
    if lab in ZOO:
        bug = bugs.BUGS[ZOO.index(lab)]
        assert text.count(bug.wrong) == 1, (lab.name, text.count(bug.wrong))
        return text.replace(bug.wrong, bug.right)
    solution = (SOLUTIONS / f"{lab.name}.py").read_text(encoding="utf-8")
    lines, answers = text.splitlines(), definitions(solution)
    holes = definitions(text)
    for name in sorted(holes.keys() & answers.keys(), key=lambda name: -holes[name][0]):
        start, end = holes[name]
        first, behind = answers[name]
        lines[start:end] = solution.splitlines()[first:behind]
    return "\n".join(lines) + "\n"


def wrong_of(lab: Lab) -> tuple[tuple[str, str, str], ...]:
    """Mistakes to plant into the solved lab: (text, what replaces it, a part of what check must say of it)."""
    return answers_of(lab).get("WRONG", ())  # a bug of the zoo is one mistake as it is


def answers_of(lab: Lab) -> dict[str, Any]:
    """All names of a lab's solution; of a bug of the zoo there is none."""
    return {} if lab in ZOO else runpy.run_path(str(SOLUTIONS / f"{lab.name}.py"))


def planted(lab: Lab, text: str, instead: str) -> str:
    whole = solved(lab)
    assert whole.count(text) == 1, (lab.name, text, whole.count(text))
    return whole.replace(text, instead)
