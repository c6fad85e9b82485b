"""Hints: each time one more, for the first task that is not right yet, or for the one asked for."""

import json
from pathlib import Path

from scratchnn.core.files.atomic import write_atomically
from scratchnn.labs.grading import RIGHT, WAITS, Grade, grade
from scratchnn.labs.lab import Lab, Task
from scratchnn.labs.shelf import file_of

SEEN = ".hints.json"  # in the student's folder: how many hints each task has had


def next_hint(lab: Lab, folder: Path, task_name: str | None = None) -> str:
    """
    Raises:
        OSError, ValueError: if the student's file is not there, or cannot be read; if there is no such task.
    """
    path = file_of(lab, folder)
    if task_name is None:
        grades = grade(lab, path)
        if grades.unreadable is not None:
            return f"Python cannot read a cell; mend this first: {grades.unreadable}"
        task = _first(grades)
        if task is None:
            return "All tasks of this lab are right: it needs no hint."
    else:
        task = _named(lab, task_name)
    seen = _seen(folder)
    name = f"{lab.name} {task.name}"
    number = min(seen.get(name, 0) + 1, len(task.hints))
    write_atomically(folder / SEEN, [json.dumps(seen | {name: number}).encode()])
    last = "; it is the last one" if number == len(task.hints) else ""
    return f"{task.name}, hint {number} of {len(task.hints)}{last}\n  {task.hints[number - 1]}"


def _first(grades: Grade) -> Task | None:
    """The first task that is not right, before those that only wait for it."""
    tasks = zip(grades.lab.tasks, grades.results, strict=True)
    left = [(result.verdict == WAITS, task) for task, result in tasks if result.verdict != RIGHT]
    return min(left, key=lambda each: each[0])[1] if left else None


def _named(lab: Lab, name: str) -> Task:
    for task in lab.tasks:
        if task.name == name:
            return task
    raise ValueError(f"{lab.name} has no task {name!r}; it has {', '.join(task.name for task in lab.tasks)}")


def _seen(folder: Path) -> dict[str, int]:
    try:
        seen = json.loads((folder / SEEN).read_text(encoding="utf-8"))
        return {str(name): int(number) for name, number in seen.items() if int(number) >= 0}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # then hints begin anew
