"""Tables of text: as wide as their cells, each column to its side."""

import pytest

from scratchnn.report.table import line, table, widths


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    assert table([("name", "n", ""), ("a", "100", "words"), ("longer", "7", "")], "<><") == [
        "name      n",
        "a       100  words",
        "longer    7",
    ]


def test_no_rows_make_no_lines() -> None:
    assert table([], "<>") == []


def test_a_width_can_be_asked_for() -> None:
    columns = widths([("ab", "c")], least=(1, 3))
    assert columns == [2, 3]
    assert line(("x", "y"), columns, "<>", gap=" | ") == "x  |   y"


def test_rows_have_the_same_number_of_cells() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        table([("a", "b"), ("c",)], "<<")
