"""Label texts with a trained model: `scratchnn predict RUN "a dull film"`, or line by line, `scratchnn predict RUN -`.

This file parses, calls and prints. Nothing heavy is imported before the arguments are known to be right.
"""

import argparse
import io
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scratchnn.core import program
from scratchnn.core.checks import whole_number
from scratchnn.core.names import visible

if TYPE_CHECKING:
    from scratchnn.data.predictions import Prediction

_TOLD = 5  # texts that the model hardly knows; of more, their number is told


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 done, 2 bad arguments, run or text, 130 Ctrl-C."""
    args = _parser().parse_args(arguments)
    return program.ended(lambda: _predict(args))


def _predict(args: argparse.Namespace) -> None:
    by_line = args.texts == ["-"]
    if "-" in args.texts and not by_line:
        raise ValueError("- reads the standard input and stands alone: leave it out, or the texts beside it")
    if sys.stdout is None:
        raise ValueError("there is no standard output to write the labels to")
    from scratchnn.texts.predictor import FEW, open_predictor

    predictor = open_predictor(args.run)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # labels that its encoding has no letters for
    if args.top is not None:
        whole_number("--top", args.top, 1, len(predictor.classes))
    kind, done, doubtful = "line" if by_line else "text", 0, 0
    for texts in _lines() if by_line else [_checked(args.texts)]:
        # Lines that are typed one by one never wait for compiled kernels; many do, and then go through them faster.
        found = predictor.predictions(texts, many=len(texts) > 1 and done + len(texts) > FEW)
        sys.stdout.write("".join(f"{_shown(each, args)}\n" for each in found))
        sys.stdout.flush()
        for number, doubt in enumerate((each.doubt for each in found), start=done + 1):
            doubtful += bool(doubt)
            if doubt and doubtful <= _TOLD:
                print(f"warning: {kind} {number} {doubt}", file=sys.stderr)
        done += len(found)
    if doubtful > _TOLD:
        print(f"warning: so are {doubtful - _TOLD:,} more of the {done:,} {kind}s", file=sys.stderr)
    if not done:
        print("warning: the standard input holds no line", file=sys.stderr)


def _lines() -> Iterator[list[str]]:
    from scratchnn.data.lines import blocks_of_lines

    if sys.stdin is None:
        raise ValueError("there is no standard input to read lines from")
    if sys.stdin.isatty():
        print("a text and Enter; Ctrl-D ends", file=sys.stderr)
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as file:
        yield from blocks_of_lines(file, "the standard input")


def _checked(texts: list[str]) -> list[str]:
    for number, text in enumerate(texts, start=1):
        if any("\ud800" <= letter <= "\udfff" for letter in text):  # how Python keeps bytes that are no UTF-8
            raise ValueError(f"text {number} is not UTF-8: {text!a}")
    return texts


def _shown(found: "Prediction", args: argparse.Namespace) -> str:
    pairs = [(found.label, found.probability)]
    if args.proba:
        pairs = list(found.probabilities.items())
    elif args.top is not None:
        pairs = sorted(found.probabilities.items(), key=lambda pair: -pair[1])[: args.top]
    if not args.json:
        return "\t".join(f"{visible(label)}\t{probability:.4f}" for label, probability in pairs)
    told: dict[str, Any] = {"label": found.label, "probability": found.probability}
    told |= {"probabilities": dict(pairs)} if args.proba or args.top is not None else {}
    told |= {"words": found.words, "unknown": found.unknown}
    return json.dumps(told | ({"doubt": found.doubt} if found.doubt else {}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program.usage_name("scratchnn.commands.predict"),
        description="Label texts with a trained model: for each, a line with the label and its probability, separated "
        "by a tab. What the model says of texts without a word, or mostly of unknown words, is worth little; the "
        "standard error says which they are.",
        epilog="example: scratchnn predict runs/lstm-20260101-120000-0123abcd 'dull, then wonderful'",
    )
    add, shown = parser.add_argument, parser.add_mutually_exclusive_group()
    add("run", metavar="RUN", help="folder of a run of scratchnn train, or a model saved as .npz")
    add("texts", metavar="TEXT", nargs="+", help="a text in quotes; - reads one from each line of the standard input")
    shown.add_argument("--proba", action="store_true", help="every class with its probability, in the model's order")
    shown.add_argument("--top", type=int, metavar="N", help="the N most probable classes, the most probable first")
    add("--json", action="store_true", help="an object of JSON in each line, with the numbers in full")
    return parser


if __name__ == "__main__":
    sys.exit(main())
