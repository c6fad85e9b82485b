"""An audit of texts as a page of plain text."""

from typing import Any

from scratchnn.core.names import plural
from scratchnn.data.own.audit import Audit
from scratchnn.report.table import table

_MOST_CLASSES = 20  # that have a row


def report(audit: Audit) -> str:
    """The lines to print: sizes, words, and what deserves a look."""
    numbers = audit.numbers
    parts: dict[str, Any] = numbers["parts"]
    duplicates, torn = numbers["duplicates"], numbers["two_labels"]
    unknown = ", ".join(f"{share:.1%} of the {name} words" for name, share in numbers["unknown"].items())
    words, longest = numbers["words"], numbers["words"]["100"]
    pairs = [
        ("data", f"{numbers['source']}, digest {numbers['digest'][:8]}"),
        ("empty", f"{plural(numbers['empty'], 'row')} without a text"),
        ("repeated", f"{plural(duplicates['normalised'], 'text')}, {duplicates['exact']:,} of them to the letter"),
        ("two labels", f"{torn['texts']:,} texts whose words are there with another label too"),
        *(
            ("overlap", f"{of['normalised']:,} {name} texts are in training too, {of['exact']:,} to the letter")
            for name, of in numbers["overlap"].items()
        ),
        ("words", f"half of the texts have {words['25']} to {words['75']}, 95% up to {words['95']}, one {longest:,}"),
        ("length", f"last {numbers['length']} words are read: {numbers['cut']:.1%} of the texts are cut"),
        ("vocabulary", f"{numbers['known_words']:,} of {numbers['different_words']:,} different words"),
        ("unknown", unknown),
    ]  # fmt: skip
    lines = table(pairs, "<<")
    lines += ["", *_classes(parts), ""]
    if numbers["left_out"]:
        lines += [f"note: {note}" for note in numbers["left_out"]]
    lines += [f"look: {finding}" for finding in audit.findings] or ["nothing stands out"]
    return "\n".join(lines)


def _classes(parts: dict[str, Any]) -> list[str]:
    """A row for each class, with its texts in each part, and the share of the training texts."""
    total = parts["train"]["texts"]
    names = list(parts["train"]["classes"])
    rows = [("class", *parts, "share")]
    for name in names[:_MOST_CLASSES]:
        counts = [f"{part['classes'][name]:,}" for part in parts.values()]
        rows.append((name, *counts, f"{parts['train']['classes'][name] / total:.1%}"))
    if len(names) > _MOST_CLASSES:
        rows.append((f"and {len(names) - _MOST_CLASSES} more", *([""] * len(parts)), ""))
    rows.append(("all", *(f"{part['texts']:,}" for part in parts.values()), ""))
    return table(rows, "<" + ">" * (len(parts) + 1))
