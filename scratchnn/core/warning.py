"""Warnings that point at the line of the user's program, however deep in the package they are noticed."""

import sys
import warnings

_OURS = ("scratchnn", "jaxtyping")  # jaxtyping wraps our functions where annotated shapes are enforced, as in the tests


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """A warning at the first caller outside of scratchnn."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
