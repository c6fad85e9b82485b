"""The table of docs/reliability.md, from results/reliability.json."""

from typing import Any

from benchmarks.tables import markdown

MARKS = ("<!-- reliability: written by benchmarks/reliability -->", "<!-- end of reliability -->")
# Each line: the goals whose name begins so, and the script that tries them. Others come last.
SCRIPTS = {
    "kills while saving": "saving",
    "kills of `fit`": "fit",
    "kills of the command": "command",
    "bit flips": "flips",
    "cuts": "flips",
    "crafted files": "hostile",
    "files with random damage": "fuzz",
    "a soak": "soak",
}


def table(records: list[dict[str, Any]]) -> str:
    """A row for each record, and which CPU the seconds are of."""
    begins = list(SCRIPTS)
    order = {each["goal"]: _place(each["goal"], begins) for each in records}
    rows = [
        (
            each["goal"],
            f"{each['tried']:,}",
            f"{each['lost']:,}",
            ", ".join(f"{name}: {number:,g}" for name, number in each["worst"].items()),
            f"{each['seconds']:,.0f}",
            _script(each["goal"]),
        )
        for each in sorted(records, key=lambda each: order[each["goal"]])
    ]
    head = ("what", "tried", "lost", "the worst of all", "seconds", "`python -m benchmarks.reliability.`...")
    cpus = sorted({each["cpu"] for each in records})
    told = f"Seconds are of {', '.join(cpus)}, two cores in use by others too."
    return f"{markdown(head, ('---', '--:', '--:', '---', '--:', '---'), rows)}\n\n{told}"


def _place(goal: str, begins: list[str]) -> int:
    return next((n for n, begin in enumerate(begins) if goal.startswith(begin)), len(begins))


def _script(goal: str) -> str:
    return next((f"`{script}`" for begin, script in SCRIPTS.items() if goal.startswith(begin)), "")
