"""Which recorded results go into which page, and how: `python -m benchmarks.pages` rewrites all tables.

The benchmarks (bench.py, bptt.py, study.py) do so at their end. A table with results missing is left as it
is; benchmarks/gpu writes docs/gpu.md itself.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks import imdb_tables, tables
from benchmarks.harness import ROOT

RESULTS = Path(__file__).parent / "results"
BPTT, IMDB, KERAS, SPEED = (RESULTS / f"{name}.json" for name in ("bptt", "imdb", "keras", "speed"))


class Table(NamedTuple):
    page: Path
    marks: tuple[str, str]
    results: tuple[Path, ...]  # the files whose contents `text` takes
    text: Callable[..., str]

    def now(self) -> str | None:
        """What the recorded results give, or None where some are missing."""
        if not all(path.exists() for path in self.results):
            return None
        return self.text(*(json.loads(path.read_text()) for path in self.results))


TABLES = (
    Table(ROOT / "README.md", tables.HEADLINE, (IMDB, KERAS, SPEED), imdb_tables.headline),
    Table(ROOT / "docs" / "bptt.md", tables.BPTT, (BPTT,), tables.gradients),
    Table(ROOT / "docs" / "imdb.md", tables.STUDY, (IMDB,), imdb_tables.page_tables),
    Table(ROOT / "docs" / "speed.md", tables.SPEED, (SPEED,), tables.speed_tables),
)


def write() -> None:
    for table in TABLES:
        text = table.now()
        if text is not None:
            table.page.write_text(tables.with_table(table.page.read_text(), table.marks, text))


if __name__ == "__main__":
    write()
