"""Run the tests marked `long` and keep a record of it, long-runs.md beside this file.

    python -m tests.long_runs [arguments of pytest]      (or: make long)

With arguments that choose tests (`-k keras`), nothing is recorded: the record is of all of them.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
RECORD = Path(__file__).with_name("long-runs.md")
PACKAGES = ("numpy", "numba", "hypothesis", "keras", "tensorflow-cpu")
OUTCOMES = ("passed", "failed", "skipped")


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        command = [sys.executable, "-m", "pytest", "-m", "long", f"--junitxml={results}", *arguments]
        started = time.monotonic()
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        seconds = time.monotonic() - started
        chosen = any(argument.startswith(("-k", "-m", "tests")) for argument in arguments)
        if results.exists() and not chosen:
            RECORD.write_text("\n".join(record(results, seconds)) + "\n", encoding="utf-8")
    return status


def record(results: Path, seconds: float) -> Iterator[str]:
    """The lines of the record."""
    yield "# The last long run"
    yield ""
    yield "`make long` wrote this. [docs/testing.md](../docs/testing.md) says what these tests are for."
    yield ""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    yield f"- {time.strftime('%Y-%m-%d')}, commit {commit.stdout.strip() or 'unknown'}, {seconds / 60:.0f} minutes"
    yield f"- {platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    yield "- " + ", ".join(f"{package} {installed(package)}" for package in PACKAGES)
    yield ""
    yield "| tests | " + " | ".join(OUTCOMES) + " |"
    yield "|---|" + "--:|" * len(OUTCOMES)
    for name, counts in sorted(outcomes(results).items()):
        yield f"| {name} | " + " | ".join(str(counts[outcome]) for outcome in OUTCOMES) + " |"


def outcomes(results: Path) -> dict[str, Counter[str]]:
    """How often each test function passed, failed or was skipped, by "file: function"."""
    found: dict[str, Counter[str]] = {}
    for case in ElementTree.parse(results).iter("testcase"):
        failed = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if failed else "skipped" if case.find("skipped") is not None else "passed"
        file = case.attrib["classname"].replace(".", "/") + ".py"
        found.setdefault(f"{file}: {case.attrib['name'].split('[')[0]}", Counter())[outcome] += 1
    return found


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
