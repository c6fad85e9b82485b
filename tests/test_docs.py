"""README and docs/: short enough, every link leads somewhere, and what they show runs."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import tables
from scratchnn.data import imdb

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "kernels" / "README.md"]
OF_THE_SITE = sorted((ROOT / "docs" / "layers").glob("*.md"))  # docs/index.md leads to them
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", FENCED.sub("", text))


def count_numbers(text: str) -> int:
    """Runs of digits, with the points and commas inside them, that are not part of a word: 3.15.1 is one, Conv1D none.

    Code, the headline table and the targets of links are left out; the numbers of a list count.
    """
    begin, end = tables.HEADLINE
    if tables.between(text, tables.HEADLINE) is not None:
        text = text.split(begin)[0] + text.split(end)[1]
    text = LINK.sub("]", without_code(text))
    return len(re.findall(r"(?<![\w.,])\d+(?:[.,]\d+)*(?!\w)", text))


def test_numbers_are_counted() -> None:
    begin, end = tables.HEADLINE
    text = f"""1. Of 25,000 reviews 83.1% (3.15.1), Conv1D; `x = 4`, [five](docs/6.md)
```python
seven = 7
```
{begin}
| 8 |
{end}
nine: 9, and 2 of 10."""
    assert count_numbers(text) == 7  # 1, 25,000, 83.1, 3.15.1, 9, 2, 10


def test_readme_is_short() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.split()) <= 900  # as wc -w counts them
    assert count_numbers(text) <= 60


def anchors(path: Path) -> set[str]:
    """The headings of a page as GitHub names them in addresses."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *OF_THE_SITE], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(without_code(page.read_text(encoding="utf-8")))
    for link in links:
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), link
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists() and target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


def test_readme_leads_to_every_page() -> None:
    linked = {(ROOT / link.split("#")[0]).resolve() for link in LINK.findall(README.read_text(encoding="utf-8"))}
    assert set(PAGES) - {README} <= linked


def test_the_site_leads_to_every_page() -> None:
    """docs/index.md lists them all: Sphinx would only warn."""
    docs = ROOT / "docs"
    listed = {f"{line}.md" for line in (docs / "index.md").read_text(encoding="utf-8").split()}
    assert {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")} - {"index.md"} <= listed


def test_the_example_of_readme_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    few = imdb.load(num_words=1000, maxlen=100, synthetic=True)
    rows = rng.permutation(len(few.x_train))[:64]
    small = replace(
        few, x_train=few.x_train[rows], y_train=few.y_train[rows], x_test=few.x_test[rows], y_test=few.y_test[rows]
    )
    monkeypatch.setattr(imdb, "load", lambda **settings: small)
    (example,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len([line for line in example.splitlines() if line]) <= 15
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["dx"].shape == names["x"].shape == (32, 100, 16)
    assert names["grads"]["Wh"].shape == names["lstm"].params["Wh"].shape
    assert "loss" in capsys.readouterr().out
