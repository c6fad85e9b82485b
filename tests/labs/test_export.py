"""What a teacher hands out and gets back: drawn from the student's name, graded against what was drawn."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scratchnn.labs.__main__ import main
from scratchnn.labs.checks.zoo import ZOO
from scratchnn.labs.exported import as_notebook, draw, export, grade_folder, labs_of, numbers_of, text_for
from scratchnn.labs.grading import RIGHT, WAITS, WRONG, Grade, grade
from scratchnn.labs.lab import Lab
from scratchnn.labs.shelf import LABS, text_of
from scratchnn.labs.student import Student
from tests.labs.solving import filled

SMALL = ("lab0", "lab1")


def test_a_name_draws_the_same_each_time_and_names_differ() -> None:
    """The numbers of one student are written down: another version must not draw others in the middle of a course."""
    assert labs_of("ada")[-1].key == "zoo7"
    assert numbers_of("ada", LABS["0"]) == {"SEED": 382, "UNITS": 6, "RADIUS": 0.8}
    many = [f"student {number}" for number in range(200)]
    assert {labs_of(student)[-1].key for student in many} == {lab.key for lab in ZOO}
    assert len({str(numbers_of(student, LABS["1"])) for student in many}) > 190
    counts = [[draw(student, "bug", 10) for student in many].count(bug) for bug in range(10)]
    assert max(counts) < 40  # twice the mean; 4.7 deviations above it


def test_the_numbers_stand_in_the_text() -> None:
    for lab in LABS.values():
        text = text_for("ada", lab)
        names: dict = {}
        exec("\n".join(line for line in text.splitlines() if line.endswith("# drawn for you")), names)
        assert {name: names[name] for name in lab.numbers} == numbers_of("ada", lab)
        assert text.count("\n") == text_of(lab).count("\n")


@pytest.mark.parametrize("lab", [pytest.param(lab, id=lab.name) for lab in LABS.values()])
def test_a_solved_lab_is_right_with_numbers_of_its_own(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / f"{lab.name}.py"
    path.write_text(filled(lab, text_for("ada", lab)), encoding="utf-8")
    found = grade(lab, path, numbers_of("ada", lab), hidden="handed in by ada")
    assert found.done, "\n".join(found.lines())


def test_grading_asks_for_the_students_own_numbers(tmp_path: Path) -> None:
    export("ada", tmp_path / "out")
    for lab in labs_of("ada"):
        path = tmp_path / "out" / f"{lab.name}.py"
        if lab.name in SMALL:
            path.write_text(filled(lab, text_for("bob", lab)), encoding="utf-8")
        else:
            path.unlink()  # which the test need not wait for
    graded = {lab.name: found for lab, found in grade_folder("ada", tmp_path / "out") if found is not None}
    for name in SMALL:
        assert all(result.verdict == WRONG and "was drawn for this student" in result.words
                   for result in graded[name].results)  # fmt: skip


def test_grading_does_not_draw_what_check_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing fitted to the inputs of `check` passes."""
    lab, seen = LABS["0"], []

    def noted(self: Student, name: str, *arguments: object) -> object:
        seen.append(str(arguments))
        return call(self, name, *arguments)

    call = Student.call
    monkeypatch.setattr(Student, "call", noted)
    path = tmp_path / "lab0.py"
    path.write_text(filled(lab, text_of(lab)), encoding="utf-8")
    assert grade(lab, path).done
    of_check, seen[:] = set(seen), []
    assert grade(lab, path, hidden="handed in by ada").done
    assert len(seen) == len(of_check) and len(of_check & set(seen)) <= 1  # the matrix that the text has too


def test_the_commands_hand_out_and_grade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", "--student", "Ada Löf/1"]) == 0
    folder = tmp_path / "labs-Ada_L_f_1"
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{lab.name}.py" for lab in labs_of("Ada Löf/1")}
    assert main(["export", "--student", "Ada Löf/1"]) == 2
    assert "not empty" in capsys.readouterr().err
    for lab in labs_of("Ada Löf/1")[:-1]:
        (folder / f"{lab.name}.py").unlink()
    assert main(["grade", str(folder), "--student", "Ada Löf/1"]) == 1
    printed = capsys.readouterr().out
    assert "Lab 0: how far back does a network remember?: not handed in" in printed
    assert "Ada Löf/1: 0 of " in printed
    assert main(["export", "--student", " "]) == 2
    assert main(["grade", "nowhere", "--student", "ada"]) == 2
    assert "there is no folder nowhere" in capsys.readouterr().err


ENDLESS = "while True:\n        pass\n    return "


@pytest.fixture
def handed_in(tmp_path: Path) -> Callable[..., dict[str, Grade]]:
    """Lab 1 as it came back, with a text replaced, and lab 0 solved beside it; both graded."""

    def graded(old: str, new: str, seconds: float = 5.0, name: str = "lab1.py") -> dict[str, Grade]:
        for lab in (LABS["0"], LABS["1"]):
            text = filled(lab, text_for("ada", lab))
            if lab.key == "1":
                assert text.count(old) == 1
                text = text.replace(old, new)
                text = as_notebook(text) if name.endswith(".ipynb") else text
            (tmp_path / (name if lab.key == "1" else f"{lab.name}.py")).write_text(text, encoding="utf-8")
        return {lab.name: found for lab, found in grade_folder("ada", tmp_path, seconds) if found is not None}

    return graded


@pytest.mark.parametrize("name", ["lab1.py", "lab1.ipynb"])
def test_a_function_without_end_is_wrong_with_its_line_and_others_go_on(
    name: str, handed_in: Callable[..., dict[str, Grade]], tmp_path: Path
) -> None:
    found = handed_in("    return D * H + H * H + H\n", f"    {ENDLESS}3\n", 4.0, name)
    # The cells call it too, and end there: nothing behind is reached.
    assert found["lab0"].done and found["lab1"].right == 0 and not found["lab1"].done
    told = " ".join(" ".join(found["lab1"].lines(1000)).split())
    lines = (tmp_path / "lab1.py").read_text(encoding="utf-8").splitlines() if name == "lab1.py" else []
    near = (
        [f"line {lines.index('    while True:') + shift}" for shift in (1, 2)] if lines else ["cell of code 6, line "]
    )
    assert any(f"{place}" in told for place in near) and "in count_parameters: is not done after 4 seconds" in told


def test_what_was_found_before_a_check_did_not_end_counts(handed_in: Callable[..., dict[str, Grade]]) -> None:
    endless = "if x.shape[1] != 1:  # as check has it, and no cell\n        while True:\n            pass\n    "
    found = handed_in("h = np.zeros((len(x) + 1", f"{endless}h = np.zeros((len(x) + 1", 5.0)["lab1"]
    assert [result.verdict for result in found.results] == [RIGHT, WRONG, WAITS]
    assert "has a loop no end?" in found.results[1].words and found.results[2].words == "was not reached"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("__import__('os')._exit(7)", "the program ended Python (exit status 7)"),
        ("return input()", "EOFError"),
        ("print('all right', flush=True); return D * H + H * H + H", "right"),
    ],
)
def test_a_program_that_ends_python_or_asks_is_told(
    body: str, told: str, handed_in: Callable[..., dict[str, Grade]]
) -> None:
    found = handed_in("return D * H + H * H + H", body, 30.0)
    assert found["lab0"].done and told in "\n".join(found["lab1"].lines(1000))


def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lab0.ipynb").write_text("no notebook", encoding="utf-8")
    lab = LABS["1"]
    (tmp_path / "lab1.py").write_text(filled(lab, text_for("ada", lab)), encoding="utf-8")
    assert main(["grade", str(tmp_path), "--student", "ada"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "lab0.ipynb cannot be read as a notebook" in printed and "3 of 3 tasks are right" in printed


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_the_time_for_a_program_is_above_zero(seconds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", str(tmp_path), "--student", "ada", "--seconds", seconds]) == 2
    assert "--seconds is the time for each program, above 0" in capsys.readouterr().err


def test_exported_labs_name_the_files_beside_them(tmp_path: Path) -> None:
    for path in export("ada", tmp_path / "scripts"):
        text = path.read_text(encoding="utf-8")
        assert "labs/" not in text and "labs start" not in text, path
    text = (tmp_path / "scripts" / "lab1.py").read_text(encoding="utf-8")
    assert "`python lab1.py`" in text and "`lab2.py` begins lab 2" in text
    for path in export("ada", tmp_path / "books", notebook=True):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        told = " ".join("\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown").split())
        assert not re.search(r"labs/|# %%|\.py`|an editor that|run this file|labs start", told), path
        if path.stem == "lab3":
            assert "fill the holes and run the cells in order. `python -m" in told and "begin with `# measure`" in told
            measuring = [cell["source"] for cell in cells if "measure" in cell["metadata"].get("tags", ())]
            assert len(measuring) == 2 and all(source.startswith("# measure\n") for source in measuring)


def test_a_notebook_is_read_as_the_script(tmp_path: Path) -> None:
    lab = LABS["1"]
    (tmp_path / "lab1.ipynb").write_text(as_notebook(filled(lab, text_of(lab))), encoding="utf-8")
    book = json.loads((tmp_path / "lab1.ipynb").read_text(encoding="utf-8"))
    assert book["cells"][0]["cell_type"] == "markdown" and book["cells"][0]["source"].startswith("# Lab 1")
    assert grade(lab, tmp_path / "lab1.ipynb").done
    broken = as_notebook(filled(lab, text_of(lab)).replace("return np.tanh(", "return np.tnah("))
    (tmp_path / "lab1.ipynb").write_text(broken, encoding="utf-8")
    words = grade(lab, tmp_path / "lab1.ipynb").results[0].words
    cells = [cell["source"] for cell in json.loads(broken)["cells"] if cell["cell_type"] == "code"]
    number = next(i for i, source in enumerate(cells, 1) if "tnah" in source)
    line = next(i for i, each in enumerate(cells[number - 1].splitlines(), 1) if "tnah" in each)
    assert f"cell of code {number}, line {line}, in step: return np.tnah(" in words


def test_a_file_that_is_no_notebook_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lab1.ipynb").write_text("no notebook", encoding="utf-8")
    assert main(["check", "1", "--folder", str(tmp_path)]) == 2
    assert "cannot be read as a notebook" in capsys.readouterr().err
