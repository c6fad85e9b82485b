"""Hints: each time one more, for the first task that is not right yet."""

import json
from pathlib import Path

from scratchnn.core.files.atomic import write_atomically
from scratchnn.labs.grading import RIGHT, grade
from scratchnn.labs.lab import Lab
from scratchnn.labs.shelf import file_of

SEEN = ".hints.json"  # in the student's folder: how many hints each task has had


def next_hint(lab: Lab, folder: Path) -> str:
    """
    Raises:
        OSError, ValueError: if the student's file is not there, or cannot be read.
    """
    grades = grade(lab, file_of(lab, folder))
    waiting = [task for task, result in zip(lab.tasks, grades.results, strict=True) if result.verdict != RIGHT]
    if not waiting:
        return "All tasks of this lab are right: it needs no hint."
    task, seen = waiting[0], _seen(folder)
    name = f"{lab.name} {task.name}"
    number = min(seen.get(name, 0) + 1, len(task.hints))
    write_atomically(folder / SEEN, [json.dumps(seen | {name: number}).encode()])
    last = "; it is the last one" if number == len(task.hints) else ""
    return f"{task.name}, hint {number} of {len(task.hints)}{last}\n  {task.hints[number - 1]}"


def _seen(folder: Path) -> dict[str, int]:
    try:
        seen = json.loads((folder / SEEN).read_text(encoding="utf-8"))
        return {str(name): int(number) for name, number in seen.items() if int(number) >= 0}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # then hints begin anew
