"""The table of all architectures that `python -m scratchnn.train --list` prints."""

from collections.abc import Iterable

HEAD = ("name", "parameters", "vocabulary", "length", "optimizer", "batch", "epochs", "published", "")
_LEFT = ("name", "optimizer", "")


def listing(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """The lines of the table, numbers right-aligned."""
    table = [HEAD, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    return [
        "  ".join(
            f"{cell:<{width}}" if name in _LEFT else f"{cell:>{width}}"
            for name, cell, width in zip(HEAD, row, widths, strict=True)
        ).rstrip()
        for row in table
    ]
