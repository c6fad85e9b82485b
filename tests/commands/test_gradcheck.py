"""The gradient check checked: it must flag layers that are wrong on purpose, and pass right ones."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.contract import Array

from scratchnn import gradcheck
from scratchnn.gradients import ArrayError, check, check_loss, relative_error
from scratchnn.gradients.cases import cases
from scratchnn.layers import LAYERS, LSTM, Activation, Bidirectional, Dense, Embedding, SimpleRNN
from scratchnn.losses import LOSSES, BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError
from scratchnn.regularizers import REGULARIZERS

pytestmark = pytest.mark.usefixtures("complex_numbers_are_taken")

X = np.random.default_rng(0).normal(size=(3, 4, 5))


class Wrong(SimpleRNN):
    """A SimpleRNN whose gradients are changed by `spoil` before they are returned."""

    def backward(self, dy: Any, cache: Any) -> tuple[Any, dict[str, Array]]:
        dx, grads = super().backward(dy, cache)
        dx, *dstate = dx if isinstance(dx, tuple) else (dx,)
        dx, dstate, grads = self.spoil(dx, dstate, grads)
        return (dx, *dstate) if dstate else dx, grads

    def spoil(self, dx: Array, dstate: list[Array], grads: dict[str, Array]) -> tuple[Array, list[Array], dict]:
        return dx, dstate, grads


class ScaledBy1001(Wrong):
    def spoil(self, dx: Array, dstate: list[Array], grads: dict[str, Array]) -> tuple[Array, list[Array], dict]:
        return dx, dstate, grads | {"Wx": grads["Wx"] * 1.001}


class OneNumberOff(Wrong):
    def spoil(self, dx: Array, dstate: list[Array], grads: dict[str, Array]) -> tuple[Array, list[Array], dict]:
        grads["Wh"][1, 2] += 1e-3
        return dx, dstate, grads


class NaN(Wrong):
    def spoil(self, dx: Array, dstate: list[Array], grads: dict[str, Array]) -> tuple[Array, list[Array], dict]:
        grads["b"][0] = np.nan
        return dx, dstate, grads


class WrongTimeOrder(Wrong):
    def spoil(self, dx: Array, dstate: list[Array], grads: dict[str, Array]) -> tuple[Array, list[Array], dict]:
        return dx[:, ::-1], dstate, grads


class MeanOverTheBatch(Wrong):
    def spoil(self, dx: Array, dstate: list[Array], grads: dict[str, Array]) -> tuple[Array, list[Array], dict]:
        return dx, dstate, {name: gradient / len(dx) for name, gradient in grads.items()}


class StateGradientDropped(Wrong):
    def spoil(self, dx: Array, dstate: list[Array], grads: dict[str, Array]) -> tuple[Array, list[Array], dict]:
        return dx, [np.zeros_like(d) for d in dstate], grads


class MissingGradient(Wrong):
    def spoil(self, dx: Array, dstate: list[Array], grads: dict[str, Array]) -> tuple[Array, list[Array], dict]:
        return dx, dstate, {name: gradient for name, gradient in grads.items() if name != "b"}


class UnknownGradient(Wrong):
    def spoil(self, dx: Array, dstate: list[Array], grads: dict[str, Array]) -> tuple[Array, list[Array], dict]:
        return dx, dstate, grads | {"Wy": grads["Wx"]}


class WrongShape(Wrong):
    def spoil(self, dx: Array, dstate: list[Array], grads: dict[str, Array]) -> tuple[Array, list[Array], dict]:
        return dx, dstate, grads | {"b": grads["b"][None]}


class NoDerivativeOfSoftmax(Activation):
    """Its y sums to 1 whatever x is, and so does y of a right softmax: dy of ones would not tell."""

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return cache.y * (dy - dy.mean(axis=-1, keepdims=True)), {}


class FewRandomNumbers(Activation):
    """Forward is another function in every call."""

    calls = 0

    def forward(self, x: Array, **options: Any) -> tuple[Array, Any]:
        self.calls += 1
        return super().forward(np.asarray(x) * (1 + 0.01 * np.sin(self.calls)), **options)


def wrong_arrays(errors: list[ArrayError]) -> set[str]:
    return {error.name for error in errors if not error.ok}


@pytest.mark.parametrize(
    ("layer", "wrong"),
    [
        (Wrong, set()),
        (ScaledBy1001, {"Wx"}),
        (OneNumberOff, {"Wh"}),
        (NaN, {"b"}),
        (WrongTimeOrder, {"x"}),
        (MeanOverTheBatch, {"Wx", "Wh", "b"}),
        (StateGradientDropped, {"h0"}),
        (MissingGradient, {"b"}),
        (UnknownGradient, {"Wy"}),
        (WrongShape, {"b"}),
    ],
)
def test_a_wrong_layer_is_flagged_at_the_array_that_is_wrong(layer: type[Wrong], wrong: set[str]) -> None:
    h0 = np.random.default_rng(1).normal(size=(3, 4))
    errors = check(layer(4, return_sequences=True), X, initial_state=[h0])
    assert wrong_arrays(errors) == wrong
    assert {"x", "h0", "Wx", "Wh", "b"} <= {error.name for error in errors}


def test_a_derivative_that_a_projection_of_ones_would_hide_is_flagged() -> None:
    assert wrong_arrays(check(NoDerivativeOfSoftmax("softmax"), X)) == {"x"}
    assert wrong_arrays(check(Activation("softmax"), X)) == set()


def test_a_forward_that_changes_from_call_to_call_is_flagged() -> None:
    (error,) = check(FewRandomNumbers("tanh"), X)
    assert not error.ok


def test_kinks_are_left_out_and_counted_wherever_in_the_step_they_lie() -> None:
    x = np.array([[0.0, 1e-5, -1e-4, 5e-4, 0.3, -0.3, 1.0, 2.0]])
    (error,) = check(Activation("relu"), x)
    assert (error.ok, error.kinks) == (True, 4)
    assert "4 at a kink left out" in str(error)


def test_an_array_of_which_most_lies_at_kinks_shows_nothing_and_is_flagged() -> None:
    (error,) = check(Activation("relu"), np.zeros((2, 3)))
    assert not error.ok


def test_a_wrong_derivative_beside_a_kink_is_still_flagged() -> None:
    class NoKink(Activation):
        def backward(self, dy: Array, cache: Array) -> tuple[Array, dict[str, Array]]:
            return dy, {}

    assert wrong_arrays(check(NoKink("relu"), np.array([[-0.5, 1e-5, 0.5, 1.0]]))) == {"x"}


def test_masks_states_dropout_and_several_outputs_of_one_call() -> None:
    rng = np.random.default_rng(1)
    layer = Bidirectional(LSTM(3, dropout=0.3, recurrent_dropout=0.3, return_sequences=True, return_state=True))
    mask, states = rng.random((3, 4)) < 0.7, [rng.normal(size=(3, 3)) for _ in range(4)]
    errors = check(layer, X, mask=mask, initial_state=states, training=True, seed=5)
    assert wrong_arrays(errors) == set()
    names = ["x", "forward.h0", "forward.c0", "backward.h0", "backward.c0", *layer.params]
    assert [error.name for error in errors] == names


def test_ids_have_no_gradient_and_parameters_come_back_unchanged() -> None:
    layer = Embedding(7, 2)
    layer.build((None, 4), backend="reference", dtype=np.float64)
    before = layer.params["E"].copy()
    assert [error.name for error in check(layer, np.array([[1, 1, 6, 0]]))] == ["E"]
    assert np.array_equal(layer.params["E"], before)


def test_the_arrays_of_the_caller_stay_as_they_are() -> None:
    x, h0 = X.copy(), np.ones((3, 4))
    check(SimpleRNN(4), x, initial_state=[h0])
    assert np.array_equal(x, X) and (h0 == 1).all()


def test_a_layer_in_float32_is_refused() -> None:
    layer = Dense(2)
    layer.build((None, 5), backend="reference")
    with pytest.raises(ValueError, match="checked in float64, but Dense was built with dtype float32"):
        check(layer, X[:, 0])


class HalfTheGradient(MeanSquaredError):
    def backward(self, cache: Any) -> Array:
        return super().backward(cache) / 2


def test_losses() -> None:
    y, target = np.random.default_rng(2).uniform(0.2, 0.8, (4, 3)), np.eye(3)[[0, 2, 1, 1]]
    assert wrong_arrays(check_loss(MeanSquaredError(), y, target)) == set()
    assert wrong_arrays(check_loss(BinaryCrossentropy(), y, target)) == set()
    assert wrong_arrays(check_loss(CategoricalCrossentropy(from_logits=True), y, target)) == set()
    assert wrong_arrays(check_loss(HalfTheGradient(), y, target)) == {"y"}


def test_relative_error_is_that_of_cs231n() -> None:
    assert relative_error(np.array([1.0, 2.0]), np.array([1.0, 2.2])) == pytest.approx(0.2 / 4.2)
    assert relative_error(np.array([0.0]), np.array([1e-10])) == pytest.approx(1e-10 / 1e-8)
    assert relative_error(np.zeros(0), np.zeros(0)) == 0


# ---- the command


def test_the_command_prints_a_line_per_array_and_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradcheck.main(["dense", "MSE", "--seed", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Dense: rows"
    assert [line.split()[0] for line in lines[1:4]] == ["x", "W", "b"]
    assert all("expect below 1e-12, complex step)" in line and line.endswith("ok") for line in lines[1:4])
    assert lines[-3] == "mean_squared_error: numbers"
    assert "expect below 1e-06, central differences)" in lines[-2]
    assert lines[-1] == "All 9 gradients agree: 6 to 1e-12 by complex step, 3 to 1e-06 by central differences."


def test_the_command_fails_when_a_gradient_is_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Dense.backward

    def wrong(self: Dense, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        dx, grads = right(self, dy, cache)
        return dx, grads | {"W": grads["W"] * 1.001}

    monkeypatch.setattr(Dense, "backward", wrong)
    assert gradcheck.main(["dense"]) == 1
    out = capsys.readouterr().out
    assert "OFF" in out
    assert out.splitlines()[-1].startswith("3 of 8 gradients are OFF: W of Dense (rows); ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lsmt"], "unknown layer or loss 'lsmt'; did you mean 'LSTM'?"),
        (["--seed", "-1"], "seed must be a whole number from 0 to 2"),
        (["--backend", "gpus"], "invalid choice: 'gpus'"),
    ],
)
def test_the_command_refuses_what_it_does_not_know(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        gradcheck.main(arguments)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert not captured.out


def test_a_layer_without_kernels_on_a_backend_is_not_called_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradcheck.main(["RNN", "--backend", "cpu"]) == 2
    out = capsys.readouterr().out
    assert "RNN: last step: not checked, cpu has no kernels for it\n" in out
    assert "reference" in out.splitlines()[-1] and "agree" not in out
    assert gradcheck.main(["RNN", "dense", "--backend", "cpu"]) == 0
    assert gradcheck.main(["RNN"]) == 0


def test_every_layer_loss_and_regularizer_has_cases() -> None:
    names = {case.name for case in cases()}
    assert names == set(LAYERS) | {loss.name for loss in map(lambda make: make(), LOSSES.values())} | set(REGULARIZERS)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_every_layer_and_loss_of_scratchnn_passes(backend: str) -> None:
    # In a process of its own, where no annotation is enforced: ten times as fast.
    command = [sys.executable, "-W", "error", "-m", "scratchnn.gradcheck", "--backend", backend]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "OFF" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("All ")
    assert set(LAYERS) <= {line.split(":")[0] for line in done.stdout.splitlines()}
    assert set(measured_with_kinks(done.stdout)) == WITH_KINKS


# Besides what names relu: as the table of docs/bptt.md says.
WITH_KINKS = {
    *("Activation: hard_sigmoid", "Activation: leaky_relu", "Activation: selu", "ELU: alpha 0.5", "Masking: sequences"),
    "Bidirectional: two layers, mask",  # one of them with relu
    *("LeakyReLU: slope 0.3", "PReLU: a slope for each number", "PReLU: shared", "GlobalMaxPooling1D: all steps"),
    *("ConcatPooling1D: all steps", "ConcatPooling1D: mask"),
    *(f"MaxPooling1D: {padding}{how}" for padding in ("valid", "same") for how in ("", ", windows that overlap")),
}


def measured_with_kinks(out: str) -> Iterator[str]:
    """The titles of layers that central differences were taken of, without those that name relu."""
    title = ""
    for line in out.splitlines()[:-1]:
        title = title if line.startswith(" ") else line
        is_central = line.startswith(" ") and "central differences" in line
        if is_central and title.split(":")[0] in LAYERS and not re.search(r"\brelu\b", title, re.IGNORECASE):
            yield title


def test_help_answers_without_importing_numpy() -> None:
    code = "import sys, scratchnn.gradcheck as g\ntry: g.main(['--help'])\nfinally: assert 'numpy' not in sys.modules"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Exit status" in done.stdout
    assert time.perf_counter() - start < 5  # 0.03 s of its own; the rest is room for a busy machine
