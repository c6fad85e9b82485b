"""A cache of two compiled kernels, and copies of it."""

import shutil
from pathlib import Path

import pytest

from tests.kernels.stored import work


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A cache that works, and the numbers."""
    cache = tmp_path_factory.mktemp("cache")
    numbers, warnings = work(cache)
    assert warnings == []
    assert len(list(cache.rglob("*.kernel"))) == 2
    return cache, numbers


@pytest.fixture
def cache(compiled: tuple[Path, str], tmp_path: Path) -> Path:
    return Path(shutil.copytree(compiled[0], tmp_path / "cache"))
