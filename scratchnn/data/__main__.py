"""Look at labelled texts before training on them: `python -m scratchnn.data check reviews.csv`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from scratchnn.core import program


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 audited, whatever was found; 2 bad arguments or data, 130 Ctrl-C."""
    args = _parser().parse_args(arguments)
    return program.ended(lambda: print(_checked(args)))


def _checked(args: argparse.Namespace) -> str:
    from scratchnn.core.checks import share, whole_number
    from scratchnn.data.own.audit import audit
    from scratchnn.data.own.audit_report import report
    from scratchnn.data.own.loading import WORDS, in_parts, read_all
    from scratchnn.data.own.options import TextOptions
    from scratchnn.data.own.reading import is_own

    if os.path.exists(args.path) and not is_own(args.path):
        raise ValueError(
            f"{args.path} is no table, file or folder of labelled texts; the film reviews are checked by their digest"
        )
    for name in ("length", "vocabulary"):
        if getattr(args, name) is not None:
            whole_number(name, getattr(args, name), 4 if name == "vocabulary" else 1)
    share("validation_split", args.validation_split)
    names = ("test_data", "validation_data", "text_column", "label_column", "test_split")
    options = TextOptions(args.path, **{name: getattr(args, name) for name in names}, min_count=args.min_count)
    read = read_all(options)
    split = in_parts(read, options, args.validation_split, 1)
    num_words = WORDS if args.vocabulary is None else args.vocabulary
    found = audit(read, split, num_words=num_words, length=args.length, min_count=args.min_count)
    if args.json:
        return json.dumps({**found.numbers, "findings": found.findings}, ensure_ascii=False, indent=1)
    return report(found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program.usage_name("scratchnn.data"),
        description="Labelled texts of your own.",
        epilog="docs/own-text.md says more",
    )
    command = parser.add_subparsers(required=True, metavar="check").add_parser(
        "check",
        help="audit texts before training on them",
        description="Audit labelled texts, split as training would split them: sizes and balance, duplicates, texts "
        "with two labels, overlap of the parts, lengths, unknown words, and words that give the label away.",
        epilog="example: python -m scratchnn.data check reviews.csv",
    )
    add = command.add_argument
    add("path", metavar="PATH", help="a .csv, .tsv or .jsonl, lines with __label__x, or a folder label/*.txt")
    add("--text-column", metavar="NAME", help="of a table (default: text, review, sentence, ...)")
    add("--label-column", metavar="NAME", help="of a table (default: label, class, sentiment, ...)")
    add("--test-data", metavar="PATH", help="texts to test on (default: a share of the others)")
    add("--validation-data", metavar="PATH", help="texts to validate on (default: a share of the others)")
    add("--test-split", type=float, metavar="SHARE", help="to test on, of each class (default: 0.2)")
    add("--validation-split", type=float, metavar="SHARE", default=0.2, help="to hold out (default: 0.2)")
    add("--vocabulary", type=int, metavar="V", help="number of ids (default: 10000 at most)")
    add("--length", type=int, metavar="T", help="words read of each text, the last ones (default: by their lengths)")
    add("--min-count", type=int, metavar="N", default=2, help="leave out words that are rarer (default: 2)")
    add("--json", action="store_true", help="print an object of JSON instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
