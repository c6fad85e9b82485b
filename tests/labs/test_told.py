"""What `check` and `hint` tell a student who is stuck: the cause, not what follows from it."""

import re
from pathlib import Path

import pytest

from scratchnn.labs.__main__ import main
from scratchnn.labs.grading import OPEN, RIGHT, WAITS, WRONG, Grade, grade
from scratchnn.labs.hints import next_hint
from scratchnn.labs.lab import Lab
from scratchnn.labs.shelf import LABS, text_of
from tests.labs.solving import solved

NUMBERED = [pytest.param(lab, id=lab.name) for key, lab in LABS.items() if not key.startswith("zoo")]


def graded(folder: Path, key: str, *plants: tuple[str, str]) -> Grade:
    """The solved lab with these texts replaced."""
    text = solved(LABS[key])
    for old, new in plants:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / f"lab{key}.py"
    path.write_text(text, encoding="utf-8")
    return grade(LABS[key], path)


@pytest.mark.parametrize(
    ("key", "right", "wrong", "verdicts"),
    [
        ("1", "np.tanh(x_t @ Wx + b + h_t @ Wh)", "np.tanh(x_t @ Wx)", (WRONG, WAITS, RIGHT)),
        ("1", "return np.tanh(x_t @ Wx + b + h_t @ Wh)", "raise NotImplementedError", (OPEN, WAITS, RIGHT)),
        ("1", "return np.tanh(x_t @ Wx + b + h_t @ Wh)", "return undefined", (WRONG, WAITS, RIGHT)),
        ("2", "sent = da[t] @ Wh.T", "sent = da[t] @ Wh", (WRONG, RIGHT, WAITS)),
        ("1", "step(x[t], h[t], Wx", "step(x[t], h[0], Wx", (RIGHT, WRONG, RIGHT)),
    ],
)
def test_what_calls_a_wrong_function_waits_for_it(
    key: str, right: str, wrong: str, verdicts: tuple[str, ...], tmp_path: Path
) -> None:
    found = graded(tmp_path, key, (right, wrong))
    assert tuple(result.verdict for result in found.results) == verdicts
    for result in found.results:
        if result.verdict == WAITS:
            assert re.fullmatch(r"it calls \w+; make that right first", result.words)


def test_of_two_that_call_each_other_neither_waits(tmp_path: Path) -> None:
    plant = ("return np.tanh(x_t @ Wx + b + h_t @ Wh)", "return forward(x_t, Wx, Wh, b)")
    assert [result.verdict for result in graded(tmp_path, "1", plant).results] == [WRONG, WRONG, RIGHT]


def test_a_missing_return_is_not_an_open_hole(tmp_path: Path) -> None:
    result = graded(tmp_path, "1", ("return D * H + H * H + H", "D * H + H * H + H; len(str(D))")).results[2]
    assert result.verdict == WRONG and "returns nothing (None): is a `return` missing?" in result.words


def test_a_syntax_error_is_told_alone_and_by_hint_too(tmp_path: Path) -> None:
    found = graded(tmp_path, "1", ("def forward(", "def forward(("))
    head, told, *rest = found.lines(1000)
    assert "mend this first" in told and "SyntaxError" in told and not found.done
    assert rest == ["2 of 3 tasks are right."], (head, rest)
    assert "SyntaxError" in next_hint(LABS["1"], tmp_path)


def test_the_commands_find_the_files_from_inside_of_labs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["start", "1"]) == 0
    assert "`python labs/lab1.py`" in capsys.readouterr().out.replace("\\", "/")
    monkeypatch.chdir(tmp_path / "labs")
    assert main(["check", "1"]) == 1 and main(["hint", "1"]) == 0 and main(["start", "2"]) == 0
    assert (tmp_path / "labs" / "lab2.py").is_file()


def test_a_hint_for_a_task_of_ones_own_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["start", "1"])
    assert main(["hint", "1", "count_parameters"]) == 0
    assert LABS["1"].tasks[2].hints[0] in capsys.readouterr().out
    assert main(["hint", "1", "count"]) == 2
    assert "lab1 has no task 'count'; it has step, forward, count_parameters" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "right", "wrong", "told"),
    [
        ("0", "return np.stack(h)", "return h", "expected an array, came a list; np.stack makes"),
        (
            "0",
            "np.abs(np.linalg.eigvals(W)).max()",
            "np.linalg.eigvals(W).max()",
            "expected real numbers, came complex",
        ),
        ("1", "    return h\n", "    return h[1:]\n", "The axes are T+1 states (h[0] among them), B rows and H units"),
        (
            "2",
            "return sum(h[t].T @ da[t] for",
            "return sum(h[t][:, :, None] * da[t][:, None] for",
            "without steps or rows",
        ),
        ("2", "(1 - h[t + 1] ** 2)", "(1 - h[t + 1]) ** 2", "squares the state alone"),
        ("10", "np.abs(np.linalg.eigvals(np.diag(f)", "np.real(np.linalg.eigvals(np.diag(f)", "complex or negative"),
        ("10", "np.abs(np.linalg.eigvals(np.diag(f)", "np.asarray(np.linalg.eigvals(np.diag(f)", "complex"),
    ],
)
def test_a_result_of_another_kind_is_told_by_what_it_is(
    key: str, right: str, wrong: str, told: str, tmp_path: Path
) -> None:
    found = graded(tmp_path, key, (right, wrong))
    assert [told in result.words for result in found.results if result.verdict == WRONG] == [True]


@pytest.mark.filterwarnings("error")
def test_complex_numbers_warn_of_nothing(tmp_path: Path) -> None:
    graded(tmp_path, "10", ("np.abs(np.linalg.eigvals(np.diag(f)", "np.asarray(np.linalg.eigvals(np.diag(f)"))


def test_what_is_measured_is_held_back_until_the_tasks_above_are_right(tmp_path: Path) -> None:
    (tmp_path / "lab1.py").write_text(
        text_of(LABS["1"]).replace("twice_as_long = None", "twice_as_long = 'twice as many'"), encoding="utf-8"
    )
    first = grade(LABS["1"], tmp_path / "lab1.py").predictions[0]
    assert "'as many'" not in first and first.endswith("is told when this is right: step, forward, count_parameters")
    guess = ('twice_as_long = "as many"', 'twice_as_long = "twice as many"')
    assert "measured is 'as many'" in graded(tmp_path, "1", guess).predictions[0]
    on_paper = graded(tmp_path, "2", ("sent = da[t] @ Wh.T", "sent = da[t] @ Wh")).predictions[0]
    assert on_paper == "dh1_on_paper = 0.154: so it is"  # it stands above all tasks


@pytest.mark.parametrize(
    ("said", "told"),
    [("'Yes '", "so it is"), ("'NO'", "measured is 'yes'"), ("'maybe'", "is none of 'yes', 'no'"), ("3", "is none of")],
)
def test_a_choice_is_read_in_any_case_and_listed_where_it_is_none(said: str, told: str, tmp_path: Path) -> None:
    found = graded(tmp_path, "1", ('last_state_changes = "yes"', f"last_state_changes = {said}"))
    assert told in found.predictions[1]


@pytest.mark.parametrize("lab", NUMBERED)
def test_every_lab_says_how_to_work_and_every_choice_is_listed(lab: Lab, tmp_path: Path) -> None:
    head = " ".join(text_of(lab).partition("\n# %%\n")[0].replace("\n#", " ").split())
    for words in (f"`python labs/{lab.name}.py`", f"check {lab.key}`", f"hint {lab.key}`", "begin with `# %% measure`"):
        assert words in head, words
    path = tmp_path / f"{lab.name}.py"
    path.write_text(solved(lab), encoding="utf-8")
    for prediction, told in zip(lab.predictions, grade(lab, path).predictions, strict=True):
        choices = re.search(r"measured is '(.*)'", told)
        assert bool(prediction.choices) == (f"{prediction.name} = '" in told), told
        assert choices is None or choices[1] in prediction.choices
        assert prediction.after in ("", *(task.name for task in lab.tasks))
