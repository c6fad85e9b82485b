"""Another process, in which some packages can be imported and no others, as if they had never been installed."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# What Python imports before the program begins, or a test run adds to it.
_ALWAYS = ("scratchnn", "scratchnn_kernels", "sitecustomize", "usercustomize", "__main__", "__mp_main__")
# Those of the core, and what comes with them.
CORE = ("numpy", "numba", "llvmlite", "pooch", "requests", "urllib3", "idna", "certifi", "charset_normalizer",
        "packaging", "platformdirs", "threadpoolctl", "tomli_w")  # fmt: skip

_SITE = """
import sys

ALLOWED = {allowed!r}

class Others:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names and not top.startswith("_"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Others())
"""


def run_with_only(
    packages: Iterable[str], folder: Path, *arguments: str, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """`python arguments` in `folder`, where `packages` alone are there besides Python and scratchnn."""
    site = folder / "site"
    site.mkdir(exist_ok=True)
    allowed = {*_ALWAYS, *packages}
    (site / "sitecustomize.py").write_text(_SITE.format(allowed=allowed), encoding="utf-8")
    path = os.pathsep.join([str(site), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "NUMBA_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], input=text, capture_output=True, encoding="utf-8", timeout=300, check=False,
        cwd=folder, env=environment,
    )  # fmt: skip
