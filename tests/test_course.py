"""The course path, what to read to see a network learn: it is named, short and plain."""

import ast
import inspect
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels import reference

from scratchnn import Sequential
from scratchnn.layers import LSTM, Dense, Embedding
from scratchnn.training import epoch
from tests.house import OURS, ROOT, files

# The course path, in the order in which CONTRIBUTING.md names it: what somebody reads who wants to see one LSTM learn.
COURSE = (
    "scratchnn/models/model.py",
    "scratchnn/training/epoch.py",
    "kernels/scratchnn_kernels/reference/recurrence.py",
    "kernels/scratchnn_kernels/reference/projection.py",
    "kernels/scratchnn_kernels/reference/simple_rnn.py",
    "kernels/scratchnn_kernels/reference/lstm.py",
    "kernels/scratchnn_kernels/reference/gru.py",
    "kernels/scratchnn_kernels/reference/binary_crossentropy.py",
    "kernels/scratchnn_kernels/reference/optimizer.py",
    "scratchnn/gradients/differences.py",
)


def test_the_course_path_is_short_and_named() -> None:
    lines = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in COURSE}
    assert sum(lines.values()) <= 1000, lines
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    places = [contributing.find(f"]({name})") for name in COURSE]
    assert -1 not in places and places == sorted(places)


def lines_of_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Without its signature and docstring."""
    start = function.body[ast.get_docstring(function, clean=False) is not None :]
    return (function.end_lineno or 0) - start[0].lineno + 1 if start else 0


def test_functions_are_short() -> None:
    functions = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": lines_of_body(node)
        for path in files("scratchnn", "kernels/scratchnn_kernels/reference")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(functions) > 800
    assert {name: lines for name, lines in functions.items() if lines > 60} == {}


def test_the_loop_is_plain() -> None:
    assert len(inspect.getsource(epoch.train_epoch).splitlines()) <= 25


def test_few_frames_lie_between_fit_and_the_first_equation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever steps into `fit` with a debugger is soon at the product of equation (1)."""
    frames: list[list[str]] = []
    product = reference.projection.forward

    def noted(*arguments: Any) -> Any:
        frames.append([frame.name for frame in traceback.extract_stack() if is_ours_file(frame.filename)])
        return product(*arguments)

    monkeypatch.setattr(reference.projection, "forward", noted)
    model = Sequential([Embedding(5, 2), LSTM(3), Dense(1)], backend="reference")
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 4), int), np.ones(2), verbose=0)
    assert "fit" in frames[0][:2] and frames[0][-1] == "forward"
    assert len(frames[0]) <= 15


def is_ours_file(name: str) -> bool:
    return any(Path(name).is_relative_to(folder) for folder in OURS.values())
