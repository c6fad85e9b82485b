"""The table of the labs in docs/labs.md: `python -m tests.labs.page` writes it, with `--print` it only prints it."""

import re
import sys

from benchmarks.tables import markdown, with_table
from scratchnn.labs.shelf import LABS
from tests.house import ROOT

PAGE = ROOT / "docs" / "labs.md"
MARKS = ("<!-- labs: written by tests/labs/page.py -->", "<!-- end of labs -->")


def table() -> str:
    labs = [lab for key, lab in LABS.items() if not key.startswith("zoo")]
    rows = [
        (
            lab.key,
            re.sub(r"^Lab \d+: ", "", lab.title),
            ", ".join(f"`{task.name}`" for task in lab.tasks),
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
