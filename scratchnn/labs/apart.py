"""Grading in a process of its own, so that a program that does not end, or that ends Python, stops no other's grading.

The process tells what it finds as it goes: what was found before a program was ended still counts.
"""

import faulthandler
import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from scratchnn.labs.grading import OPEN, RIGHT, WAITS, WRONG, Grade, Result, grade
from scratchnn.labs.lab import Lab, Task
from scratchnn.labs.shelf import find
from scratchnn.labs.student import Open, Wrong, line_of

SECONDS = 120.0  # by default; a lab takes a few, and compiling its kernels for the first time may take a minute
_TO_START = 60.0  # seconds in which the process must have imported what it needs
_TO_END = 5.0  # seconds that it gets to end itself, before it is ended from here


def grade_apart(lab: Lab, path: Path, drawn: Mapping[str, Any], hidden: str, seconds: float = SECONDS) -> Grade:
    """As grading.grade, of a file that may do anything; a task that is not done in time is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "stack.txt"
        told, ended = _messages(where, (lab.key, path, dict(drawn), hidden, seconds))
        stack = where.read_text(encoding="utf-8", errors="replace") if where.is_file() else ""
    last = told[-1] if told else {}
    if "error" in last:
        return _unfinished(lab, path, [], last["error"])
    if "results" in last:
        results = tuple(Result(*each) for each in last["results"])
        return Grade(lab, path, results, tuple(last["predictions"]), last["breaks"], last["unreadable"])
    why = ended or f"{_place(path, stack)}is not done after {seconds:g} seconds; has a loop no end?"
    return _unfinished(lab, path, told, why)


def _messages(where: Path, arguments: tuple[Any, ...]) -> tuple[list[dict[str, Any]], str]:
    """What the process told, and how it ended, "" if it ran out of time."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_judge, args=(theirs, where, *arguments), daemon=True)
    process.start()
    theirs.close()
    told: list[dict[str, Any]] = []
    until = time.monotonic() + _TO_START
    try:
        while ours.poll(max(0.0, until - time.monotonic())):
            if not told:
                until = time.monotonic() + arguments[-1] + _TO_END
            told.append(json.loads(ours.recv_bytes()))
            if told[-1].keys() & {"results", "error"}:
                break
    except (EOFError, OSError):
        process.join(_TO_END)
        if not _timed_out(where):
            return told, f"the program ended Python (exit status {process.exitcode})"
    finally:
        process.kill()
        process.join()
        ours.close()
    return told, ""


def _judge(
    connection: Connection, where: Path, key: str, path: Path, drawn: dict[str, Any], hidden: str, seconds: float
) -> None:
    """What the process does. When its time is over it writes the stack and ends, whatever it is doing."""

    def tell(**message: Any) -> None:
        connection.send_bytes(json.dumps(message).encode())

    lab = find(key)
    lab = replace(lab, tasks=tuple(replace(task, check=_told(task, tell)) for task in lab.tasks))
    tell(begins="")
    with where.open("w", encoding="utf-8") as file:
        faulthandler.dump_traceback_later(seconds, file=file, exit=True)
        try:
            found = grade(lab, path, drawn, hidden)
        except (OSError, ValueError) as error:
            tell(error=str(error))
            return
        finally:
            faulthandler.cancel_dump_traceback_later()
    results = [(result.task, result.verdict, result.words) for result in found.results]
    tell(results=results, predictions=found.predictions, breaks=found.error, unreadable=found.unreadable)


def _told(task: Task, tell: Callable[..., None]) -> Callable[..., str]:
    """A task's check, telling when it begins and what it found."""

    def check(*arguments: Any) -> str:
        tell(begins=task.name)
        try:
            words = task.check(*arguments)
        except (Open, Wrong) as why:
            tell(task=task.name, verdict=OPEN if isinstance(why, Open) else WRONG, words=str(why))
            raise
        tell(task=task.name, verdict=RIGHT, words=words)
        return words

    return check


def _unfinished(lab: Lab, path: Path, told: list[dict[str, Any]], why: str) -> Grade:
    done = {each["task"]: Result(each["task"], each["verdict"], each["words"]) for each in told if "task" in each}
    running = told[-1].get("begins") if told else None
    results = [
        done.get(task.name)
        or (Result(task.name, WRONG, why) if task.name == running else Result(task.name, WAITS, "was not reached"))
        for task in lab.tasks
    ]
    return Grade(lab, path, tuple(results), (), None, stopped=None if running else why)


def _timed_out(where: Path) -> bool:
    return where.is_file() and where.stat().st_size > 0


def _place(path: Path, stack: str) -> str:
    """The line of the student's file in which the time ran out, "" where it is not known."""
    found = re.search(rf'File ".*{re.escape(path.name)}", line (\d+) in (\S+)', stack)
    if found is None:
        return ""
    within = "" if found[2].startswith("<") else f", in {found[2]}"
    return f"{line_of(path, int(found[1]))}{within}: "
