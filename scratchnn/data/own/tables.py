"""Tables and lines: CSV, TSV, JSONL, and fastText's lines with `__label__x`."""

import csv
import io
import json
import math
import re
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from scratchnn.core.names import nearest
from scratchnn.data.corpus import DataError
from scratchnn.data.own.columns import Columns, choose
from scratchnn.data.own.labelled import Row

_MARK = "__label__"
_DELIMITERS = ",;\t|"  # of files that are called .csv
# What the second line of Orange's tables says of each column; a third line says what it is for.
_KINDS = {"", "d", "c", "s", "t", "i", "discrete", "continuous", "string", "time", "ignore"}
_LONGEST_LINE = 2**21  # of JSON, or of fastText's
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # JSON can say \ud83d, half of a character
_field_limit = threading.Lock()  # the csv module has one limit for all readers


class Table(NamedTuple):
    rows: list[Row]
    about: str
    """Which columns were read, for people."""


def read_csv(text: str, where: str, delimiter: str, text_column: str | None, label_column: str | None) -> Table:
    """Rows of a table with the names of its columns in the first line; `delimiter` is "," or a tab.

    A table that is called .csv may have semicolons, tabs or bars.

    Raises:
        DataError: for a wrong column, and for a row with too many or too few fields or with a quote that does not end;
            it names the line.
    """
    if delimiter == ",":
        delimiter = _delimiter(text, text_column, label_column)
    records = _records(text, where, delimiter)
    names = [name.strip() for name in records[0][1]]
    columns = choose(names, where, text_column, label_column)
    at_text, at_label = names.index(columns.text), names.index(columns.label)
    of_orange = delimiter == "\t" and len(records) > 2 and _KINDS.issuperset(records[1][1]) and any(records[1][1])
    rows = []
    for line, fields in records[3 if of_orange else 1 :]:
        if len(fields) != len(names):
            raise DataError(_wrong_number(where, line, len(fields), names, delimiter))
        rows.append(Row(fields[at_text], fields[at_label], f"line {line}"))
    return Table(rows, _about(columns))


def _delimiter(text: str, text_column: str | None, label_column: str | None) -> str:
    """What stands between the names of the columns: what makes the two that are needed of them, a comma first."""
    line = text.lstrip("\r\n").partition("\n")[0]
    there = [sign for sign in _DELIMITERS if sign in line] or [","]
    for sign in there:
        try:
            names = [name.strip() for name in next(csv.reader([line], delimiter=sign))]
            choose(names, "", text_column, label_column)
        except (csv.Error, DataError):
            continue
        return sign
    return there[0]


def _about(columns: Columns) -> str:
    return f"columns {columns.text} and {columns.label}"


def _wrong_number(where: str, line: int, found: int, names: list[str], delimiter: str) -> str:
    sign = {"\t": "a tab", ";": "a semicolon", "|": "a bar"}.get(delimiter, "a comma")
    why = f"a text with {sign} in it must stand in quotes" if found > len(names) else "is the row cut off?"
    fields = f"{found} field{'s' * (found != 1)}"
    return f"{where}, line {line}: {fields}, expected {len(names)} ({', '.join(names)}); {why}"


def _records(text: str, where: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Each row with the line that it begins in. Empty lines are none."""
    if delimiter == "\t" and '"' in text and _is_plain(text):
        # Most writers of tabs quote nothing, so that a quote in a text is a quote, and need not be the first of two.
        return [(n, list(map(_unquoted, line.split("\t")))) for n, line in _lines(text) if line]
    line, found = 1, []
    with _field_limit:
        before = csv.field_size_limit(2**31 - 1)
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
            for fields in reader:
                if fields:
                    found.append((line, fields))
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataError(
                f"{where}, line {line}: the row that begins here has a quote out of place ({error}). A text in quotes "
                'ends with one, and a quote inside it is written twice: "she said ""no"""'
            ) from None
        finally:
            csv.field_size_limit(before)
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Numbers from 1 on, and lines without their ends."""
    number = start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        number += 1
        yield number, text[start:end].removesuffix("\r")
        start = end + 1


def _require_short(line: str, here: str) -> None:
    """Raise DataError for a line that is parsed as a whole, and would take twenty times its bytes."""
    if len(line) > _LONGEST_LINE:
        raise DataError(f"{here}: {len(line):,} characters, expected at most {_LONGEST_LINE:,} in a line")


def _is_plain(text: str) -> bool:
    """Whether every line has as many tabs as the first."""
    return len({line.count("\t") for _, line in _lines(text) if line}) == 1


def _unquoted(field: str) -> str:
    inside = field[1:-1]
    quoted = len(field) > 1 and field[0] == field[-1] == '"' and '"' not in inside.replace('""', "")
    return inside.replace('""', '"') if quoted else field


def read_jsonl(text: str, where: str, text_column: str | None, label_column: str | None) -> Table:
    """An object of JSON in each line; its keys are the columns.

    Raises:
        DataError: for a line that is no object, lacks a key, or has another text than a string; it names the line.
    """
    rows: list[Row] = []
    columns: Columns | None = None
    for number, line in _lines(text):
        if not line.strip():
            continue
        here = f"{where}, line {number}"
        _require_short(line, here)
        record = _object(line, here)
        columns = columns or choose(list(record), here, text_column, label_column)
        if missing := [name for name in columns if name not in record]:
            raise DataError(
                f"{here}: no {missing[0]!r} in it{nearest(missing[0], record) or '.'} It has {_keys(record)}"
            )
        content, label = record[columns.text], record[columns.label]
        if not isinstance(content, str | None):
            raise DataError(f"{here}: {columns.text!r} must be text, got {str(content)[:40]!r}")
        if wrong := _NO_TEXT.search(content or ""):
            raise DataError(f"{here}: {wrong[0]!a} in {columns.text!r}, which no text has")
        rows.append(Row(content or "", _label(label, here, columns.label), f"line {number}"))
    return Table(rows, _about(columns) if columns else "")


def _object(line: str, here: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        told = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(f"{here}: no JSON ({told}); expected an object in each line, on one line") from None
    if not isinstance(record, dict):
        raise DataError(f'{here}: expected an object, such as {{"text": "...", "label": "x"}}, got {line[:40]!r}')
    return record


def _keys(record: dict[str, Any]) -> str:
    return ", ".join(map(repr, record))


def _label(value: Any, here: str, column: str) -> str:
    if isinstance(value, list | dict):
        raise DataError(f"{here}: {column!r} must be one label, got {str(value)[:40]}; several labels are not learned")
    if isinstance(value, float):  # NaN is how some programs write that there is none
        value = int(value) if value.is_integer() else None if math.isnan(value) else value
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def read_fasttext(text: str, where: str) -> Table:
    """A text in each line, and before it its label, `__label__x`.

    Raises:
        DataError: for a line with several labels; it names the line.
    """
    rows = []
    for number, line in _lines(text):
        _require_short(line, f"{where}, line {number}")
        words = line.split()
        if not words:
            continue
        labels = [word.removeprefix(_MARK) for word in words if word.startswith(_MARK)]
        if len(set(labels)) > 1:
            raise DataError(
                f"{where}, line {number}: {len(labels)} labels ({', '.join(labels[:3])}); a text has one here, since "
                "several labels are not learned"
            )
        rest = " ".join(word for word in words if not word.startswith(_MARK))
        rows.append(Row(rest, labels[0] if labels else "", f"line {number}"))
    return Table(rows, f"lines with {_MARK}")
