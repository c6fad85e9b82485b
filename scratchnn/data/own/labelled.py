"""Texts with their labels, and where each was read: what every reader returns."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from scratchnn.core.names import visible
from scratchnn.data.corpus import DataError

PARTS = ("train", "validation", "test")
_LONGEST_LABEL = 200


class Row(NamedTuple):
    text: str
    label: str
    place: str
    """Where it was read, such as "line 12" or "pos/3_9.txt"."""


@dataclass(frozen=True)
class Labelled:
    """Texts and their labels, in the order of the file. Every label has a letter, and every text one too."""

    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def texts(self) -> list[str]:
        return [row.text for row in self.rows]

    @property
    def labels(self) -> list[str]:
        return [row.label for row in self.rows]

    @cached_property
    def counts(self) -> Counter[str]:
        """How many texts each label has."""
        return Counter(self.labels)

    def at(self, numbers: Iterable[int]) -> "Labelled":
        """Those rows, in this order."""
        return Labelled(tuple(self.rows[n] for n in numbers))


@dataclass(frozen=True)
class Parts:
    """What was read of one path: the texts to train on, and those to validate and test on where it has them apart."""

    train: Labelled
    validation: Labelled | None = None
    test: Labelled | None = None
    source: str = ""
    """For people, such as "reviews.csv, columns review and sentiment"."""
    notes: tuple[str, ...] = field(default=())
    """What was left out, and why."""
    empty: tuple[str, ...] = field(default=())
    """Where rows without a text were; they were left out."""

    is_table: bool = False
    """Whether the text and the label were columns, so that others can be named."""

    def named(self) -> dict[str, Labelled]:
        """The parts there are, by name."""
        return {name: part for name in PARTS if (part := getattr(self, name)) is not None}

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex over all texts and labels in the order of the files, and which part each is in."""
        sha = hashlib.sha256()
        for name, part in self.named().items():
            for row in part.rows:
                # No text holds a NUL byte, so that two rows cannot pass for one.
                sha.update(f"{name}\0{row.label}\0{row.text}\0".encode())
        return sha.hexdigest()

    def with_part(self, name: str, other: "Parts") -> "Parts":
        """The same with a part that was read from a file of its own."""
        return replace(
            self, **{name: other.train}, notes=(*self.notes, *other.notes), empty=(*self.empty, *other.empty),
            source=f"{self.source}; {name}: {other.source}",
        )  # fmt: skip


def labelled(rows: Iterable[Row], where: str, is_table: bool = False) -> tuple[Labelled, tuple[str, ...]]:
    """The rows that have a text, and the places of those that have none.

    Labels are in Unicode's composed form, since the same letters can be written in two ways.

    Raises:
        DataError: if a label is missing or no name, or there is no row at all.
    """
    rows = tuple(row._replace(label=unicodedata.normalize("NFC", row.label.strip())) for row in rows)
    if not rows:
        raise DataError(f"{where}: expected labelled texts, and there are none. Is the file complete?")
    if missing := [row.place for row in rows if not row.label]:
        raise DataError(
            f"{where}: {some(missing)} no label: give {'it' if len(missing) == 1 else 'them'} one, or delete "
            f"the row{'s' * (len(missing) > 1)}"
        )
    for label, place in {row.label: row.place for row in reversed(rows)}.items():
        _require_name(label, f"{where}, {place}", is_table)
    empty = tuple(row.place for row in rows if not row.text.strip())
    if len(empty) == len(rows):
        raise DataError(f"{where}: no row has a text{other_column('text', is_table)}")
    return Labelled(tuple(row for row in rows if row.text.strip())), empty


def _require_name(label: str, here: str, is_table: bool) -> None:
    """Raise DataError for a label that no line of a report, and no line of `predict`, could hold."""
    if len(label) > _LONGEST_LABEL:
        raise DataError(
            f"{here}: a label of {len(label):,} characters, {label[:40]!r}..., expected a short name"
            f"{other_column('label', is_table)}"
        )
    if visible(label) != label:
        raise DataError(f"{here}: the label {label!r} holds a line end or another sign that is no letter: take it out")


def other_column(what: str, is_table: bool) -> str:
    """What to do where the texts or the labels look like something else: only a table has others."""
    return f". Is another column the {what}? Name it with --{what}-column" if is_table else ""


def some(places: Sequence[str]) -> str:
    """ "line 4 has", or "3 rows (line 4, line 7, ...) have"."""
    if len(places) == 1:
        return f"{places[0]} has"
    return f"{len(places):,} rows ({', '.join(places[:3])}{', ...' if len(places) > 3 else ''}) have"
