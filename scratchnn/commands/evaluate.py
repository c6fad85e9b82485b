"""Measure a trained model on labelled texts: `scratchnn evaluate RUN`.

This file parses, calls and prints. Nothing heavy is imported before the arguments are known to be right.
"""

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scratchnn.core import program
from scratchnn.core.checks import whole_number
from scratchnn.core.names import visible

if TYPE_CHECKING:
    from scratchnn.texts.labelled import Labelled
    from scratchnn.texts.measures import Measures

_MISTAKES = 5
_MOST_COLUMNS, _MOST_CONFUSIONS = 12, 20  # of more classes than that a table would be wider than any screen
_COLUMNS = ("text_column", "label_column")
Table = tuple[list[Sequence[str]], str]  # its rows, and on which side their cells are


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 done, 2 bad arguments, run or data, 130 Ctrl-C."""
    args = _parser().parse_args(arguments)
    return program.ended(lambda: _evaluate(args))


def _evaluate(args: argparse.Namespace) -> None:
    shown = whole_number("--mistakes", args.mistakes, 0)
    from scratchnn.experiments.run import interval
    from scratchnn.report.console import Console
    from scratchnn.texts.labelled import texts_for
    from scratchnn.texts.measures import measure
    from scratchnn.texts.predictor import open_predictor

    predictor = open_predictor(args.run)
    columns = {name: getattr(args, name) for name in _COLUMNS if getattr(args, name) is not None}
    data = texts_for(predictor, args.data, columns)
    found = measure(data.probabilities, data.labels, predictor.classes)
    between = interval(found.accuracy, found.texts)
    mistakes = [_mistake(data, row, found) for row in found.mistakes[:shown].tolist()]
    if args.json:
        told = {"run": args.run, "data": data.source, **found.as_dict(), "accuracy_95": between, "mistakes": mistakes}
        print(json.dumps(told))
        return
    console = Console()
    for line in _report(args.run, data, found, between, mistakes):
        console.line(line)


def _mistake(data: "Labelled", row: int, found: "Measures") -> dict[str, Any]:
    p = data.probabilities[row]
    label, true = found.classes[p.argmax()], found.classes[data.labels[row]]
    told = {"place": data.place_of(row), "label": label, "probability": float(p.max()), "true": true}
    return {**told, "text": data.text_of(row)}


def _report(
    run: str, data: "Labelled", found: "Measures", between: tuple[float, float], mistakes: list[dict[str, Any]]
) -> list[str]:
    from scratchnn.report.console import header_lines
    from scratchnn.report.table import table

    low, high = between
    lines = header_lines([
        ("run", run),
        ("data", f"{data.source}, {found.texts:,} texts"),
        ("accuracy", f"{found.accuracy:.4f}  [{low:.4f}, {high:.4f}] 95%"),
        ("log loss", f"{found.log_loss:.4f}"),
        ("calibration error", f"{found.calibration_error:.4f}"),
    ])  # fmt: skip
    for rows, align in (_of_classes(found), _confusions(found), _calibration(found)):
        lines += ["", *table(rows, align)]
    if mistakes:
        lines += ["", f"the most confident of {len(found.mistakes):,} mistakes"]
    for each in mistakes:
        named = f"{each['place']} is {each['true']}, taken for {each['label']} ({each['probability']:.4f}):"
        lines += [f"  {visible(named)}", f"    {visible(textwrap.shorten(each['text'], 110, placeholder=' ...'))}"]
    return lines


def _of_classes(found: "Measures") -> Table:
    rows: list[Sequence[str]] = [("class", "precision", "recall", "F1", "texts")]
    for k, name in enumerate(found.classes):
        *shares, texts = found.of_class(k)
        rows.append((name, *("-" if share is None else f"{share:.4f}" for share in shares), f"{texts:,}"))
    return rows, "<>>>>"


def _confusions(found: "Measures") -> Table:
    """Which class was taken for which: all of them, or of many classes the commonest confusions."""
    names, counts = found.classes, found.confusion
    if len(names) <= _MOST_COLUMNS:
        rows: list[Sequence[str]] = [("is, and was taken for", *names)]
        rows += [(name, *(f"{n:,}" for n in row)) for name, row in zip(names, counts.tolist(), strict=True)]
        return rows, "<" + ">" * len(names)
    wrong = [(n, k, j) for k, row in enumerate(counts.tolist()) for j, n in enumerate(row) if n and k != j]
    commonest = sorted(wrong, key=lambda each: -each[0])[:_MOST_CONFUSIONS]
    return [("is", "was taken for", "texts"), *((names[k], names[j], f"{n:,}") for n, k, j in commonest)], "<<>"


def _calibration(found: "Measures") -> Table:
    rows: list[Sequence[str]] = [("probability", "texts", "on average", "right")]
    for each in found.bins:
        between = f"{each.low:.1f} to {each.high:.1f}"
        rows.append((between, f"{each.texts:,}", f"{each.mean_probability:.4f}", f"{each.accuracy:.4f}"))
    return rows, "<>>>"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program.usage_name("scratchnn.commands.evaluate"),
        description="Measure a trained model on labelled texts: accuracy with its interval, precision, recall and F1 "
        "of each class, which are taken for which, the log loss, whether its probabilities can be believed, and the "
        "mistakes that it was most confident of.",
        epilog="example: scratchnn evaluate runs/lstm-20260101-120000-0123abcd --json",
    )
    add = parser.add_argument
    add("run", metavar="RUN", help="folder of a run of scratchnn train, or a model saved as .npz")
    add(
        "--data",
        metavar="PATH",
        help="labelled texts: a .csv, .tsv or .jsonl, lines with __label__x, a folder label/*.txt, or the files of the "
        "film reviews (default: what the run was tested on)",
    )
    add("--text-column", metavar="NAME", help="of a table (default: text, review, sentence, ...)")
    add("--label-column", metavar="NAME", help="of a table (default: label, class, sentiment, ...)")
    add("--mistakes", type=int, default=_MISTAKES, metavar="N", help=f"how many to show (default: {_MISTAKES})")
    add("--json", action="store_true", help="one object of JSON, with the numbers in full")
    return parser


if __name__ == "__main__":
    sys.exit(main())
