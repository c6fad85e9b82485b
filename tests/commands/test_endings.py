"""How commands end: one line about an error, no traceback for a reader that goes away, the exit status of the table."""

import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest

from scratchnn.core import program
from scratchnn.exchange import ExchangeError


def ending(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ExchangeError("two\n  lines"), "error: two lines\n"),
        (FileNotFoundError(2, "No such file", "glove.txt"), "error: glove.txt: No such file\n"),
        (OSError(28, "No space left on device"), "error: No space left on device\n"),
        (FileExistsError("m.onnx exists already"), "error: m.onnx exists already\n"),
        (MemoryError(), "error: not enough memory\n"),
        (ValueError(), "error: ValueError\n"),
    ],
)
def test_an_error_is_one_line(error: Exception, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.ended(ending(error)) == 2
    assert capsys.readouterr() == ("", says)


def test_the_status_is_that_of_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.ended(lambda: 1) == 1
    assert program.ended(lambda: None) == 0
    assert program.ended(ending(KeyboardInterrupt())) == 130
    with pytest.raises(ZeroDivisionError):  # a bug stays one
        program.ended(ending(ZeroDivisionError()))


def test_a_warning_is_one_line_and_warnings_are_as_before_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    showing = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        program.ended(lambda: warnings.warn("so it is", UserWarning, stacklevel=1))
        assert capsys.readouterr() == ("", "warning: so it is\n")
    assert warnings.showwarning is showing


def test_without_a_standard_error_no_warning_is_among_the_results(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert program.ended(ending(ValueError("told to nobody"))) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("arguments", [["train", "--list"], ["--help"]])
def test_a_reader_that_goes_away_is_no_error(arguments: list[str]) -> None:
    script = (
        "import sys, os; read, write = os.pipe(); os.close(read); os.dup2(write, 1);"
        f"from scratchnn.__main__ import main; sys.exit(main({arguments!r}))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stderr) == (0, "")
