"""`python -m scratchnn.data check`: a page for people, an object for programs, and errors in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scratchnn.data.__main__ import main
from tests.own_texts import rows, write_csv


@pytest.fixture
def path(tmp_path: Path) -> str:
    labelled = rows(50, "bad", "good", "odd")
    return str(write_csv(tmp_path / "a.csv", [*labelled, labelled[0]]))


def test_a_page(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", path]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    lines = told.out.splitlines()
    assert lines[0].startswith("data        a.csv, columns text and label, digest ")
    assert "class  train  validation  test  share" in lines
    assert lines[-1] == "look: 1 text seen earlier, 1 of them to the letter, such as line 2 and line 152"


def test_an_object(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", path, "--json", "--length", "4", "--vocabulary", "20", "--test-split", "0.5"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["duplicates"] == {"exact": 1, "normalised": 1, "examples": [["line 2", "line 152"]]}
    assert (found["length"], found["known_words"]) == (4, 16)
    assert found["parts"]["test"]["texts"] in (75, 76)
    assert any("are cut to their last 4 words" in line for line in found["findings"])


def test_a_reader_that_goes_away(path: str) -> None:
    command = [sys.executable, "-m", "scratchnn.data", "check", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert (run.wait(60), run.stderr.read()) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.csv"], "--data: there is no nothing.csv"),
        (["nothing"], "there is no nothing in "),
        (["PATH", "--length", "0"], "length must be a whole number"),
        (["PATH", "--vocabulary", "3"], "vocabulary must be a whole number"),
        (["PATH", "--validation-split", "1"], "validation_split must be at least 0 and below 1"),
        (["PATH", "--text-column", "txt"], "did you mean 'text'?"),
    ],
)
def test_errors(path: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *[path if each == "PATH" else each for each in arguments]]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert said in told.err
