"""The examples say what they say, and it is true."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


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


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_it_runs(path: Path) -> None:
    run = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=300, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "(100, 32) -> (6400,), 6,208 parameters" in run.stdout
