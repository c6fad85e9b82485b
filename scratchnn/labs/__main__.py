"""`python -m scratchnn.labs`: begin a lab, have it checked, ask for a hint; docs/labs.md.

This file parses, calls and prints. Nothing heavy is imported before the arguments are known to be right.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scratchnn.core import program

if TYPE_CHECKING:
    from scratchnn.labs.grading import Grade


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 done, 1 a task is open or wrong, 2 bad arguments or files, 130 Ctrl-C."""
    args = _parser().parse_args(arguments)
    return program.ended(lambda: args.run(args))


def _list(args: argparse.Namespace) -> int:
    from scratchnn.labs.shelf import LABS

    for key, lab in LABS.items():
        if key.startswith("zoo") == args.zoo:
            print(f"{key.removeprefix('zoo'):>3}  {lab.title.partition(': ')[2]}  ({lab.minutes} minutes)")
    return 0


def _start(args: argparse.Namespace) -> int:
    from scratchnn.labs.shelf import find, start

    lab = find(_key(args))
    path = start(lab, _folder(args))
    words = "zoo check" if args.zoo else "check"
    print(f"wrote {path}: open it in an editor and read it from the top; run its cells there, or `python {path}`")
    print(f"`python -m scratchnn.labs {words} {args.lab}` says what is right")
    return 0


def _check(args: argparse.Namespace) -> int:
    from scratchnn.labs.grading import grade
    from scratchnn.labs.shelf import file_of, find

    lab = find(_key(args))
    found = grade(lab, file_of(lab, _folder(args)))
    _print(found)
    if not found.done and found.right < len(found.results):
        zoo = "zoo " if args.zoo else ""
        print(f"Stuck? `python -m scratchnn.labs {zoo}hint {args.lab}` gives a hint, and another one each time.")
    return 0 if found.done else 1


def _hint(args: argparse.Namespace) -> int:
    from scratchnn.labs.hints import next_hint
    from scratchnn.labs.shelf import find

    print(next_hint(find(_key(args)), _folder(args), args.task))
    return 0


def _folder(args: argparse.Namespace) -> Path:
    from scratchnn.labs.shelf import usual_folder

    return usual_folder() if args.folder is None else args.folder


def _print(found: "Grade") -> None:
    print("\n".join(found.lines(max(60, min(120, shutil.get_terminal_size((100, 24)).columns)))))


def _export(args: argparse.Namespace) -> int:
    from scratchnn.labs.exported import export

    folder = args.out if args.out is not None else Path(f"labs-{re.sub(r'[^A-Za-z0-9_.-]', '_', args.student)}")
    written = export(args.student, folder, args.notebook)
    print(f"wrote {len(written)} files to {folder}: {', '.join(path.name for path in written)}")
    print("The student runs the files, and the commands that stand in them, in that folder.")
    print(f"When they come back: `python -m scratchnn.labs grade FOLDER --student {args.student}`")
    return 0


def _grade(args: argparse.Namespace) -> int:
    from scratchnn.labs.exported import grade_folder

    seconds = {} if args.seconds is None else {"seconds": args.seconds}
    right = tasks = 0
    for lab, found in grade_folder(args.student, args.graded, **seconds):
        tasks += len(lab.tasks)
        if found is None:
            print(f"{lab.title}: not handed in")
        else:
            right += found.right
            _print(found)
    print(f"{args.student}: {right} of {tasks} tasks are right")
    return 0 if right == tasks else 1


def _key(args: argparse.Namespace) -> str:
    return f"zoo{args.lab}" if args.zoo else args.lab


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program.usage_name("scratchnn.labs"),
        description="Learn recurrent networks by writing them: labs with a question, a prediction, holes to fill and a "
        "measurement.",
        epilog="example: `start 1` copies a lab to labs/lab1.py; fill its holes, and `check 1` says what is right",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_student_commands(commands, zoo=False)
    zoo = commands.add_parser("zoo", help="programs with a fault to find: list, start, check and hint as above")
    _add_student_commands(zoo.add_subparsers(title="commands", metavar="COMMAND", required=True), zoo=True)
    _add_teachers_commands(commands)
    return parser


def _add_student_commands(commands: "argparse._SubParsersAction", zoo: bool) -> None:
    what = "a bug of the zoo" if zoo else "a lab"
    every = commands.add_parser("list", help="what there is")
    every.set_defaults(run=_list, zoo=zoo)
    for name, run, words in (
        ("start", _start, f"copy {what} into your folder; a file that is there is never overwritten"),
        ("check", _check, "run your file, and nothing else of yours, and say what is right, open and wrong"),
        ("hint", _hint, "the next hint for the first task that is not right, or for the one you name"),
    ):
        command = commands.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        command.add_argument("lab", metavar="N", help="its number; `list` shows them")
        if name == "hint":
            command.add_argument("task", metavar="TASK", nargs="?", help="the function that the hint is for")
        command.add_argument(
            "--folder", type=Path, help="your folder (default: labs, or the one you are in if it has labs)"
        )
        command.set_defaults(run=run, zoo=zoo)


def _add_teachers_commands(commands: "argparse._SubParsersAction") -> None:
    words = "for a teacher: write the labs and one bug of the zoo for one student, with numbers of his own"
    command = commands.add_parser("export", help=words, description=f"{words.capitalize()}.")
    command.add_argument("--student", metavar="ID", required=True, help="decides which bug and numbers are drawn")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="where to (default: labs-ID)")
    command.add_argument("--notebook", action="store_true", help="as notebooks (.ipynb)")
    command.set_defaults(run=_export)
    words = "for a teacher: grade what a student handed in. It runs his files: do that where they can do no harm"
    command = commands.add_parser("grade", help=words, description=f"{words}.".capitalize())
    command.add_argument("graded", type=Path, metavar="FOLDER", help="with the files that came back")
    command.add_argument("--student", metavar="ID", required=True, help="as it was given to export")
    command.add_argument(
        "--seconds", type=float, help="for each program; what is not done by then is wrong (default: 120)"
    )
    command.set_defaults(run=_grade)


if __name__ == "__main__":
    sys.exit(main())
