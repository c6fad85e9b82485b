"""Two generations of a file: the newest, and the one before, which is there where the newest is damaged."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from scratchnn.core.files.container import StorageError
from scratchnn.core.warning import warn

T = TypeVar("T")


def one_before(path: str | os.PathLike[str]) -> Path:
    """The name of the earlier generation: "run.previous.npz" next to "run.npz"."""
    newest = Path(os.path.realpath(path))
    return newest.with_name(f"{newest.stem}.previous{newest.suffix}")


def newest_usable(path: str | os.PathLike[str], use: Callable[[str | os.PathLike[str]], T]) -> tuple[T, bool]:
    """What `use` makes of the file, and True; or what it makes of the one before, and False, after a warning.

    Raises:
        StorageError, OSError: why the newest cannot be used, if the one before cannot either.
    """
    try:
        return use(path), True
    except (StorageError, OSError) as error:
        earlier = one_before(path)
        if not earlier.is_file():
            raise
        try:
            found = use(earlier)
        except (StorageError, OSError):
            raise error from None
        reason = f"there is no {os.fspath(path)}" if isinstance(error, FileNotFoundError) else f"{error}"
        warn(f"{reason}; the one before is used, {earlier}")
        return found, False
