"""The console: the same rows in a terminal and in a pipe, a bar in a terminal only, and nothing else."""

import fcntl
import io
import math
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from typing import Any

import numpy as np
import pytest

from scratchnn.report.console import Console, columns_of, epoch_row, header_lines, table_head

NUMBERS: dict[str, Any] = {
    "loss": 0.53124,
    "accuracy": 0.727,
    "val_loss": 0.4301,
    "val_accuracy": 0.803,
    "gradient_norm": 0.91,
    "reviews_per_second": 61_234.5,
    "seconds": 0.33,
}

# By a clock of its own, whose ticks are exact: a loaded machine draws as often as an idle one.
TRAINING = """
import time
from scratchnn.report.console import Console
now = 0.0
time.monotonic = lambda: now
console = Console(unit="reviews")
console.header([("model", "lstm")])
console.table_head(["accuracy"])
for epoch in (1, 2):
    with console.bar(40, epoch, 2) as bar:
        for step in range(40):
            now += 1 / 32
            bar.advance(1, loss=0.5, metric=0.75)
    console.epoch_row(epoch, {"loss": 0.5, "accuracy": 0.75}, best=epoch == 2)
"""
ROWS = [
    "model  lstm",
    " ep     loss     acc  val_loss  val_acc      |g|  reviews/s        s  best",
    "  1   0.5000  0.7500         -        -        -          -        -",
    "  2   0.5000  0.7500         -        -        -          -        -  *",
]


# As a user has it: with the first of these, nothing would wait in a buffer and the tests of flushing could not fail.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("PYTHONUNBUFFERED", "COLUMNS")}


def in_terminal(columns: int, program: str = TRAINING, **environment: str) -> str:
    """Return what the program writes to a terminal of that width, stdout and stderr together."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    env = {**ENVIRONMENT, "TERM": "xterm", **environment}
    process = subprocess.Popen([sys.executable, "-c", program], stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # Linux's way to say that the other side is closed
            piece = b""
        if not piece:
            break
        written += piece
    os.close(ours)
    assert process.wait(60) == 0, written
    return written.decode("utf-8")


def left_on_screen(written: str) -> list[str]:
    """Return the lines as they stand in the end: a carriage return goes back to the start of the line."""
    lines = []
    for line in written.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines[:-1]


@pytest.mark.parametrize("columns", [0, 60, 120])
def test_a_terminal_shows_a_bar_with_the_time_left_and_clears_it(columns: int) -> None:
    written = in_terminal(columns)
    assert left_on_screen(written) == ROWS
    bars = [part for part in written.split("\r") if part.startswith("epoch 1/2: ")]
    steps = [int(re.search(r"(\d+)/40", bar)[1]) for bar in bars]
    assert steps == list(range(0, 41, 4))  # four steps last a tenth of a second, after which it is redrawn
    assert "36/40 [00:01<00:00, " in bars[-2]
    if columns != 60:
        assert "loss 0.5000  acc 0.7500" in bars[-1]


def test_a_terminal_gets_no_colours_and_a_dumb_one_no_bar() -> None:
    assert "\x1b" not in in_terminal(100, NO_COLOR="1")
    assert in_terminal(100, TERM="dumb").replace("\r\n", "\n").splitlines() == ROWS


def test_a_pipe_gets_the_rows_only() -> None:
    run = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, timeout=60, env=ENVIRONMENT)
    assert run.stdout.decode("ascii").splitlines() == ROWS
    assert b"\r" not in run.stdout
    assert run.stderr == b""


def test_a_pipe_gets_each_row_at_once() -> None:
    script = "import sys; from scratchnn.report.console import Console; Console().line('first'); sys.stdin.readline()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], 30)  # while it still waits for input
        first = process.stdout.readline() if ready else b""
        process.communicate(b"\n", timeout=60)
    assert first == b"first\n"
    assert process.returncode == 0


def test_a_reader_that_goes_away_ends_the_printing_only() -> None:
    script = """
import sys
from scratchnn.report.console import Console
console = Console()
for i in range(3):
    sys.stdin.readline()  # input() would flush stdout
    console.line("row")
print("trained", file=sys.stderr)
"""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b"\n\n")
        process.stdin.close()
        assert process.stderr.read() == b"trained\n"
    assert process.returncode == 0


def test_closed_streams_and_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    use_all(Console(quiet=True))
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    use_all(Console())
    monkeypatch.undo()
    assert capsys.readouterr() == ("", "")
    use_all(Console())
    assert capsys.readouterr().out.count("\n") == 4


def use_all(console: Console) -> None:
    console.header([("a", "b")])
    console.table_head(["accuracy"])
    with console.bar(1, 1, 1) as bar:
        bar.advance()
    console.epoch_row(1, NUMBERS)
    console.line("end")


def test_a_full_disk_is_not_taken_for_a_reader_that_went_away() -> None:
    with open("/dev/full", "w") as full, pytest.raises(OSError, match="No space left"):
        try:
            Console(out=full).line("row")
        finally:
            os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # closing would fail again


def test_words_the_encoding_lacks_are_escaped() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(out=out).line("naïve ☃")
    out.seek(0)
    assert out.read() == "na\\xefve \\u2603\n"


def test_a_line_is_written_over_and_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "12")
    out, err = io.StringIO(), Terminal()
    console = Console(out=out, err=err)
    with console.rewritten_line() as show:
        for text in ("a long line", "short", "x" * 50):
            show(text)
            assert left_on_screen(err.getvalue() + "\n") == [text[:11]]
    assert left_on_screen(err.getvalue() + "\n") == [""]
    assert out.getvalue() == ""


@pytest.mark.parametrize("what", ["quiet", "pipe", "dumb"])
def test_no_line_is_written_over_where_none_can_be(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb" if what == "dumb" else "xterm")
    err = io.StringIO() if what == "pipe" else Terminal()
    console = Console(err=err, quiet=what == "quiet")
    with console.rewritten_line() as show:
        show("text")
    assert not console.can_rewrite
    assert err.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_starts_no_thread_and_is_closed_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    err, threads = Terminal(), threading.active_count()
    with pytest.raises(KeyboardInterrupt), Console(err=err).bar(10, 1, 1) as bar:
        assert threading.active_count() == threads
        bar.advance(5)
        raise KeyboardInterrupt
    assert err.getvalue().endswith("\r")
    assert left_on_screen(err.getvalue() + "\n") == [""]


def test_the_time_left_goes_by_the_steps_of_this_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    now = iter([0.0, 0.0, 10.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    err = Terminal()
    with Console(err=err).bar(100, 2, 3) as bar:
        bar.advance(50)  # of a run that is resumed
        bar.advance(10, loss=0.5)
    assert "| 60/100 [00:10<00:40, loss 0.5000]" in err.getvalue()
    assert "epoch 2/3:  60%|" in err.getvalue()


def test_most_steps_draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    err = Terminal()
    with Console(err=err).bar(20_000, 1, 1) as bar:
        start = time.perf_counter()
        for _ in range(20_000):
            bar.advance(1, loss=0.5, metric=0.5)
        seconds = time.perf_counter() - start
    assert err.getvalue().count("\r") <= 4 + seconds / 0.1


COLUMNS = columns_of(["accuracy"], "reviews")


@pytest.mark.parametrize(
    ("metrics", "headings"),
    [
        ([], "loss val_loss |g| rows/s s"),
        (["accuracy"], "loss acc val_loss val_acc |g| rows/s s"),
        (["mean_absolute_error"], "loss mae val_loss val_mae |g| rows/s s"),
        (["acc", "auc"], "loss acc auc val_loss val_acc val_auc rows/s s"),
        # Two that would be shortened to one heading are not; then the last does not fit.
        (["accuracy", "binary_accuracy"], "loss accuracy val_loss val_accuracy s"),
        (["precision", "recall"], "loss prec recall val_loss val_prec val_recall s"),
        (["a" * 60], "loss val_loss s"),
    ],
)
def test_the_table_has_the_metrics_that_were_asked_for(metrics: list[str], headings: str) -> None:
    columns = columns_of(metrics)
    head = table_head(columns)
    assert head.split() == ["ep", *headings.split(), "best"] and len(head) <= 80
    record = {key: 0.25 for _, _, _, key in columns}
    assert epoch_row(columns, 1, record).split() == [
        "1",
        *["0" if key == "reviews_per_second" else "0.2" if key == "seconds" else "0.2500" for key in record],
    ]


FOUR = ["accuracy", "AUC", "precision", "recall"]
MANY = f"""
from scratchnn.report.console import Console
Console().table_head({FOUR})
"""
NO_ROOM = "no room in the table, so in the history alone: precision, recall"
TWO_SHOWN = " ep     loss     acc     AUC  val_loss  val_acc  val_AUC        s  best"
ALL_SHOWN = (
    " ep     loss     acc     AUC    prec  recall  val_loss  val_acc  val_AUC  val_prec  val_recall        s  best"
)


@pytest.mark.parametrize(
    ("columns", "environment", "lines"),
    [
        (80, {}, [NO_ROOM, TWO_SHOWN]),
        (60, {}, [NO_ROOM, TWO_SHOWN]),
        (len(ALL_SHOWN) - 1, {}, [NO_ROOM.replace("precision, ", ""), re.sub("  (val_)?recall", "", ALL_SHOWN)]),
        (len(ALL_SHOWN), {}, [ALL_SHOWN]),
        (300, {}, [ALL_SHOWN]),
        (300, {"COLUMNS": "80"}, [NO_ROOM, TWO_SHOWN]),
        (80, {"COLUMNS": "300"}, [ALL_SHOWN]),
    ],
)
def test_a_wider_terminal_has_room_for_more_metrics(columns: int, environment: Any, lines: list[str]) -> None:
    assert in_terminal(columns, MANY, **environment).splitlines() == lines


def test_what_has_no_room_in_a_pipe_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    out = io.StringIO()
    Console(out).table_head(FOUR)
    assert out.getvalue().splitlines() == [NO_ROOM, TWO_SHOWN]


def test_header_values_stand_under_one_another() -> None:
    assert header_lines([("data", "imdb"), ("threads", "2"), ("note", "")]) == ["data     imdb", "threads  2", "note"]
    assert header_lines([]) == []


def test_a_row_stands_under_its_headings() -> None:
    head, row = table_head(COLUMNS), epoch_row(COLUMNS, 12, NUMBERS, best=True)
    assert row.split() == ["12", "0.5312", "0.7270", "0.4301", "0.8030", "0.9100", "61234", "0.3", "*"]
    ends = [match.end() for match in re.finditer(r"\S+", head)]
    assert [match.end() for match in re.finditer(r"\S+", row)][:-1] == ends[:-1]
    assert row.index("*") == head.index("best")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e-30, -1e12, 123_456.789, 1e300, np.float32(3)])
def test_no_number_breaks_the_columns(value: Any) -> None:
    numbers: dict[str, Any] = {name: value for name in NUMBERS}
    row = epoch_row(COLUMNS, 3, numbers)
    assert len(row) == len(table_head(COLUMNS)) - len("  best")
    assert len(row.split()) == 8
    assert np.isclose(float(row.split()[1]), value, rtol=0.5, atol=1e-4, equal_nan=True)
