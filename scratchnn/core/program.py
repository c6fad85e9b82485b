"""What the user typed to start the command under way, so that its usage line says the same, and what to type next.

A command is started as a module of its own, `python -m scratchnn.train`, or by the one command, `scratchnn train`.
"""

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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
