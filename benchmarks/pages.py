"""Which recorded results go into which page, and how: `python -m benchmarks.pages` rewrites them all.

The benchmarks (bench.py, bptt.py, gradient_flow.py, pretraining.py, story.py, study.py, text_sets.py, gpu, reliability)
do so at their end.
What lacks results is left as it is.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks import flow_page, imdb_page, pretraining_page, speed_page, story_page, tables, text_table
from benchmarks.gpu import report as gpu
from benchmarks.harness import ROOT
from benchmarks.imdb_page import accuracies
from benchmarks.reliability import page as reliability

RESULTS = Path(__file__).parent / "results"
BPTT, EXCHANGE, FLOW, GPU, IMDB, KERAS, PRETRAINING, RELIABILITY, SPEED, STORY, TEXT_SETS = (
    RESULTS / f"{name}.json"
    for name in (
        "bptt",
        "exchange",
        "gradient_flow",
        "gpu",
        "imdb",
        "keras",
        "pretraining",
        "reliability",
        "speed",
        "story",
        "text_sets",
    )
)
LOGS = RESULTS / "published_logs.json"


class Table(NamedTuple):
    page: Path
    marks: tuple[str, str] | None  # what it stands between; None: it is the whole page
    results: tuple[Path, ...]  # the files whose contents `text` takes
    text: Callable[..., str]

    def now(self) -> str | None:
        """What the recorded results give, or None where some are missing."""
        if not all(path.exists() for path in self.results):
            return None
        return self.text(*(json.loads(path.read_text(encoding="utf-8")) for path in self.results))

    def there(self) -> str | None:
        """What the page holds."""
        text = self.page.read_text(encoding="utf-8")
        return text if self.marks is None else tables.between(text, self.marks)


TABLES = (
    Table(ROOT / "README.md", tables.HEADLINE, (IMDB, KERAS, SPEED), accuracies.headline),
    Table(ROOT / "docs" / "bptt.md", tables.BPTT, (BPTT,), tables.gradients),
    Table(ROOT / "docs" / "exchange.md", tables.EXCHANGE, (EXCHANGE,), tables.exchanged),
    Table(ROOT / "docs" / "gradient-flow.md", flow_page.MARKS, (FLOW,), flow_page.ratios),
    Table(ROOT / "docs" / "gradient-flow.md", flow_page.PARTS, (FLOW,), flow_page.parts),
    Table(ROOT / "docs" / "gpu.md", gpu.MARKS, (GPU,), gpu.page),
    Table(ROOT / "docs" / "imdb.md", None, (IMDB, KERAS, LOGS), imdb_page.page),
    Table(ROOT / "docs" / "own-text.md", text_table.MARKS, (TEXT_SETS,), text_table.table),
    Table(ROOT / "docs" / "performance.md", story_page.MARKS, (STORY,), story_page.table),
    Table(ROOT / "docs" / "pretraining.md", pretraining_page.MARKS, (PRETRAINING,), pretraining_page.table),
    Table(ROOT / "docs" / "reliability.md", reliability.MARKS, (RELIABILITY,), reliability.table),
    Table(ROOT / "docs" / "speed.md", tables.SPEED, (SPEED,), speed_page.speed_tables),
)


def write() -> None:
    for table in TABLES:
        text = table.now()
        if text is not None:
            if table.marks is not None:
                text = tables.with_table(table.page.read_text(encoding="utf-8"), table.marks, text)
            table.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
