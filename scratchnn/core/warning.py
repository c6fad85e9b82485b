"""Warnings that point at the line of the user's program, however deep in the package they are noticed."""

import sys
import warnings


def warn(message: str) -> None:
    """A UserWarning at the first caller outside of scratchnn."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "scratchnn":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
