"""What the user typed to start the command under way, so that its usage line says the same.

A command is started as a module of its own, `python -m scratchnn.train`, or by the one command, `scratchnn train`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

_typed: str | None = None


def usage_name(module: str) -> str:
    """How the command of this module was called, for the `prog` of its parser."""
    return _typed or f"python -m {module}"


@contextmanager
def typed(words: str) -> Iterator[None]:
    """Meanwhile commands are known by these words."""
    global _typed
    before, _typed = _typed, words
    try:
        yield
    finally:
        _typed = before
