"""The table of the labs in docs/labs.md: `python -m tests.labs.page` writes it, with `--print` it only prints it."""

import re
import sys

from benchmarks.tables import markdown, with_table
from scratchnn.labs.lab import Lab
from scratchnn.labs.shelf import LABS, text_of
from tests.house import ROOT

PAGE = ROOT / "docs" / "labs.md"
MARKS = ("<!-- labs: written by tests/labs/page.py -->", "<!-- end of labs -->")


def holes(lab: Lab) -> list[str]:
    """The functions that a student writes: those of the tasks that are not given."""
    return [task.name for task in lab.tasks if f'NotImplementedError("write {task.name}")' in text_of(lab)]


def table() -> str:
    labs = [lab for key, lab in LABS.items() if not key.startswith("zoo")]
    rows = [
        (
            lab.key,
            re.sub(r"^Lab \d+: ", "", lab.title),
            ", ".join(f"`{name}`" for name in holes(lab)),
            f"{lab.minutes} min",
        )
        for lab in labs
    ]
    return markdown(("lab", "question", "you write", "takes"), ("---:", "---", "---", "---:"), rows)


if __name__ == "__main__":
    if "--print" in sys.argv:
        print(table())
    else:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), MARKS, table()), encoding="utf-8")
