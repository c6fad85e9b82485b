"""Which column of a table is the text, and which the label."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from scratchnn.core.names import nearest
from scratchnn.data.corpus import DataError

TEXT_COLUMNS = (
    "text", "review", "sentence", "comment", "content", "message", "tweet", "body", "document", "headline", "title",
    "review_text", "reviewtext", "utterance", "phrase", "question",
)  # fmt: skip
LABEL_COLUMNS = (
    "label", "class", "sentiment", "category", "target", "labels", "polarity", "topic", "rating", "stars", "intent", "y"
)  # fmt: skip


class Columns(NamedTuple):
    """Their names."""

    text: str
    label: str


def choose(names: Sequence[str], where: str, text: str | None, label: str | None) -> Columns:
    """The two columns among `names`: those that were asked for, or the first that have one of the usual names.

    Raises:
        DataError: if there is no such column; a misspelled one is corrected.
    """
    wanted = (text, label, *_usual())
    if doubled := sorted(name for name, count in Counter(names).items() if count > 1 and name in wanted):
        raise DataError(f"{where}: the column {doubled[0]!r} is there twice: rename one of them")
    chosen = Columns(
        _column(names, where, "text", text, TEXT_COLUMNS), _column(names, where, "label", label, LABEL_COLUMNS)
    )
    if chosen.text == chosen.label:
        raise DataError(f"{where}: {chosen.text!r} cannot be both text and label: name two columns")
    return chosen


def _usual() -> tuple[str, ...]:
    return TEXT_COLUMNS + LABEL_COLUMNS


def _column(names: Sequence[str], where: str, what: str, asked: str | None, usual: Sequence[str]) -> str:
    plain = {name.strip().lower(): name for name in reversed(names)}
    listed = ", ".join(map(repr, names[:12])) + (", ..." if len(names) > 12 else "")
    if asked is not None:
        if asked in names:
            return asked
        if (found := plain.get(asked.strip().lower())) is not None:
            return found
        raise DataError(f"{where}: there is no column {asked!r}{nearest(asked, names) or '.'} The columns are {listed}")
    if found := next((plain[name] for name in usual if name in plain), None):
        return found
    raise DataError(
        f"{where}: no column has a usual name of a {what} ({', '.join(usual[:4])}, ...). The columns are {listed}: "
        f"name it with --{what}-column; if these are no names, write a first line with them, such as text and label"
    )
