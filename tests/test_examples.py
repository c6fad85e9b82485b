"""The examples say what they say, and it is true."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scratchnn_kernels import cpu, reference
from scratchnn_kernels.contract import Recurrence

from examples import checkpointing, rtrl
from scratchnn import activations

ROOT = Path(__file__).resolve().parents[1]
TANH, SIGMOID = activations.get("tanh"), activations.get("sigmoid")


def test_the_teaching_rnn_is_the_layer() -> None:
    example = runpy.run_path(str(ROOT / "examples" / "forward_rnn.py"))
    x, *weights = example["draw"]()
    assert x.shape == (100, 32)
    assert [w.shape for w in weights] == [(32, 64), (64, 64), (64,)]
    y = example["forward"](x, *weights)
    assert y.shape == (6400,)
    assert 0.3 < np.abs(y).max() < 1, "neither nothing nor saturated"
    for backend in ("reference", "cpu"):
        model = example["layers"](*weights, backend)
        assert model.count_params() == 32 * 64 + 64 * 64 + 64
        np.testing.assert_allclose(model.predict(x[None], verbose=0)[0], y, rtol=1e-4, atol=1e-6)


def test_it_carries_its_state_along() -> None:
    example = runpy.run_path(str(ROOT / "examples" / "forward_rnn.py"))
    x, *weights = example["draw"](1)
    y = example["forward"](x, *weights).reshape(100, 64)
    other = x.copy()
    other[10] += 0.1
    changed = (example["forward"](other, *weights).reshape(100, 64) != y).any(axis=1)
    assert not changed[:10].any() and changed[10:12].all()


def test_the_whole_idea_is_one_short_file_of_numpy(tmp_path: Path) -> None:
    path = ROOT / "examples" / "rnn_from_scratch.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    assert imports_in(path) == {"numpy"}
    lines = [
        re.fullmatch(r"step +(\d+): loss (\S+), gradients off by (\S+)", line) for line in output_of(path, tmp_path)
    ]
    steps, losses, differences = zip(*(map(float, line.groups()) for line in lines if line is not None), strict=True)
    assert len(lines) == len(steps) == 5 and steps[-1] == 1000
    assert list(losses) == sorted(losses, reverse=True)
    assert losses[0] > 0.25 > 0.002 > losses[-1]  # 0.25: what the best constant reaches
    assert max(differences) < 1e-9


def test_its_gradients_are_those_of_the_kernels() -> None:
    example = runpy.run_path(str(ROOT / "examples" / "rnn_from_scratch.py"))
    rng = np.random.default_rng(3)
    T, B, D, H = 7, 3, 2, 5
    x, target = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, 1))
    w = {name: rng.normal(size=shape) for name, shape in {"Wx": (D, H), "Wh": (H, H), "b": H, "Wy": (H, 1)}.items()}
    loss, cache = example["forward"](x, target, w)
    found = example["backward"](w, cache)

    call = Recurrence(x.swapaxes(0, 1).copy(), (np.zeros((B, H)),), sequences=True)
    y, _, kept = reference.simple_rnn.forward(call, w["Wx"], w["Wh"], w["b"], TANH)
    error = y @ w["Wy"] - target.swapaxes(0, 1)
    dp = 2 * error / error.size
    _, expected, _ = reference.simple_rnn.backward(dp @ w["Wy"].T, (None,), kept)
    expected["Wy"] = np.tensordot(y, dp, axes=((0, 1), (0, 1)))
    assert loss == pytest.approx(np.mean(error**2), rel=1e-12)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, rtol=1e-12, atol=1e-12, err_msg=name)


# B, T, D, H
SIZES = [(3, 20, 4, 5), (1, 1, 1, 1), (1, 9, 2, 3), (4, 1, 3, 2), (2, 33, 1, 6)]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_forward_accumulation_equals_backpropagation_through_time(sizes: tuple[int, int, int, int]) -> None:
    B, T, D, H = sizes
    rng = np.random.default_rng(sum(sizes))
    x, dy = rng.normal(size=(B, T, D)), rng.normal(size=(B, T, H))
    weights = [rng.normal(0, H**-0.5, shape) for shape in ((D, H), (H, H), H)]
    _, _, cache = reference.simple_rnn.forward(Recurrence(x, (np.zeros((B, H)),), sequences=True), *weights, TANH)
    _, expected, _ = reference.simple_rnn.backward(dy, (None,), cache)
    for name, found in zip(("Wx", "Wh", "b"), rtrl.gradients(x, dy, *weights), strict=True):
        np.testing.assert_allclose(found, expected[name], rtol=1e-12, atol=1e-12, err_msg=name)


def test_forward_accumulation_is_short_and_needs_numpy_alone() -> None:
    assert imports_in(ROOT / "examples" / "rtrl.py") == {"numpy"}
    assert len((ROOT / "examples" / "rtrl.py").read_text(encoding="utf-8").splitlines()) <= 40


@pytest.mark.parametrize("every", [1, 4, 7, 12, 50])
@pytest.mark.parametrize("kernel", ["simple_rnn", "lstm", "gru"])
def test_checkpoints_change_no_gradient(kernel: str, every: int) -> None:
    rng = np.random.default_rng(every)
    B, T, D, H = 3, 12, 2, 4
    G = {"simple_rnn": H, "lstm": 4 * H, "gru": 3 * H}[kernel]
    rest: list = [rng.normal(size=shape) for shape in ((D, G), (H, G), G)]
    rest += {"simple_rnn": [TANH], "lstm": [TANH, SIGMOID], "gru": [rng.normal(size=G), TANH, SIGMOID, True]}[kernel]
    states = tuple(rng.normal(size=(B, H)) for _ in range(2 if kernel == "lstm" else 1))
    call, dy = Recurrence(rng.normal(size=(B, T, D)), states, sequences=True), rng.normal(size=(B, T, H))
    for backend in (reference, cpu):
        pair = getattr(backend, kernel)
        _, expected, _ = pair.backward(dy, (None,) * len(states), pair.forward(call, *rest)[2])
        found = checkpointing.gradients(pair, call, dy, *rest, every=every)
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            np.testing.assert_allclose(found[name], gradient, rtol=1e-12, atol=1e-12, err_msg=name)


def imports_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def output_of(path: Path, folder: Path) -> list[str]:
    run = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=300, check=False, cwd=folder
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout.splitlines()


def test_the_teaching_rnn_runs(tmp_path: Path) -> None:
    lines = output_of(ROOT / "examples" / "forward_rnn.py", tmp_path)
    assert lines[0] == "(100, 32) -> (6400,), 6,208 parameters" and len(lines) == 2
