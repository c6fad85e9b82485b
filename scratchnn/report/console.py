"""What training prints: a header, one row per epoch on stdout, and on a terminal a progress bar on stderr.

No colour is used, so there is none to switch off (NO_COLOR). In a pipe the rows are the same, each is flushed at once,
and there is no bar and no control character.
"""

import contextlib
import errno
import io
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, SupportsFloat, runtime_checkable

from scratchnn.report.table import line, table

_SECONDS_BETWEEN_REDRAWS = 0.1
# heading, width, digits, and the key of an epoch's record
_COLUMNS = (
    ("loss", 7, 4, "loss"),
    ("acc", 6, 4, "accuracy"),
    ("val_loss", 8, 4, "val_loss"),
    ("val_acc", 7, 4, "val_accuracy"),
    ("|g|", 7, 4, "gradient_norm"),
    ("reviews/s", 9, 0, "reviews_per_second"),
    ("s", 7, 1, "seconds"),
)
_WIDTHS = (3, *(width for _, width, _, _ in _COLUMNS), 4)  # the epoch is before them, a mark for the best after
_ALIGN = ">" * (len(_COLUMNS) + 1) + "<"


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


def table_head() -> str:
    """Return the headings of the epoch table."""
    return line(["ep", *(name for name, _, _, _ in _COLUMNS), "best"], _WIDTHS, _ALIGN)


def epoch_row(epoch: int, record: Mapping[str, SupportsFloat], *, best: bool = False) -> str:
    """Return the row of one epoch: the columns of the table, "-" for what the record lacks."""
    cells = [_cell(record.get(key, record.get(key.replace("accuracy", "acc"))), w, d) for _, w, d, key in _COLUMNS]
    return line([str(epoch), *cells, "*" if best else ""], _WIDTHS, _ALIGN).rstrip()


def _cell(number: SupportsFloat | None, width: int, digits: int) -> str:
    """Return `number` as text, as 1e+05 if it does not fit into `width` characters otherwise."""
    if number is None:
        return "-"
    text = f"{float(number):.{digits}f}"
    return text if len(text) <= width else f"{float(number):.0e}"


class Bar:
    """What `Console.bar` hands to the loop. This one shows nothing."""

    def advance(self, n: int = 1, *, loss: SupportsFloat = math.nan, accuracy: SupportsFloat = math.nan) -> None:
        """Count `n` more steps; `loss` and `accuracy` are shown as they are now. Steps without a loss were done
        before: they do not count in the estimate of the time left."""


class _TerminalBar(Bar):
    """One line of a terminal that `show` overwrites: steps, time taken, time left, loss and accuracy."""

    def __init__(self, show: Callable[[str], None], columns: int, total: int | None, name: str) -> None:
        self._show, self._columns, self._total, self._name = show, columns, total, name
        self._steps = self._before = 0
        self._began = time.monotonic()
        self._draw(self._began, "")

    def advance(self, n: int = 1, *, loss: SupportsFloat = math.nan, accuracy: SupportsFloat = math.nan) -> None:
        self._steps += n
        if math.isnan(loss):
            self._before += n
        now = time.monotonic()
        if now < self._next:
            return  # most steps end here: formatting numbers that are not shown would cost more than the rest
        known = "" if math.isnan(accuracy) else f"  acc {float(accuracy):.4f}"
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
    (`| head`) ends the printing, not the training.
    """

    def __init__(self, out: Stream | None = None, err: Stream | None = None, quiet: bool = False) -> None:
        # Both are None where a program was started with closed streams.
        self._out = None if quiet else out or sys.stdout
        self._err = None if quiet else err or sys.stderr

    def header(self, pairs: Sequence[tuple[str, str]]) -> None:
        for text in header_lines(pairs):
            self.line(text)

    def table_head(self) -> None:
        self.line(table_head())

    def epoch_row(self, epoch: int, record: Mapping[str, SupportsFloat], *, best: bool = False) -> None:
        self.line(epoch_row(epoch, record, best=best))

    def line(self, text: str) -> None:
        """Print one line of anything else, such as the result on the test set."""
        if self._out is None:
            return
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

    @property
    def can_rewrite(self) -> bool:
        """Whether stderr is a terminal where a line can be overwritten."""
        return self._err is not None and self._err.isatty() and os.environ.get("TERM") != "dumb"

    @contextmanager
    def rewritten_line(self) -> Iterator[Callable[[str], None]]:
        """Yield a function that shows a text in place of the one before; without a terminal it does nothing."""
        err, shown = self._err, 0

        def show(text: str) -> None:
            nonlocal shown
            if err is not None and self.can_rewrite:
                text = text[: _columns(err) - 1]  # a line that wraps cannot be overwritten
                with contextlib.suppress(OSError):  # a terminal that was closed
                    err.write(f"\r{text:<{shown}}" if text else f"\r{'':<{shown}}\r")
                    err.flush()
                shown = len(text)

        try:
            yield show
        finally:
            show("")

    @contextmanager
    def bar(self, total_steps: int | None, epoch: int, epochs: int) -> Iterator[Bar]:
        """Show a bar with the time left while the block runs, if stderr is a terminal, and clear it after."""
        if self._err is None or not self.can_rewrite:
            yield Bar()
            return
        with self.rewritten_line() as show:
            yield _TerminalBar(show, _columns(self._err), total_steps, f"epoch {epoch}/{epochs}")


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
