"""The lowest versions that pyproject.toml allows of what scratchnn uses, as constraints for pip.

python -m tests.lowest > lowest.txt
pip install -c lowest.txt "scratchnn[cluster,exchange,sklearn,study]"
"""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
EXTRAS = ("plots", "study", "cluster", "sklearn", "exchange")  # the others are tools, or need a GPU


def constraints() -> list[str]:
    """Such as "numpy==2.0", sorted.

    Raises:
        ValueError: for a requirement without a lowest version.
    """
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    requirements = [
        *project["dependencies"],
        *(each for name in EXTRAS for each in project["optional-dependencies"][name]),
    ]
    found = []
    for requirement in requirements:
        if requirement.startswith("scratchnn["):
            continue
        lowest = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement)
        if lowest is None:
            raise ValueError(f"expected a name and its lowest version, such as numpy>=2.0, got {requirement!r}")
        found.append(f"{lowest[1]}=={lowest[2]}")
    return sorted(found)


if __name__ == "__main__":
    print("\n".join(constraints()))
