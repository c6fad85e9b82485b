"""The workflow: it can be read, runs what there is, and tests what it is said to test."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def lint(path: Path, schema: str = "vendor.github-workflows") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_linter_has_no_complaint(path: Path, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema", reason="reads workflows: pip install check-jsonschema")
    assert lint(path).returncode == 0, lint(path).stdout
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(path.read_text(encoding="utf-8").replace("runs-on:", "run-on:"), encoding="utf-8")
    assert lint(wrong).returncode == 1


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_it_runs_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"\btests/[\w/.]+", text)) | {
        f"{module.replace('.', '/')}.py" for module in re.findall(r"-m ((?:tests|benchmarks)\.[\w.]+)", text)
    }
    assert named
    for name in named:
        assert (ROOT / name).exists(), name
    if path.name != "test.yml":
        return
    assert {"tests/installed.py", "tests/lowest.py", "tests/kernels"} <= named
    targets = set(re.findall(r"make (\w+)", text))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets
    assert all(f"\n{target}:" in makefile for target in targets)


def test_the_wheel_is_tried_everywhere() -> None:
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    (wheel,) = re.findall(r"^  wheel:.*?(?=^  \w+:)", text, re.DOTALL | re.MULTILINE)
    assert "system: [ubuntu-latest, ubuntu-24.04-arm, macos-latest, windows-latest]\n" in wheel
    assert 'python: ["3.11", "3.12", "3.13", "3.14"]\n' in wheel
    assert "python installed.py\n        working-directory: ${{ runner.temp }}\n" in wheel


@pytest.mark.parametrize("name", ["bug", "wish"])
def test_a_template_is_a_form(name: str) -> None:
    pytest.importorskip("check_jsonschema", reason="reads templates: pip install check-jsonschema")
    path = ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml"
    told = lint(path, "vendor.github-issue-forms")
    assert told.returncode == 0, told.stdout
