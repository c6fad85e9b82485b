"""python -m tests.gpu: every kernel against the reference on the card that is here, with pytest and no test extra.

A process for each kernel: an illegal address ends all that a process does on a card afterwards, and so only its own
kernel's tests fail. With --checker, a program such as compute-sanitizer runs each process, and every array is an
allocation of its own, since in CuPy's pool a kernel that writes beside its array hits the next one unseen.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.gpu.groups import GROUPS, expression

ROOT = Path(__file__).resolve().parents[2]
# pyproject.toml's options without the check of shapes, for which beartype and jaxtyping would have to be installed.
PYTEST = (
    "-m",
    "pytest",
    "-q",
    "-o",
    "addopts=",
    "--import-mode=importlib",
    "--strict-markers",
    "-p",
    "no:cacheprovider",
)
TESTS = "tests/gpu/test_device.py"


def command(group: str, checker: Sequence[str]) -> list[str]:
    return [*checker, sys.executable, *PYTEST, "-m", "gpu", "-k", expression(group), TESTS]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], metavar="KERNEL", help=f"of {', '.join(GROUPS)}")
    parser.add_argument(
        "--checker", default="", help='for example "compute-sanitizer --tool memcheck --error-exitcode 9"'
    )
    parser.add_argument("--seconds", type=float, default=300, help="of each process, at most (default: 300)")
    given = parser.parse_args(arguments)
    checker = shlex.split(given.checker)
    environment = os.environ | ({"SCRATCHNN_TEST_POOL": "off"} if checker else {})
    failed = []
    for group in given.groups or GROUPS:
        print(f"=== {group}", flush=True)
        try:
            run = subprocess.run(command(group, checker), cwd=ROOT, env=environment, timeout=given.seconds)
        except subprocess.TimeoutExpired:
            print(f"no end after {given.seconds:g} seconds", flush=True)
            failed.append(group)
            continue
        if run.returncode:
            failed.append(group)
    print(f"failed: {', '.join(failed)}" if failed else "all passed, or skipped with the reason above")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
