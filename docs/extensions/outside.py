"""Links out of docs/: a source file is copied into the site, which Sphinx does itself; pages and folders are named."""

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]*)(?:#[^)\s]*)?\)")


def name_what_is_outside(app: Any, page: str, source: list[str]) -> None:
    """In the checkout these links work; on the site there is nothing at their ends, so their place is told instead."""
    folder = (DOCS / page).parent

    def told(link: re.Match) -> str:
        target = (folder / link[2]).resolve()
        if target.is_relative_to(DOCS) or (target.is_file() and target.suffix != ".md"):
            return link[0]
        place = f"`{target.relative_to(DOCS.parent)}`"
        return link[1] if place.strip("`/") in link[1] else f"{link[1]} ({place})"

    source[0] = LINK.sub(told, source[0])


def setup(app: Any) -> dict[str, Any]:
    app.connect("source-read", name_what_is_outside)
    return {"version": "1", "parallel_read_safe": True}
