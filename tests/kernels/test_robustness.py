"""The cpu kernels when their cache is broken or there is none: the right numbers, and one line of warning at most.

Each case is a process of its own with a cache of its own, most of them copies of one that was compiled once.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scratchnn_kernels

from tests.kernels.stored import work


def test_a_cache_that_works_is_used(cache: Path, compiled: tuple[Path, str]) -> None:
    files = {path: path.stat().st_mtime_ns for path in cache.rglob("*.kernel")}
    assert work(cache) == (compiled[1], [])
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.kernel")} == files


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda content: b"",
    "cut to 40 bytes": lambda content: content[:40],
    "cut in half": lambda content: content[: len(content) // 2],
    "random": lambda content: np.random.default_rng(len(content)).bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_costs_one_compilation(damage: str, cache: Path, compiled: tuple[Path, str]) -> None:
    for path in cache.rglob("*.kernel"):
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    numbers, warnings = work(cache)
    assert numbers == compiled[1]
    assert len(warnings) == 1, warnings
    assert work(cache) == (numbers, []), "the damage is still there"


def test_a_stale_cache_is_not_used(tmp_path: Path) -> None:
    """The kernel's own file stays as it is; the function that is edited is one that it imports."""
    kernels = Path(scratchnn_kernels.__file__).parent
    shutil.copytree(kernels, tmp_path / "scratchnn_kernels", ignore=shutil.ignore_patterns("__pycache__"))
    script = """
import numpy as np
from types import SimpleNamespace
from scratchnn_kernels.cpu import dense
linear = SimpleNamespace(name="linear", forward=lambda a: a)
x, W, b = (np.full(shape, n, np.float32) for shape, n in (((1, 3), 0), ((3, 8), 0), ((8,), 5)))
print(dense.forward(x, W, b, linear)[0][0, 0])
"""
    environment = os.environ | {"SCRATCHNN_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}

    def bias() -> str:
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert (run.returncode, run.stderr) == (0, "")
        return run.stdout

    assert bias() == "5.0\n"
    path = tmp_path / "scratchnn_kernels" / "cpu" / "shards.py"
    before = path.read_text()
    edited = before.replace("target[n, h] = source[h]\n", "target[n, h] = source[h] + 2\n")
    assert edited != before
    path.write_text(edited)
    assert bias() == "7.0\n"


def below_a_file(folder: Path) -> Path:
    (folder / "file").write_bytes(b"mine")
    return folder / "file" / "cache"


def a_file(folder: Path) -> Path:
    (folder / "cache").write_bytes(b"mine")
    return folder / "cache"


def holding_a_file(folder: Path) -> Path:
    (folder / "kernels").write_bytes(b"mine")
    return folder


@pytest.mark.parametrize("place", [below_a_file, a_file, holding_a_file])
def test_no_cache_can_be_written(place: Callable[[Path], Path], tmp_path: Path, compiled: tuple[Path, str]) -> None:
    numbers, warnings = work(place(tmp_path))
    assert numbers == compiled[1]
    assert len(warnings) == 1
    assert "they work uncached" in warnings[0]
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"mine"]


@pytest.mark.parametrize(
    "prepare",
    [
        "import os, shutil; shutil.rmtree(os.environ['SCRATCHNN_CACHE'])",
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))",
    ],
    ids=["removed after import", "disk full"],
)
def test_a_cache_that_is_lost_meanwhile(prepare: str, tmp_path: Path, compiled: tuple[Path, str]) -> None:
    numbers, warnings = work(tmp_path / "cache", prepare)
    assert numbers == compiled[1]
    assert len(warnings) <= 1, warnings


def test_the_settings_of_numba_are_left_alone(cache: Path, tmp_path: Path) -> None:
    script = """
import numba
before = {name: value for name, value in vars(numba.config).items() if name.isupper()}
from scratchnn_kernels import cpu
assert {name: value for name, value in vars(numba.config).items() if name.isupper()} == before
@numba.njit(cache=True)
def function_of_the_user(): return 1
assert function_of_the_user() == 1
"""
    (tmp_path / "program.py").write_text(script)
    run = subprocess.run(
        [sys.executable, "-W", "error", tmp_path / "program.py"],
        env=os.environ | {"SCRATCHNN_CACHE": str(cache), "NUMBA_CACHE_DIR": str(tmp_path / "theirs")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert list((tmp_path / "theirs").rglob("*function_of_the_user*.nbi"))
    assert not list(cache.rglob("*function_of_the_user*"))
