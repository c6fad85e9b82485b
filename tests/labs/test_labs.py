"""Every lab: solved it passes, unsolved each task is open, and planted mistakes get the message that helps."""

import contextlib
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tables import between
from scratchnn.labs.__main__ import main
from scratchnn.labs.checks.zoo import ZOO
from scratchnn.labs.exported import as_notebook
from scratchnn.labs.grading import OPEN, RIGHT, WRONG, grade
from scratchnn.labs.lab import Lab
from scratchnn.labs.shelf import LABS, text_of
from tests.house import ROOT
from tests.labs import bugs, page
from tests.labs.bugs import BUGS
from tests.labs.solving import answers_of, planted, solved, wrong_of

EVERY = [pytest.param(lab, id=lab.name) for lab in LABS.values()]
MISTAKES = [
    pytest.param(lab, mistake, id=f"{lab.name}-{number}")
    for lab in LABS.values()
    for number, mistake in enumerate(wrong_of(lab))
]


def written(folder: Path, lab: Lab, text: str) -> Path:
    path = folder / f"{lab.name}.py"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("lab", EVERY)
def test_a_solved_lab_passes_and_its_cells_run(lab: Lab, tmp_path: Path) -> None:
    found = grade(lab, written(tmp_path, lab, solved(lab)))
    assert found.done, "\n".join(found.lines())
    assert all(result.verdict == RIGHT for result in found.results)
    assert not [each for each in found.predictions if "is open" in each or "needs the holes" in each]


@pytest.mark.parametrize("lab", EVERY)
def test_an_unsolved_lab_is_open(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["zoo"] * lab.name.startswith("zoo")
    number = lab.key.removeprefix("zoo")
    assert main([*words, "start", number]) == 0
    assert main([*words, "check", number]) == 1
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    verdict = "wrong" if words else "open"
    assert len(re.findall(rf"^  {verdict:<9}  ", printed.out, re.MULTILINE)) >= 1
    if not words:
        joined = " ".join(printed.out.split())
        assert joined.count("not written yet") + joined.count("make that right first") == len(lab.tasks)
        assert joined.count("make that right first") == (lab.key in ("2", "4"))  # whose last task is given


@pytest.mark.parametrize(("lab", "mistake"), MISTAKES)
def test_a_mistake_gets_the_message_that_helps(lab: Lab, mistake: tuple[str, str, str], tmp_path: Path) -> None:
    text, instead, message = mistake
    path, told = written(tmp_path, lab, planted(lab, text, instead)), []
    for task in lab.tasks:  # one at a time, since checking all gradients takes longest
        (result,) = grade(replace(lab, tasks=(task,)), path).results
        told += [result.words] * (result.verdict == WRONG)
        if any(message in words for words in told):
            return
    pytest.fail("\n".join([f"nothing says {message!r}:", *told]))


@pytest.mark.parametrize("lab", EVERY)
def test_the_parts_of_a_lab_fit(lab: Lab) -> None:
    text = text_of(lab)
    assert text.startswith("# %% [markdown]\n# # ")
    assert lab.title in text.splitlines()[1]
    for prediction in lab.predictions:
        assert re.search(rf"^{prediction.name} = None  # ", text, re.MULTILINE), prediction.name
    for name in lab.numbers:
        assert re.search(rf"^{name} = \S+  # drawn for you$", text, re.MULTILINE), name
    assert len(wrong_of(lab)) >= 2 or lab.name.startswith("zoo")
    for task in lab.tasks:
        assert re.search(rf"^def {task.name}\(", text, re.MULTILINE), task.name
        assert len(task.hints) >= 2


@pytest.mark.parametrize("lab", EVERY)
def test_a_solved_lab_runs_from_the_top(lab: Lab) -> None:
    """As `python labs/labN.py` does, with nothing caught; a lab that trains has what is outside of its tolerances
    listed, by itself or by its solution."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(solved(lab), lab.name, "exec"), names)
    assert names.get("surprises", []) == []
    of_solution = answers_of(lab).get("surprises")
    assert of_solution is None or of_solution(names) == []


def test_hints_are_one_more_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["start", "1"])
    capsys.readouterr()
    hints = LABS["1"].tasks[0].hints
    for number in (*range(len(hints)), len(hints) - 1):
        assert main(["hint", "1"]) == 0
        assert hints[number] in capsys.readouterr().out
    lab = LABS["1"]
    solution = solved(lab)
    written(tmp_path / "labs", lab, solution)
    assert main(["hint", "1"]) == 0 and "needs no hint" in capsys.readouterr().out
    (tmp_path / "labs" / ".hints.json").write_text("{ broken", encoding="utf-8")
    written(tmp_path / "labs", lab, text_of(lab))
    assert main(["hint", "1"]) == 0 and hints[0] in capsys.readouterr().out


def test_a_started_lab_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["start", "0", "--folder", "mine"]) == 0
    mine = tmp_path / "mine" / "lab0.py"
    mine.write_text("my work", encoding="utf-8")
    assert main(["start", "0", "--folder", "mine"]) == 2
    assert mine.read_text(encoding="utf-8") == "my work"
    assert "is not overwritten" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["start", "77"], "there is no lab '77'; there are 0, 1"),
        (["check", "0"], "`python -m scratchnn.labs start 0` puts it there"),
        (["hint", "0"], "`python -m scratchnn.labs start 0` puts it there"),
    ],
)
def test_bad_arguments_are_told(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return x_t @ Wx.T", "in step: return x_t @ Wx.T  ->  ValueError"),
        ("return undefined", "in step: return undefined  ->  NameError"),
        ("return [1, 2]", "h[t+1]: expected shape (2, 4), came (2,)"),
        ("return 'h'", "h[t+1]: expected an array of shape (2, 4), came a str"),
        ("return np.full((2, 4), np.nan)", "came nan"),
        ("raise SystemExit(3)", "SystemExit"),
        ("return step(x_t, h_t, Wx, Wh, b)", "RecursionError"),
    ],
)
def test_an_error_is_a_line_of_the_students_file(body: str, told: str, tmp_path: Path) -> None:
    lab = LABS["1"]
    text = planted(lab, "return np.tanh(x_t @ Wx + b + h_t @ Wh)", body)
    found = grade(lab, written(tmp_path, lab, text))
    words = found.results[0].words
    assert found.results[0].verdict == WRONG and told in words
    if "->" in told:
        line = text.splitlines().index(f"    {body}") + 1
        assert f"lab1.py, line {line}, " in words


def test_a_file_that_is_no_python_is_told_by_its_line(tmp_path: Path) -> None:
    lab = LABS["1"]
    text = planted(lab, "def forward(", "def forward((")
    found = grade(lab, written(tmp_path, lab, text))
    line = next(i for i, each in enumerate(text.splitlines(), 1) if "def forward" in each)
    assert found.results[0].verdict == RIGHT, "the other cells are run all the same"
    assert f"lab1.py, line {line}: " in found.results[1].words and "SyntaxError" in found.results[1].words


def test_a_cell_that_breaks_off_is_told_when_nothing_is_open(tmp_path: Path) -> None:
    lab = LABS["0"]
    found = grade(lab, written(tmp_path, lab, solved(lab) + "\n# %%\n1 / 0\n"))
    assert found.right == len(lab.tasks) and not found.done
    assert "ZeroDivisionError" in "\n".join(found.lines())


def test_none_and_dots_leave_a_hole_open(tmp_path: Path) -> None:
    lab = LABS["1"]
    for body in ("...", "return None", "return ..."):
        text = planted(lab, "return D * H + H * H + H", body)
        assert grade(lab, written(tmp_path, lab, text)).results[2].verdict == OPEN


def test_predictions_are_told_and_not_graded(tmp_path: Path) -> None:
    lab = LABS["0"]
    for said, told in (
        ("44", "so it is"),
        ("40", "measured is 44, so yours is 4 too low"),
        ("None", "is open"),
        ("'many'", "is no number"),
    ):
        text = solved(lab).replace("steps_to_one_percent = 44", f"steps_to_one_percent = {said}")
        found = grade(lab, written(tmp_path, lab, text))
        assert found.done and told in found.predictions[0]


def test_the_zoo_is_as_its_key_makes_it() -> None:
    """`python -m tests.labs.bugs` writes it."""
    assert len(BUGS) == len(ZOO) == 10
    for number, lab in enumerate(ZOO):
        assert text_of(lab) == bugs.text(number), lab.name


def test_the_package_does_not_say_what_the_bugs_are() -> None:
    for path in (ROOT / "scratchnn" / "labs").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not [bug.words for bug in BUGS if bug.words in text], path
    heads = [bugs.head(number) for number in range(len(ZOO))]
    assert not [bug.words for bug, head in zip(BUGS, heads, strict=True) if bug.words in head]


@pytest.mark.parametrize("lab", [pytest.param(lab, id=lab.name) for lab in ZOO])
def test_a_bug_is_told_by_numbers(lab: Lab, tmp_path: Path) -> None:
    found = grade(lab, written(tmp_path, lab, text_of(lab)))
    assert [result.verdict for result in found.results] == [WRONG]
    assert re.search(r"\d", found.results[0].words) and "Traceback" not in found.results[0].words


def test_a_cell_that_only_measures_is_left_out(tmp_path: Path) -> None:
    lab = LABS["1"]
    text = solved(lab) + "\n# %% measure\n1 / 0\n"
    assert grade(lab, written(tmp_path, lab, text)).done
    (tmp_path / "lab1.py").unlink()
    (tmp_path / "lab1.ipynb").write_text(as_notebook(text), encoding="utf-8")
    assert grade(lab, tmp_path / "lab1.ipynb").done


def test_the_page_lists_the_labs() -> None:
    """`python -m tests.labs.page` writes the table."""
    assert between(page.PAGE.read_text(encoding="utf-8"), page.MARKS) == page.table()
