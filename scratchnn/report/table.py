"""Tables of plain text: columns side by side, for everything that is printed in rows."""

from collections.abc import Sequence

from scratchnn.core.names import visible

Row = Sequence[str]


def widths(rows: Sequence[Row], least: Sequence[int] = ()) -> list[int]:
    """The width of each column: its longest cell, and not below `least`."""
    found = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [max(pair) for pair in zip(found, least or [0] * len(found), strict=True)]


def line(row: Row, columns: Sequence[int], align: str, gap: str = "  ") -> str:
    """One row, in columns of these widths. `align` has a sign for each: "<" left, ">" right."""
    return gap.join(f"{cell:{side}{width}}" for cell, side, width in zip(row, align, columns, strict=True))


def table(rows: Sequence[Row], align: str) -> list[str]:
    """The lines of a table, as wide as its cells; no line ends in spaces."""
    rows = [[visible(cell) for cell in row] for row in rows]
    columns = widths(rows)
    return [line(row, columns, align).rstrip() for row in rows]
