"""Write the page that shows how a trained model reads a text: `python -m scratchnn.explain runs/lstm-... --review 3`.

This file parses, calls and prints. Nothing heavy is imported before the arguments are known to be right.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratchnn.core import program


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 done, 2 bad arguments, run or data, 130 Ctrl-C."""
    args = _parser().parse_args(arguments)
    return program.ended(lambda: _explain(args))


def _explain(args: argparse.Namespace) -> None:
    from scratchnn.experiments.opening import open_run, reviews_of
    from scratchnn.explain.page import names_of, require_one_vocabulary, write
    from scratchnn.explain.runs import facts_of, require_files, review, save_arrays

    _require_heeded(args)
    run, model = open_run(args.run)
    if args.instructive:
        from scratchnn.explain.instructive import write_instructive

        print(f"wrote {write_instructive(run, model, *reviews_of(model, args.data))}: it leads to the reviews")
        return
    other_run, other = (None, None) if args.compare is None else open_run(args.compare)
    label, what = None, "a text of your own"
    text: Any = sys.stdin.read() if args.stdin else args.text
    if other is not None:
        require_one_vocabulary(model, other)  # before the data are searched for
    if text is None:
        text, label = review(args.review, *reviews_of(model, args.data))
        what = f"test review {args.review}"
    name = "explain.html" if args.stdin or args.text is not None else f"explain-{args.review}.html"
    out = run / name if args.out is None else Path(args.out)
    require_files({"--out": out, "--npz": args.npz}, [args.run, args.compare])
    runs, facts = run.name, facts_of(model)
    names = names_of([model] if other is None else [model, other])
    if other_run is not None and other is not None:
        runs = f"{names[0]} of {run.name}, {names[1]} of {other_run.name}"
        facts = [
            (f"{name}: {what}", fact)
            for name, each in zip(names, (model, other), strict=True)
            for what, fact in facts_of(each)
        ]
    kicker = f"{runs}: {what}"
    found = write(out, model, text, label=label, compare=other, of_class=args.of_class, kicker=kicker, facts=facts)
    for name, each in zip(names, found, strict=True):
        words = len(each.reading.words) - each.reading.words.count("<start>")
        of = "" if each.reading.of_class is None else f" of {each.chain.classes[each.reading.of_class]}"
        print(f"{name}  p{of} {each.reading.prediction:.4f} after {words} words")
    print(f"wrote {out}: open it in a browser")
    if args.npz is not None:
        save_arrays(args.npz, found)
        print(f"wrote {args.npz}: every number of the page in full")


def _require_heeded(args: argparse.Namespace) -> None:
    """Raise ValueError where something was given that what is asked for would not heed."""
    unheeded = ["compare", "class", "out", "npz"] * args.instructive + ["data"] * bool(
        args.stdin or args.text is not None
    )
    given = [f"--{name}" for name in unheeded if getattr(args, "of_class" if name == "class" else name) is not None]
    if given:
        what = "--instructive, which writes its pages into the run's folder," if args.instructive else "a text"
        raise ValueError(f"{what} has no use for {', '.join(given)}: leave it out")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program.usage_name("scratchnn.explain"),
        description="Write one page, readable offline, that shows how a trained model reads a text: p after every "
        "word, gates and states, the gradient's way back, and the words that counted. The text can be changed in it.",
        epilog="example: python -m scratchnn.explain runs/lstm-20260101-120000-0123abcd --text 'dull, then wonderful'",
    )
    parser.add_argument("run", metavar="RUN", help="folder of a run of scratchnn.train, or a model saved as .npz")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--review", type=int, default=0, metavar="N", help="a review of the test set (default: 0)")
    what.add_argument("--text", help="a text of your own")
    what.add_argument(
        "--instructive",
        action="store_true",
        help="a page that leads to three reviews: the most certain, the most wrong, that of the biggest turn",
    )
    what.add_argument("stdin", nargs="?", choices=["-"], help="read the text from the standard input")
    parser.add_argument("--compare", metavar="OTHER_RUN", help="stand another model, of the same words, beside it")
    parser.add_argument(
        "--class",
        dest="of_class",
        metavar="NAME",
        help="of several classes, the one whose probability p is (default: the likeliest)",
    )
    parser.add_argument("--out", metavar="PAGE", help="the page (default: explain-N.html or explain.html in the run)")
    parser.add_argument("--npz", metavar="FILE", help="write all numbers in full as well, as arrays of NumPy")
    parser.add_argument("--data", metavar="PATH", help="where the reviews are (default: searched, as by train)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
