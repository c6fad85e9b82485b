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
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, SupportsFloat, runtime_checkable

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


@runtime_checkable
class Stream(Protocol):
    """What is asked of an output: any text file has it."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...
    def fileno(self) -> int: ...


def header_lines(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return "key  value" lines, the values under one another."""
    width = max((len(key) for key, _ in pairs), default=0)
    return [f"{key:<{width}}  {value}".rstrip() for key, value in pairs]


def table_head() -> str:
    """Return the headings of the epoch table."""
    return "  ".join([" ep", *(f"{name:>{width}}" for name, width, _, _ in _COLUMNS)]) + "  best"


def epoch_row(epoch: int, record: Mapping[str, SupportsFloat], *, best: bool = False) -> str:
    """Return the row of one epoch: what of its record the table has columns for, "-" for what it lacks."""
    cells = [f"{epoch:>3}"]
    cells += [_cell(record.get(key, record.get(key.replace("accuracy", "acc"))), w, d) for _, w, d, key in _COLUMNS]
    return ("  ".join(cells) + ("  *" if best else "")).rstrip()


def _cell(number: SupportsFloat | None, width: int, digits: int) -> str:
    """Return `number` right-aligned in `width` characters, as 1.2e+05 where it has no room otherwise."""
    if number is None:
        return f"{'-':>{width}}"
    text = f"{float(number):.{digits}f}"
    return f"{text if len(text) <= width else f'{float(number):.0e}':>{width}}"


class Bar:
    """What `Console.bar` hands to the loop. This one shows nothing."""

    def advance(self, n: int = 1, *, loss: SupportsFloat = math.nan, accuracy: SupportsFloat = math.nan) -> None:
        """Count `n` more steps; `loss` and `accuracy` are shown as they are now."""


class _TerminalBar(Bar):
    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._steps = 0
        self._next = time.monotonic() + _SECONDS_BETWEEN_REDRAWS

    def advance(self, n: int = 1, *, loss: SupportsFloat = math.nan, accuracy: SupportsFloat = math.nan) -> None:
        self._steps += n
        now = time.monotonic()
        if now < self._next:
            return  # most steps end here: formatting numbers that nobody sees would cost more than the rest
        self._next = now + _SECONDS_BETWEEN_REDRAWS
        known = "" if math.isnan(accuracy) else f"  acc {float(accuracy):.4f}"
        self._bar.set_postfix_str(f"loss {float(loss):.4f}{known}", refresh=False)
        self._bar.update(self._steps)
        self._steps = 0


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
        """Whether stderr is a terminal where a line can be written over."""
        return self._err is not None and self._err.isatty() and os.environ.get("TERM") != "dumb"

    @contextmanager
    def rewritten_line(self) -> Iterator[Callable[[str], None]]:
        """Hand over a function that shows a text in place of the one before; without a terminal it does nothing."""
        err, shown = self._err, 0

        def show(text: str) -> None:
            nonlocal shown
            if err is not None and self.can_rewrite:
                text = text[: shutil.get_terminal_size().columns - 1]  # a line that wraps cannot be written over
                with contextlib.suppress(OSError):  # a terminal that was closed
                    err.write(f"\r{text:<{shown}}" if text else f"\r{'':<{shown}}\r")
                    err.flush()
                shown = len(text)

        try:
            yield show
        finally:
            show("")

    @contextmanager
    def bar(self, total_steps: int, epoch: int, epochs: int) -> Iterator[Bar]:
        """Show a bar with the time left while the block runs, if stderr is a terminal, and clear it after."""
        if self._err is None or not self.can_rewrite:
            yield Bar()
            return
        bar = _make_bar(self._err, total_steps, f"epoch {epoch}/{epochs}")
        try:
            yield _TerminalBar(bar)
        finally:
            bar.close()


def _make_bar(err: Stream, total: int, description: str) -> Any:
    from tqdm import tqdm

    class QuietBar(tqdm):
        monitor_interval = 0  # no watching thread: a program with threads cannot fork safely

    QuietBar.set_lock(threading.RLock())  # tqdm's own lock asks the system for semaphores, which not all systems have
    try:
        has_width = os.get_terminal_size(err.fileno()).columns > 0
    except OSError:
        has_width = False
    return QuietBar(
        total=total,
        desc=description,
        file=err,
        disable=None,  # not on a terminal: nothing
        leave=False,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]",
        miniters=1,
        mininterval=0,  # _TerminalBar decides when
        dynamic_ncols=has_width,
        ncols=None if has_width else 80,  # some containers' terminals say they are 0 by 0; tqdm would draw nothing
        nrows=None if has_width else 20,
    )


def _discard(stream: Stream) -> None:
    """Let what is left in the buffer of a broken stream go nowhere, or Python complains about it when it ends."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, io.UnsupportedOperation):
        pass
