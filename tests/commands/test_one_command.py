"""`scratchnn COMMAND`: each command is found by its name, and says in its usage line how it was called."""

import re
import subprocess
import sys

import pytest

from scratchnn import __version__
from scratchnn.__main__ import COMMANDS, main
from scratchnn.core.program import to_be_typed
from tests.house import ROOT

HEAVY = ("numba", "matplotlib", "scipy", "rich", "jinja2", "keras")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_how_it_was_called_and_loads_nothing_heavy(name: str) -> None:
    script = (
        f"import sys, atexit; from scratchnn.__main__ import main; sys.argv = ['scratchnn'];"
        f"atexit.register(lambda: print([each for each in {HEAVY} if each in sys.modules])); main([{name!r}, '--help'])"
    )
    told = run("-c", script)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"usage: scratchnn {name} ")
    assert told.stdout.endswith("\n[]\n")


def test_a_module_says_that_it_is_one() -> None:
    assert run("-m", "scratchnn.train", "--help").stdout.startswith("usage: python -m scratchnn.train ")
    assert run("-m", "scratchnn", "train", "--help").stdout.startswith("usage: python -m scratchnn train ")


def test_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = re.findall(r"^  (\w+)  +\w", capsys.readouterr().out, re.MULTILINE)
    assert listed == list(COMMANDS)
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"scratchnn {__version__}\n"


def test_a_misspelled_command_is_corrected(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["comapre", "--seeds", "3"]) == 2
    assert "unknown command 'comapre'; did you mean 'compare'?" in capsys.readouterr().err
    assert main([]) == 2
    assert "usage: scratchnn COMMAND" in capsys.readouterr().err


def test_the_status_of_a_command_is_that_of_its_main(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--data", "nowhere.npz"]) == 2
    assert "nowhere.npz" in capsys.readouterr().err
    assert main(["Train", "--list"]) == 0


def test_a_command_to_be_typed_is_quoted_as_its_shell_wants_it() -> None:
    words = ["python", "-m", "scratchnn.train", "--resume", "my runs/lstm-1"]
    assert to_be_typed(words, is_windows=False) == "python -m scratchnn.train --resume 'my runs/lstm-1'"
    assert to_be_typed(words, is_windows=True) == 'python -m scratchnn.train --resume "my runs/lstm-1"'
