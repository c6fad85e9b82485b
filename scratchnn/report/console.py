"""What training prints: a header, one row per epoch on stdout, and on a terminal a progress bar on stderr.

No colour is used, so there is none to switch off (NO_COLOR). In a notebook the bar is on stdout. In a pipe the rows are
the same, each is flushed at once, and there is no bar and no control character.
"""

import contextlib
import copy
import errno
import io
import math
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, SupportsFloat, runtime_checkable

from scratchnn.report.table import line, table

_SECONDS_BETWEEN_REDRAWS = 0.1
Column = tuple[str, int, int, str]  # heading, width, digits, and the key of an epoch's record
_SHORT = {
    "accuracy": "acc",
    "binary_accuracy": "acc",
    "categorical_accuracy": "acc",
    "sparse_categorical_accuracy": "acc",
    "precision": "prec",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "root_mean_squared_error": "rmse",
    "mean_absolute_percentage_error": "mape",
    "mean_squared_logarithmic_error": "msle",
}
WIDEST = 80  # of a table that drops columns to fit, but for a terminal that is wider
_ENDS = (3, 4)  # the width of the epoch, before the columns, and of the mark for the best, after them


def columns_of(metrics: Sequence[str], unit: str = "rows", widest: int = WIDEST) -> list[Column]:
    """The columns of a table: losses, metrics in their order, norm of the gradient, examples per second, seconds.

    What makes it wider than 80 characters is dropped: the norm, then the speed; then the last of the metrics that make
    it wider than `widest`.
    """
    shown = list(metrics)
    short = [_SHORT.get(name, name) for name in metrics]
    named = {name: other if short.count(other) == 1 else name for name, other in zip(metrics, short, strict=True)}
    extra = [("|g|", 7, 4, "gradient_norm"), (f"{unit}/s", max(7, len(unit) + 2), 0, "reviews_per_second")]
    while True:
        trained = [(named[name], max(6, len(named[name])), 4, name) for name in shown]
        held_out = [("val_" + named[name], max(7, len(named[name]) + 4), 4, "val_" + name) for name in shown]
        columns = [("loss", 7, 4, "loss"), *trained, ("val_loss", 8, 4, "val_loss"), *held_out, *extra]
        columns.append(("s", 7, 1, "seconds"))
        room = WIDEST if extra else max(WIDEST, widest)
        if sum(_widths(columns)) + 2 * (len(columns) + 1) <= room or not (shown or extra):
            return columns
        if extra:
            del extra[0]
        else:
            del shown[-1]


def _widths(columns: Sequence[Column]) -> list[int]:
    return [_ENDS[0], *(width for _, width, _, _ in columns), _ENDS[1]]


@runtime_checkable
class Stream(Protocol):
    """What an output must provide: any text file does."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...
    def fileno(self) -> int: ...


def header_lines(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return "key  value" lines, the values under one another."""
    return table(pairs, "<<")


def table_head(columns: Sequence[Column]) -> str:
    """Return the headings of the epoch table."""
    return line(["ep", *(name for name, _, _, _ in columns), "best"], _widths(columns), _align(columns))


def epoch_row(columns: Sequence[Column], epoch: int, record: Mapping[str, SupportsFloat], *, best: bool = False) -> str:
    """Return the row of one epoch: the columns of the table, "-" for what the record lacks."""
    cells = [_cell(record.get(key), width, digits) for _, width, digits, key in columns]
    return line([str(epoch), *cells, "*" if best else ""], _widths(columns), _align(columns)).rstrip()


def _align(columns: Sequence[Column]) -> str:
    return ">" * (len(columns) + 1) + "<"


def _cell(number: SupportsFloat | None, width: int, digits: int) -> str:
    """Return `number` as text, as 1e+05 if it does not fit into `width` characters otherwise."""
    if number is None:
        return "-"
    text = f"{float(number):.{digits}f}"
    return text if len(text) <= width else f"{float(number):.0e}"


class Bar:
    """What `Console.bar` hands to the loop. This one shows nothing."""

    def advance(self, n: int = 1, *, loss: SupportsFloat = math.nan, metric: SupportsFloat = math.nan) -> None:
        """Count `n` more steps; `loss` and the first `metric` are shown as they are now. Steps without a loss were done
        before: they do not count in the estimate of the time left."""


class _TerminalBar(Bar):
    """One line of a terminal that `show` overwrites: steps, time taken, time left, loss and the first metric."""

    def __init__(
        self,
        show: Callable[[str], None],
        columns: int,
        total: int | None,
        name: str,
        metric: str,
        now: Callable[[], float],
    ) -> None:
        self._show, self._columns, self._total, self._name, self._metric = show, columns, total, name, metric
        self._steps = self._before = 0
        self._clock, self._began = now, now()
        self._draw(self._began, "")

    def advance(self, n: int = 1, *, loss: SupportsFloat = math.nan, metric: SupportsFloat = math.nan) -> None:
        self._steps += n
        if math.isnan(loss):
            self._before += n
        now = self._clock()
        if now < self._next:
            return  # most steps end here: formatting numbers that are not shown would cost more than the rest
        known = "" if math.isnan(metric) else f"  {self._metric} {float(metric):.4f}"
        self._draw(now, f", loss {float(loss):.4f}{known}")

    def _draw(self, now: float, numbers: str) -> None:
        self._next = now + _SECONDS_BETWEEN_REDRAWS
        spent = now - self._began
        if self._total is None:  # a generator says only at its end how many there are
            self._show(f"{self._name}: {self._steps} steps [{_clock(spent)}{numbers}]"[: self._columns - 1])
            return
        share = min(1.0, self._steps / max(1, self._total))
        here = self._steps - self._before
        left = _clock(spent / here * (self._total - self._steps)) if here else "?"
        head, tail = f"{self._name}: {share:4.0%}", f"{self._steps}/{self._total} [{_clock(spent)}<{left}{numbers}]"
        room = max(0, self._columns - len(head) - len(tail) - 4)  # of the line without its last column
        self._show(f"{head}|{'█' * round(share * room):<{room}}| {tail}")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


class Console:
    """Prints the header, the table and the bar.

    `out` and `err` are sys.stdout and sys.stderr unless given. With `quiet` nothing is printed. A reader that goes away
    (`| head`) ends the printing, not the training. `unit` is what an example is called in the table.
    """

    def __init__(
        self, out: Stream | None = None, err: Stream | None = None, quiet: bool = False, unit: str = "rows"
    ) -> None:
        self._unit = unit
        self._columns = columns_of(["accuracy"], unit)
        # Both are None where a program was started with closed streams.
        self._out = None if quiet else out or sys.stdout
        self._err = None if quiet else err or sys.stderr
        if _is_notebook(self._out):  # where stderr is shown apart, in red
            self._err = self._out
        self._erase: Callable[[str], None] | None = None  # a text that is shown and can be overwritten

    def counting(self, unit: str) -> "Console":
        """The same console for examples that are called otherwise."""
        other = copy.copy(self)
        other._unit = unit
        return other

    def header(self, pairs: Sequence[tuple[str, str]]) -> None:
        for text in header_lines(pairs):
            self.line(text)

    def table_head(self, metrics: Sequence[str]) -> None:
        """Begin a table with a column for each of these metrics, and say first for which ones there is no room."""
        widest = WIDEST
        if self._out is not None and self._out.isatty():
            said = os.environ.get("COLUMNS", "")
            widest = int(said) if said.isdecimal() else _columns(self._out)
        self._columns = columns_of(metrics, self._unit, widest)
        shown = {key for _, _, _, key in self._columns}
        if left_out := ", ".join(name for name in metrics if name not in shown):
            self.note(f"no room in the table, so in the history alone: {left_out}")
        self.line(table_head(self._columns))

    def epoch_row(self, epoch: int, record: Mapping[str, SupportsFloat], *, best: bool = False) -> None:
        self.line(epoch_row(self._columns, epoch, record, best=best))

    def line(self, text: str) -> None:
        """Print one line of anything else, such as the result on the test set."""
        if self._out is None:
            return
        if self._erase is not None:
            self._erase("")
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        printable = text.encode(encoding, "backslashreplace").decode(encoding)
        try:
            self._out.write(printable + "\n")
            self._out.flush()
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):  # a closed pipe, a terminal that was closed
                raise
            _discard(self._out)
            self._out = None

    def note(self, text: str) -> None:
        """Print a remark, in lines as wide as the table."""
        for part in textwrap.wrap(text, WIDEST):
            self.line(part)

    @property
    def can_rewrite(self) -> bool:
        """Whether stderr is a terminal where a line can be overwritten, or stdout a notebook's."""
        if self._err is None:
            return False
        return _is_notebook(self._err) or (self._err.isatty() and os.environ.get("TERM") != "dumb")

    @contextmanager
    def rewritten_line(self) -> Iterator[Callable[[str], None]]:
        """Yield a function that shows a text in place of the one before; without a terminal it does nothing."""
        err, shown, before = self._err, 0, self._erase

        def show(text: str) -> None:
            nonlocal shown
            if err is not None and self.can_rewrite:
                text = text[: _columns(err) - 1]  # a line that wraps cannot be overwritten
                with contextlib.suppress(OSError):  # a terminal that was closed
                    err.write(f"\r{text:<{shown}}" if text else f"\r{'':<{shown}}\r")
                    err.flush()
                shown = len(text)

        self._erase = show
        try:
            yield show
        finally:
            show("")
            self._erase = before

    @contextmanager
    def bar(
        self, total_steps: int | None, epoch: int, epochs: int, now: Callable[[], float] | None = None
    ) -> Iterator[Bar]:
        """Show a bar while the block runs, on a terminal or in a notebook; it tells the time left, by `now`."""
        if self._err is None or not self.can_rewrite:
            yield Bar()
            return
        with self.rewritten_line() as show:
            name, metric = f"epoch {epoch}/{epochs}", self._columns[1][0]
            yield _TerminalBar(show, _columns(self._err), total_steps, name, metric, now or time.monotonic)


def _is_notebook(stream: Stream | None) -> bool:
    return type(stream).__module__.startswith("ipykernel.")


def _columns(stream: Stream) -> int:
    """The width of a terminal; in some containers it claims to be 0."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        columns = 0
    return columns or shutil.get_terminal_size().columns


def _discard(stream: Stream) -> None:
    """Discard what is left in the buffer of a broken stream, or Python complains about it at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, io.UnsupportedOperation):
        pass
