"""Splitting labelled texts by a numbered draw: every class in the same shares, and equal texts on one side."""

import re
from collections.abc import Sequence

from scratchnn.core.randomness import generator
from scratchnn.data.corpus import DataError
from scratchnn.data.own.labelled import Labelled

_SIGNS = re.compile(r"[\W_]+")  # all but letters and digits


def split(texts: Labelled, shares: Sequence[float], draw: int) -> list[Labelled]:
    """The texts in parts, the first one with what the `shares` of the others leave. Each part is shuffled.

    Draws are numbered: each is always the same. Of each class a part holds its share, rounded, and at least one text;
    texts of the same letters and digits stay together, so that none of a part was read in another.

    Raises:
        DataError: for a class of fewer different texts than parts.
    """
    groups: dict[str, dict[str, list[int]]] = {}  # by class, then by text: which rows
    label_of: dict[str, str] = {}  # a text that has two labels is of the class that it has first
    for n, row in enumerate(texts.rows):
        same = _SIGNS.sub("", row.text.casefold()) or row.text
        label = label_of.setdefault(same, row.label)
        groups.setdefault(label, {}).setdefault(same, []).append(n)
    require_enough({label: len(found) for label, found in groups.items()}, 1 + len(shares))
    random = generator(0, "data", epoch=draw)
    parts: list[list[int]] = [[] for _ in range(1 + len(shares))]
    for label in sorted(groups):
        rows = list(groups[label].values())
        order = random.permutation(len(rows)).tolist()
        total = sum(map(len, rows))
        for later, (part, share) in zip(range(len(shares), 0, -1), zip(parts[1:], shares, strict=True), strict=True):
            wanted, taken = max(1, round(share * total)), 0
            while taken < wanted and len(order) > later:  # one is left for each part that follows
                group = rows[order.pop()]
                part += group
                taken += len(group)
        parts[0] += [n for group in order for n in rows[group]]
    return [texts.at(part[n] for n in random.permutation(len(part))) for part in parts]


def require_enough(counts: dict[str, int], parts: int) -> None:
    """Raise DataError unless every class has a text for each part."""
    if rare := {label: count for label, count in sorted(counts.items()) if count < parts}:
        told = ", ".join(f"{label!r} {count}" for label, count in list(rare.items())[:5])
        raise DataError(
            f"each class needs {parts} different texts or more, one for each part (training, validation, test): {told}"
            f"{', ...' if len(rare) > 5 else ''}. Join rare classes, or delete them; or give the parts as files of "
            "their own, with --test-data and --validation-data"
        )
