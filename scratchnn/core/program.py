"""What all commands have in common: the words that they were started with, the words to type next, and how they end.

A command is started as a module of its own, `python -m scratchnn.train`, or by the one command, `scratchnn train`.
docs/commands.md has the exit statuses.
"""

import io
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_typed: str | None = None


def usage_name(module: str) -> str:
    """How the command of this module was called, for the `prog` of its parser."""
    return _typed or f"python -m {module}"


def to_be_typed(words: Sequence[str], is_windows: bool = os.name == "nt") -> str:
    """The words as a line for the shell, in which each is one word again."""
    if is_windows:
        return " ".join(f'"{word}"' if " " in word or "&" in word else word for word in words)
    return shlex.join(words)


@contextmanager
def typed(words: str) -> Iterator[None]:
    """Meanwhile commands are known by these words."""
    global _typed
    before, _typed = _typed, words
    try:
        yield
    finally:
        _typed = before


def ended(work: Callable[[], int | None]) -> int:
    """Do the work of a command, and return its exit status: its own, 2 after an error, 130 after Ctrl-C.

    An error and every warning is a line on the standard error. Where nobody reads the standard output any longer, as
    behind `| head`, the command ends, and that is no error.
    """
    if sys.stderr is None:  # it was closed: print would write what is meant for it among the results
        sys.stderr = io.StringIO()
    with warnings.catch_warnings():
        warnings.showwarning = print_warning
        try:
            status = work() or 0
            if sys.stdout is not None:
                sys.stdout.flush()  # what cannot be written is told here, and not by Python at its end
            return status
        except KeyboardInterrupt:
            return 130
        except BrokenPipeError:
            if sys.stdout is not None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
            return 0
        except (ValueError, OSError, ImportError, MemoryError) as error:
            print(f"error: {in_words(error)}", file=sys.stderr)
            return 2


def in_words(error: BaseException) -> str:
    """The message of an error as one line; an OSError is the name of the file and what is wrong with it."""
    told = str(error) or ("not enough memory" if isinstance(error, MemoryError) else type(error).__name__)
    if isinstance(error, OSError) and error.strerror:
        told = error.strerror if error.filename is None else f"{os.fsdecode(error.filename)}: {error.strerror}"
    return " ".join(map(str.strip, told.splitlines()))


def print_warning(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
    """Show a warning as a line of its own, without the line of code that it came from."""
    print(f"warning: {message}", file=sys.stderr)
