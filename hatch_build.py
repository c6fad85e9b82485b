"""The README as a package index shows it: it knows none of the files that README.md points to.

With an `address` in pyproject.toml, below [tool.hatch.metadata.hooks.custom], pictures and links are looked up there:
it is where the files of the repository can be had, each at the address followed by its path. Without one, pictures and
links are what they say, as text.
"""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

# [what it says](where it leads), or of a picture ![...](...), but no address of its own and no place in this page
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)]+)\)")


def for_an_index(readme: str, address: str) -> str:
    """The text of README.md with what it points to at `address`, or in words where there is none."""

    def elsewhere(link: re.Match[str]) -> str:
        mark, says, path = link.groups()
        if address:
            return f"{mark}[{says}]({address.rstrip('/')}/{path})"
        return f"*{says}*" if mark else says

    return "```".join(
        part if n % 2 else LINK.sub(elsewhere, part)
        for n, part in enumerate(readme.split("```"))  # not in code
    )


class ReadmeHook(MetadataHookInterface):
    def update(self, metadata: dict) -> None:
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = for_an_index(readme, self.config.get("address", ""))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
