"""Labelled texts from whatever they are kept in; nothing is ever written."""

import os
from pathlib import Path

from scratchnn.data.corpus import DataError
from scratchnn.data.own import folders, tables
from scratchnn.data.own.decoding import bytes_of, text_of
from scratchnn.data.own.labelled import Parts, labelled

_COMMA, _TAB, _JSON = (".csv",), (".tsv", ".tab"), (".jsonl", ".ndjson")
_LINES = (".txt", ".ft", ".train", ".test", ".valid")
_ARCHIVES = (".tar", ".tgz", ".tar.gz")
_REFUSED = {
    ".json": "save an object per line, as .jsonl",
    ".xlsx": "save it as CSV, in UTF-8",
    ".xls": "save it as CSV, in UTF-8",
    ".parquet": "convert it to CSV or JSONL",
    ".zip": "unpack it, and name the file or the folder in it",
    ".gz": "unpack it, and name the file",
}
EXPECTED = (
    "a table with the names of its columns in the first line (.csv, .tsv), an object per line (.jsonl), lines with "
    "__label__x before the text (.txt), or a folder label/*.txt, also inside train/ and test/, or as .tar.gz"
)


def is_own(path: str | os.PathLike[str]) -> bool:
    """Whether a path given as --data names texts of the user's own, and not Keras' files of the reviews."""
    path = Path(os.path.expanduser(path))
    if path.is_dir():
        return not any((path / name).exists() for name in ("imdb.npz", "imdb_word_index.json"))
    return path.suffix != ".npz" and (path.is_file() or path.suffix in (*_COMMA, *_TAB, *_JSON, *_LINES, *_ARCHIVES))


def read(
    path: str | os.PathLike[str], text_column: str | None = None, label_column: str | None = None, flag: str = "--data"
) -> Parts:
    """The texts at a path, with what is left out in the `notes`. Columns of a table that are None go by their names.

    Raises:
        DataError: if it is not there, no such file, or anything in it is not as it should be; it names the line.
    """
    path = Path(os.path.expanduser(path))
    where = str(path)
    if not path.exists():
        raise DataError(f"{flag}: there is no {where}{'' if path.is_absolute() else f' in {Path.cwd()}'}")
    is_table = path.suffix.lower() in (*_COMMA, *_TAB, *_JSON)
    if not is_table and (given := [name for name in (text_column, label_column) if name is not None]):
        raise DataError(f"{where} is no table, so that it has no column {given[0]!r}: leave the columns out")
    if path.is_dir():
        return folders.read_folder(path)
    if path.name.lower().endswith(_ARCHIVES):
        return folders.read_archive(path)
    kind = path.suffix.lower()
    if (to_do := _REFUSED.get(kind)) is not None:
        raise DataError(f"{where}: a {kind} file is not read: {to_do}")
    if not is_table and kind not in _LINES:
        raise DataError(f"{where}: a file of another kind; expected {EXPECTED}")
    text = text_of(bytes_of(path, where), where)
    if not text.strip():
        raise DataError(f"{where}: the file is empty")
    if kind in _JSON:
        table = tables.read_jsonl(text, where, text_column, label_column)
    elif is_table:
        table = tables.read_csv(text, where, "," if kind in _COMMA else "\t", text_column, label_column)
    elif "__label__" not in text:
        raise DataError(f"{where}: no line begins with __label__, so that no text has a label; expected {EXPECTED}")
    else:
        table = tables.read_fasttext(text, where)
    rows, empty = labelled(table.rows, where, is_table)
    return Parts(rows, source=f"{path.name}, {table.about}", empty=empty, is_table=is_table)
