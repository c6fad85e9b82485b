"""The wheel and the sdist, as hatchling builds them: what a package index shows, what is in them, and that it runs."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from tests.house import ROOT
from tests.texts.saved import saved

pytest.importorskip("hatchling", reason="builds the package, and is not installed: pip install hatchling")

ADDRESS = "https://example.org/scratchnn/raw/v1"
PYPROJECT = ROOT / "pyproject.toml"
PROJECT = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]


def build(folder: Path, address: str = "") -> Path:
    """Copy what the tree holds of the package, build it with this setting, and return the folder of what was built."""
    tree = folder / "tree"
    without = shutil.ignore_patterns("__pycache__")
    for name in ("scratchnn", "kernels", "docs", "tests/labs", "benchmarks/results"):
        shutil.copytree(ROOT / name, tree / name, ignore=without)
    for path in (each for each in ROOT.iterdir() if each.is_file() and each.name != ".git"):
        shutil.copy(path, tree)
    text = PYPROJECT.read_text(encoding="utf-8")
    assert text.count('\naddress = ""\n') == 1
    (tree / "pyproject.toml").write_text(
        text.replace('\naddress = ""\n', f'\naddress = "{address}"\n'), encoding="utf-8"
    )
    subprocess.run([sys.executable, "-m", "hatchling", "build"], cwd=tree, check=True, capture_output=True)
    return tree / "dist"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("built"))


def metadata_of(dist: Path) -> Message:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode("utf-8"))


def names_in(dist: Path) -> tuple[set[str], set[str]]:
    """The files in the wheel and in the sdist."""
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive, tarfile.open(sdist) as tar:
        inside = {each.name.partition("/")[2] for each in tar.getmembers() if each.isfile()}
        return set(archive.namelist()), inside


def links_in(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", text)


def test_what_an_index_shows(built: Path) -> None:
    found = metadata_of(built)
    assert (found["Name"], found["Version"], found["License-Expression"]) == ("scratchnn", PROJECT["version"], "MIT")
    assert found["Requires-Python"] == ">=3.11"
    assert found["Author"] == "scratchnn contributors"
    assert "LSTM" in found["Keywords"].split(",")
    assert set(found.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    assert found.get_all("Project-URL") is None, "there is no address yet"
    classifiers = pytest.importorskip("trove_classifiers").classifiers
    said = found.get_all("Classifier", [])
    assert "Typing :: Typed" in said
    assert set(said) <= classifiers


def test_the_readme_stands_alone_without_an_address(built: Path) -> None:
    shown, readme = str(metadata_of(built).get_payload()), (ROOT / "README.md").read_text(encoding="utf-8")
    assert links_in(shown) == [link for link in links_in(readme) if link.startswith("https:")]
    assert "![" not in shown
    for says in re.findall(r"!\[([^\]]*)\]", readme):
        assert f"*{says}*" in shown
    assert re.findall(r"^```\w*\n.*?^```$", shown, re.DOTALL | re.MULTILINE) == re.findall(
        r"^```\w*\n.*?^```$", readme, re.DOTALL | re.MULTILINE
    )


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}/"])
def test_one_setting_makes_pictures_and_links_absolute(tmp_path: Path, address: str) -> None:
    shown = str(metadata_of(build(tmp_path, address)).get_payload())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]*\]\((.*?)\)", readme)
    assert pictures
    assert re.findall(r"!\[[^\]]*\]\((.*?)\)", shown) == [f"{ADDRESS}/{picture}" for picture in pictures]
    assert links_in(shown) == [link if link.startswith("https:") else f"{ADDRESS}/{link}" for link in links_in(readme)]


def test_what_is_in_them(built: Path) -> None:
    wheel, sdist = names_in(built)
    sources = {
        "scratchnn": ROOT / "scratchnn",
        "scratchnn_kernels": ROOT / "kernels" / "scratchnn_kernels",
    }
    expected = {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in sources.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    about = {name for name in wheel if ".dist-info/" in name}
    assert wheel - about == expected
    assert {name.partition("/")[2] for name in about} == {
        "METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE",
    }  # fmt: skip
    for part in ("py.typed", "labs/texts", ".jinja", ".css", ".js", ".cu", ".cuh"):
        assert any(part in name for name in wheel), part
    beside = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "hatch_build.py", "pyproject.toml"}
    assert sdist - {".gitignore", "PKG-INFO", "kernels/README.md"} == beside | {
        name.replace("scratchnn_kernels/", "kernels/scratchnn_kernels/", 1) for name in expected
    }


def test_the_wheel_can_be_built_from_the_sdist(built: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        tar.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=tree, check=True, capture_output=True
    )
    again, first = (next(dist.glob("*.whl")).read_bytes() for dist in (tree / "dist", built))
    assert again == first


def test_the_wheel_runs_outside_of_the_tree(built: Path, tmp_path: Path) -> None:
    """`tests/installed.py` goes on from here, where the workflow has installed it."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    run = saved(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "unpacked")}
    for command, expected in (
        (["--version"], f"scratchnn {PROJECT['version']}"),
        (["labs", "start", "1"], "lab"),
        (["train", "--explain-kernels", "--arch", "gru"], "blocks"),
        (["predict", str(run), "a film"], "\t0."),
        (["explain", str(run), "--text", "a great film"], "wrote"),
        (["export", "onnx", str(run)], "wrote"),
    ):
        told = subprocess.run(
            [sys.executable, "-m", "scratchnn", *command], cwd=tmp_path, env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        assert expected in told.stdout
    told = subprocess.run(
        [sys.executable, "-c", "import scratchnn; print(scratchnn.__file__)"], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(told.stdout.strip()).is_relative_to(tmp_path / "unpacked")
