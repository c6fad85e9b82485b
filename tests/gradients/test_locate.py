"""`--locate`: it finds nothing where nothing is wrong, and names the equation where something is."""

import subprocess
import sys
from typing import Any

import pytest
from scratchnn_kernels import cpu

from benchmarks.tables import between
from scratchnn import gradcheck
from scratchnn.gradients.blame import EQUATIONS
from scratchnn.gradients.locate import locate, walkable
from scratchnn.gradients.sources import equation, lines_back
from tests.gradients import bugs
from tests.house import ROOT
from tests.kernels.test_planted_bugs import FAULTS
from tests.planting import plant

pytestmark = pytest.mark.usefixtures("complex_numbers_are_taken")

# The equation of each of their faults, in their order; `before` where it shows with the reset gate before the product.
NUMBERS = {
    "simple_rnn": (3, 3, 2, 2, 2, 2, 1, 1, 2, 2, 2, 2, 1, 1),
    "lstm": (3, 3, 5, 6, 5, 6, 6, 4, 2, 2, 2, 2, 1, 1, 1),
    "gru": (4, 4, "4 before", "4 before", 6, "6 before", 6, "6 before", 6, "6 before", 1, "4 before", 2, "4 before"),
    "projection": (1, 1),
}


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize(("title", "make"), [form for kind in EQUATIONS for form in walkable(kind)])
def test_nothing_is_found_where_nothing_is_wrong(title: str, make: Any, backend: str) -> None:
    seen, found = locate(make, backend)
    assert found is None
    assert len(seen) == 14
    assert max(error for walk in seen for error in walk.errors.values()) < 1e-13


@pytest.mark.parametrize(
    ("kernel", "fault", "number"),
    [
        pytest.param(kernel, fault, number, id=f"{kernel}: {name}")
        for kernel, numbers in NUMBERS.items()
        for (name, *fault), number in zip(FAULTS[kernel], numbers, strict=True)
    ],
)
def test_the_equation_of_a_fault_is_named(
    kernel: str, fault: list[str], number: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, instead, *elsewhere = fault
    plant(f"scratchnn_kernels.reference.{(elsewhere or [kernel])[0]}", text, instead, monkeypatch)
    forms = walkable({"lstm": "LSTM", "gru": "GRU"}.get(kernel, "SimpleRNN"))
    number, before = (int(str(number)[0]), "before" in str(number))
    _, found = locate(forms[before][1])
    assert found is not None and found.equation == number


def test_the_table_of_bugs_is_what_is_said() -> None:
    command = [sys.executable, "-m", "tests.gradients.bugs", "--print"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert len(bugs.BUGS) == 10
    assert between(bugs.PAGE.read_text(encoding="utf-8"), bugs.MARKS) == done.stdout.rstrip()


def test_a_fault_of_the_forward_pass_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    right = cpu.lstm.forward

    def wrong(*arguments: Any) -> Any:
        y, (h, c), cache = right(*arguments)
        return y, (h, 1.001 * c), cache

    monkeypatch.setattr(cpu.lstm, "forward", wrong)
    ((_, make),) = walkable("LSTM")
    seen, found = locate(make, "cpu")
    assert seen == []
    assert found is not None and "the forward pass is off: c after step 0 is not that of the reference" in found.where


@pytest.mark.parametrize("kind", EQUATIONS)
def test_a_sum_over_the_steps_is_told_from_their_gradients(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """da is seen through dWx alone: where db and dx are right, so is da."""
    text = "projection.backward_W(dax, x, call.dropout_x)"
    plant("scratchnn_kernels.reference.recurrence", text, text.replace(" x,", " x[::-1],"), monkeypatch)
    for _, make in walkable(kind):
        _, found = locate(make)
        assert str(found) == "over steps 2 to 3 da is right at every step, dWx is off: equation (1)"


def test_a_backward_pass_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    plant("scratchnn_kernels.reference.lstm", "df, di, dg = dc * c,", "df, di, dg = dc @ c,", monkeypatch)
    ((_, make),) = walkable("LSTM")
    _, found = locate(make)
    assert found is not None and "each step alone, step 3: backward fails" in found.where
    assert "ValueError: matmul" in found.why


@pytest.mark.parametrize("backend", ["reference", "cpu", "gpu"])
def test_every_equation_leads_to_lines_of_the_backward_pass(backend: str) -> None:
    for kind, gates in EQUATIONS.items():
        for number in {1, 2, *(number for _, *both in gates.values() for number in both)}:
            assert equation(kind, number)[0].startswith(f"({number})")
            assert lines_back(kind, backend, number), (kind, number)
    (line,) = lines_back("LSTM", "reference", 4)
    assert line.text == "da_g = self.act.backward(dg, g)  # (4)" and line.path.name == "lstm.py"
    assert [line.text for line in lines_back("LSTM", "cpu", 3)][1:] == [
        "times_derivative(rec, da_f, f)",
        "times_derivative(rec, da_o, o)",
    ]


# ---- the command


def test_the_command_says_where(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    plant("scratchnn_kernels.reference.lstm", "df, di, dg = dc * c,", "df, di, dg = dc * after[1],", monkeypatch)
    assert gradcheck.main(["--locate", "lstm", "simple_rnn"]) == 1
    out = capsys.readouterr().out
    assert "LSTM: at the last step a_i, a_g and a_o agree, a_f is off: equation (5)\n" in out
    assert "    (5)  c'      = f ⊙ c + i ⊙ g\n" in out
    assert "    step 3:        a_i[3] ok  a_f[3] OFF" in out
    assert "SimpleRNN: nothing is off" in out


def test_the_command_tells_the_layer_from_its_kernels(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant("scratchnn.layers.recurrent", "            dx = dx[:, ::-1]", "            pass", monkeypatch)
    assert gradcheck.main(["--locate", "simple_rnn"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("SimpleRNN: its kernels are right; off is what the layer does around them")
    assert "backwards" in last and "last step" not in last


def test_a_layer_without_steps_has_its_gradients_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gradcheck.main(["--locate", "dense", "rnn", "mse"]) == 0
    out = capsys.readouterr().out
    assert "Dense: it has no steps and gates to walk along; nothing is off in 8 gradients, 3 uses\n" in out
    assert "RNN: the gates of a cell of your own are not known here; nothing is off" in out
    plant("scratchnn_kernels.reference.dense", '"b": da.sum(axis=0)', '"b": da.mean(axis=0)', monkeypatch)
    assert gradcheck.main(["--locate", "dense"]) == 1
    out = capsys.readouterr().out
    assert "Dense: it has no steps and gates to walk along. Off (rows): the gradient of b\n" in out
    assert "Dense: not all are, so da is right: equation (1)\n" in out
