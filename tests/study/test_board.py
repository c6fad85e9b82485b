"""What is shown while a study goes on."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console as Terminal

from scratchnn.report.console import Console
from scratchnn.study import board as boards
from scratchnn.study import results
from scratchnn.study.board import Board
from scratchnn.study.results import RunResult
from scratchnn.study.run import nothing_yet
from scratchnn.study.tasks import Task

Plan = Callable[..., list[Task]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """One number, the time, to be set."""
    now = [0.0]
    monkeypatch.setattr(boards.time, "monotonic", lambda: now[0])
    return now


def finished(task: Task, seconds: float = 10.0, accuracy: float = 0.8125) -> RunResult:
    tested = results.Tested(1, 0.5, accuracy, "", np.zeros(1, np.float32))
    return replace(nothing_yet(task), seconds=seconds, tested={"last": tested})


def drawn(board: Board) -> str:
    out = io.StringIO()
    Terminal(file=out, width=100).print(board._table())
    return out.getvalue()


def test_the_table(planned: Plan, clock: list[float]) -> None:
    tasks = planned("ff", "lstm", seeds=3, epochs=4)
    board = Board(tasks, [finished(tasks[0])], Console(quiet=True), quiet=True)
    board.places = 2
    board.epoch(tasks[1], 0)
    board.epoch(tasks[2], 0)
    assert board.seconds_left() is None, "no lstm has told anything yet"
    clock[0] = 8.0
    board.epoch(tasks[1], 1)
    # lstm: 4 epochs of 8 s, of which 8 are over, and two more; ff: 10 s, of which 8 are over, and one more
    assert board.seconds_left() == pytest.approx((24 + 32 + 32 + 2 + 10) / 2)
    assert [line.rstrip() for line in drawn(board).splitlines()] == [
        "1 of 6 runs, about 50 s left",
        "model  done  failed  left  accuracy  running",
        "ff        1             1    0.8125  seed 1",
        "lstm      0             2            seed 0 (1/4)",
    ]
    board.finished(nothing_yet(tasks[1], "ValueError: no"))
    assert "lstm      1       1     2" in drawn(board)


def test_lines_where_there_is_no_terminal(
    planned: Plan, capsys: pytest.CaptureFixture[str], clock: list[float]
) -> None:
    tasks = planned("ff", seeds=3)
    with Board(tasks, [], Console()) as board:
        board.epoch(tasks[0], 0)
        board.finished(finished(tasks[0], seconds=3.0))
        board.finished(nothing_yet(tasks[1], "ValueError: no"))
        board.finished(finished(tasks[2]))
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "ff  seed 0    0.8125  3.0 s  (1 of 3, about 6 s left)",
        "ff  seed 1    failed: ValueError: no  nan s  (2 of 3, about 3 s left)",
        "ff  seed 2    0.8125  10.0 s  (3 of 3)",
    ]
    assert err == ""


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "1 s"), (89.5, "90 s"), (90.0, "2 min"), (5000.0, "83 min"), (7200.0, "2.0 h")]
)
def test_durations(seconds: float, told: str) -> None:
    assert boards._duration(seconds) == told
