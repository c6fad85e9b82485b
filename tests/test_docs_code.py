"""The code of the pages in docs/ runs and prints what they show, and the source they quote stands where they say.

```python                       is run, the blocks of a page in order and in one namespace
```python not-run               is not
```text                         behind a block that is run: what that block prints, to the letter
```python from PATH             (any language) quotes PATH; a line of `...` alone stands for what was left out
"""

import contextlib
import io
import re
import textwrap
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

from scratchnn.experiments.presets import PRESETS
from tests.test_docs import ROOT

PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LEFT_OUT = re.compile(r"^[ ]*(?:# |// )?\.\.\.\n", re.MULTILINE)


class Block(NamedTuple):
    line: int  # of the page, on which its text begins
    language: str
    how: str  # what stands behind the language
    text: str

    @property
    def is_run(self) -> bool:
        return self.language == "python" and not self.how


def blocks_of(page: str) -> list[Block]:
    return [
        Block(page.count("\n", 0, found.start()) + 2, found[1], found[2].strip(), found[3])
        for found in FENCE.finditer(page)
    ]


def run(page: str, name: str) -> None:
    """Run the blocks of a page.

    Raises:
        AssertionError: if one prints what the page does not show, or the page shows what it does not print.
    """
    names: dict = {"__name__": name}
    last, printed = 0, None  # the line of the last block that was run, and its output until the page has shown it
    for block in blocks_of(page):
        if block.is_run:
            if printed:
                raise AssertionError(f"{name} does not show what the block of line {last} printed:\n{printed}")
            code = "\n" * (block.line - 1) + block.text  # so that a traceback has the lines of the page
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(code, name, "exec"), names)
            last, printed = block.line, output.getvalue()
        elif block.language == "text" and printed is not None:
            if block.text != printed:
                where = f"{name}, line {block.line}"
                raise AssertionError(f"{where}, shows\n{block.text}but what was printed is\n{printed}")
            printed = None
    if printed:
        raise AssertionError(f"{name} does not show what the block of line {last} printed:\n{printed}")


def is_quoted(excerpt: str, source: str) -> bool:
    """Whether the parts between the `...` stand in the source, line for line, in this order, and indented alike."""
    lines, at = source.splitlines(), 0
    for part in LEFT_OUT.split(excerpt):
        wanted = textwrap.dedent(part).strip("\n")
        size = wanted.count("\n") + 1
        starts = range(at, len(lines) - size + 1)
        found = [i for i in starts if textwrap.dedent("\n".join(lines[i : i + size])) == wanted]
        if not wanted or not found:
            return False
        at = found[0] + size
    return True


WITH_CODE = [page for page in PAGES if any(block.is_run for block in blocks_of(page.read_text(encoding="utf-8")))]
QUOTES = [
    pytest.param(block, id=f"{page.name}:{block.line}")
    for page in PAGES
    for block in blocks_of(page.read_text(encoding="utf-8"))
    if block.how.startswith("from ")
]


def test_there_is_code_to_test() -> None:
    assert "bptt.md" in [page.name for page in WITH_CODE]
    assert len(QUOTES) >= 3


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with mock.patch.dict(PRESETS):  # a page adds one of its own, which other tests must not find
        run(page.read_text(encoding="utf-8"), page.name)


@pytest.mark.parametrize("block", QUOTES)
def test_a_quoted_line_stands_in_its_file(block: Block) -> None:
    source = (ROOT / block.how.removeprefix("from ")).read_text(encoding="utf-8")
    assert is_quoted(block.text, source), f"not in this way in {block.how.removeprefix('from ')}:\n{block.text}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    for block in blocks_of(page.read_text(encoding="utf-8")):
        is_directive = not block.language and re.match(r"\{[\w-]+\}", block.how)  # for the site, which would complain
        known = block.how in ("", "not-run") or block.how.startswith("from ")
        assert known or is_directive, f"{page.name}, line {block.line}"


# ---- the tests' own tests


def page_of(*blocks: str) -> str:
    return "# A page\n\n" + "\nprose\n\n".join(f"```{block}\n```\n" for block in blocks)


def test_blocks_share_their_names_and_are_compared_with_what_they_print() -> None:
    run(page_of("python\nx = 1", "python not-run\nx = 1 / 0", "sh\nmake", "python\nprint(x)", "text\n1"), "page")


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        (("python\nprint(1)", "text\n2"), "page, line 10, shows\n2\nbut what was printed is\n1\n"),
        (("python\nprint(1)",), "page does not show what the block of line 4 printed:\n1\n"),
        (("python\nprint(1)", "python\nx = 2"), "page does not show what the block of line 4 printed:\n1\n"),
        (("python\nx = 2", "text\n1"), "page, line 10, shows\n1\nbut what was printed is\n"),
    ],
)
def test_another_output_is_noticed(blocks: tuple[str, ...], said: str) -> None:
    with pytest.raises(AssertionError) as noticed:
        run(page_of(*blocks), "page")
    assert str(noticed.value) == said


def test_an_error_has_the_line_of_the_page() -> None:
    with pytest.raises(ZeroDivisionError) as error:
        run(page_of("python\nx = 1", "python\ny = 2\nx / 0"), "page")
    assert error.traceback[-1].lineno + 1 == 11


SOURCE = "def f(x):\n    y = 2 * x\n    y += 1\n\n    return y\n"


@pytest.mark.parametrize(
    ("excerpt", "stands"),
    [
        ("y = 2 * x\ny += 1\n", True),
        ("    y = 2 * x\n    y += 1\n", True),
        ("def f(x):\n    ...\n    return y\n", True),
        ("def f(x):\n// ...\n    return y\n", True),
        ("y = 2 * x\nreturn y\n", False),  # something is left out unsaid
        ("return y\n...\ny += 1\n", False),  # in another order
        ("y = 2*x\n", False),
        ("y = 2 *\n", False),  # half a line
        ("", False),
    ],
)
def test_quotes_are_exact(excerpt: str, stands: bool) -> None:
    assert is_quoted(excerpt, SOURCE) is stands
