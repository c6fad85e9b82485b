"""Files that were made to do harm: some in `make test`; all of them, and random damage, in `make long`."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.harness import ROOT
from benchmarks.reliability import trial
from benchmarks.reliability.attacks import READERS, attacks, sample

MINUTES = float(os.environ.get("SCRATCHNN_FUZZ_MINUTES", "2"))  # of random damage, in `make long`

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads peak memory from /proc, and forks")


def run(script: str, *arguments: str, timeout: float) -> dict[str, object]:
    """The record of a script, in a process without threads, which forks."""
    command = [sys.executable, "-m", f"benchmarks.reliability.{script}", *arguments]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=ROOT, env=env, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@linux
@pytest.mark.parametrize("number", [25, pytest.param(0, marks=pytest.mark.long)])
def test_crafted_files_are_refused_and_cost_little(number: int) -> None:
    for package in ("h5py", "safetensors"):
        pytest.importorskip(package)
    found = run("hostile", "--tried", str(number), timeout=1800)
    assert found["lost"] == 0
    assert found["tried"] == (number or len(attacks()))


@linux
@pytest.mark.long
def test_files_with_random_damage() -> None:
    for package in ("h5py", "safetensors"):
        pytest.importorskip(package)
    found = run("fuzz", "--tried", str(round(60 * MINUTES)), timeout=60 * MINUTES + 300)
    assert found["lost"] == 0


def test_every_reader_is_attacked() -> None:
    counts = Counter(each.reader for each in attacks())
    assert set(counts) == set(READERS)
    assert counts.total() >= 200
    assert len({each.reader for each in sample(25)}) == len(READERS)
    assert [each.name for each in sample(25)] == [each.name for each in sample(25)]


# ---- the trial itself: it must notice what it is there for

SCRIPT = """
import sys, time
from benchmarks.reliability import trial
ways = {
    "memory": lambda: bytearray(10**8), "another error": lambda: 1 // 0, "time": lambda: [n for n in range(10**9)],
    "crash": lambda: __import__("os").abort(), "refused": lambda: int("x"), "read": lambda: None,
}
if sys.argv[1] == "time":
    trial._HANGS = 1.0
print(trial.attempt(ways[sys.argv[1]], (ValueError,)).fails(1000))
"""


@linux
@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("memory", "and 64 MB are allowed"),
        ("another error", "another error: ZeroDivisionError"),
        ("time", "hangs: longer than"),
        ("crash", "crashes: status"),
        ("refused", "None"),
        ("read", "None"),
    ],
)
def test_a_trial_notices(way: str, told: str) -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT, way], capture_output=True, text=True, cwd=ROOT, check=True)
    assert told in ended.stdout


def test_a_change_of_a_file_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "in the way").write_text("x")
    with trial.untouched(tmp_path) as changed:
        (tmp_path / "aside").mkdir()
        (tmp_path / "in the way").rename(tmp_path / "aside" / "it")
    assert changed == []
    with trial.untouched(tmp_path) as changed:
        (tmp_path / "mine").write_text("yours")
        (tmp_path / "canary").write_text("ran")
    assert sorted(changed) == ["canary is new", "mine is new", "mine was changed or is gone"]
