"""What all ways out and in have in common: one error, and files that nobody loses."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scratchnn.core import checks
from scratchnn.core.files.errors import StorageError


class ExchangeError(StorageError):
    """A model cannot be written in a format, or a file cannot be used. The message names the place, and what to do."""


def target(path: str | os.PathLike[str], what: str, endings: tuple[str, ...], overwrite: bool) -> Path:
    """The path of a file to write, whose name ends as those of its format do.

    Raises:
        ExchangeError: for another ending; FileExistsError: if the file is there, and is not to be replaced.
    """
    found = Path(checks.path(what, path))
    if not found.name.endswith(endings):
        raise ExchangeError(f"{what} writes a file whose name ends in {' or '.join(endings)}, got {str(found)!r}")
    if found.exists() and not overwrite:
        raise FileExistsError(f"{found} exists already; choose another name, or say that it may be replaced: overwrite")
    return found


def source(path: str | os.PathLike[str], what: str) -> Path:
    """The path of a file to read.

    Raises:
        FileNotFoundError: if there is none; ExchangeError: for a folder, or a pipe, which would be waited for.
    """
    found = Path(checks.path(what, path))
    if not found.exists():
        raise FileNotFoundError(f"there is no file {found}")
    if not found.is_file():
        raise ExchangeError(f"{found} is not a file; give the path of one")
    return found


def refused(layer: Any, format: str, instead: str) -> ExchangeError:
    """The error about a layer that a format cannot hold."""
    return ExchangeError(f"{layer.label} cannot be written as {format}: {instead}")


def require_shapes(where: str, expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> None:
    """Raise ExchangeError unless exactly the expected arrays are there, in their shapes: before anything is read."""
    if missing := [name for name in expected if name not in found]:
        raise ExchangeError(
            f"{where} lacks {_some(missing)}, which the model has: build the model that the file was written from"
        )
    if unknown := [name for name in found if name not in expected]:
        raise ExchangeError(
            f"{where} has {_some(unknown)}, for which the model has no place: "
            "build the model that the file was written from"
        )
    for name, shape in expected.items():
        if tuple(found[name]) != tuple(shape):
            raise ExchangeError(f"{where}: {name} has shape {tuple(found[name])}, the model needs {tuple(shape)}")


@contextmanager
def numbers_of(where: str) -> Iterator[None]:
    """What is wrong with the numbers themselves, such as text or what float32 cannot hold, as an ExchangeError."""
    try:
        yield
    except ExchangeError:
        raise
    except ValueError as error:
        raise ExchangeError(f"{where}: {error}") from None


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
