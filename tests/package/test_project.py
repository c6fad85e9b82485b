"""What pyproject.toml and the files beside it say of the project: versions, lowest versions, how to cite it."""

import tomllib
from pathlib import Path

import pytest

from tests import lowest
from tests.house import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_they_are_those_of_the_core_and_of_its_extras() -> None:
    names = [each.split("==")[0] for each in lowest.constraints()]
    assert {"numpy", "numba", "scipy", "matplotlib", "scikit-learn", "h5py"} <= set(names)
    assert names == sorted(set(names))
    assert not {"pytest", "keras", "scratchnn"} & set(names)


def test_a_requirement_without_a_lowest_version_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = lowest.PYPROJECT.read_text(encoding="utf-8")
    assert text.count('"numpy>=') == 1
    monkeypatch.setattr(lowest, "PYPROJECT", tmp_path / "pyproject.toml")
    lowest.PYPROJECT.write_text(text.replace('"numpy>=', '"numpy<3,>='), encoding="utf-8")
    with pytest.raises(ValueError, match=r"expected a name and its lowest version, .* got 'numpy<3"):
        lowest.constraints()


def test_the_citation_is_of_this_version() -> None:
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PROJECT['version']}\n" in cited
    assert f"\nlicense: {PROJECT['license']}\n" in cited
    (author,) = PROJECT["authors"]
    assert f"\nauthors:\n  - name: {author['name']}\n" in cited
