"""Each gate's equation and lines are found in the reference sources, and the page's activations are Python's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import explain
from scratchnn.activations import ACTIVATIONS
from scratchnn.explain.page.content import _equation
from scratchnn.layers import GRU, LSTM, SimpleRNN
from tests.explain.conftest import built

LAYERS = {
    "rnn": (SimpleRNN(3), {"h": (3, "h' = act(ax + ah)")}),
    "lstm": (LSTM(3), {"f": (3, "i, f, o = rec(a_i), rec(a_f), rec(a_o)"), "c": (5, "c' = f ⊙ c + i ⊙ g")}),
    "gru": (GRU(3), {"z": (3, "z, r = rec(ax_z + ah_z), rec(ax_r + ah_r)"), "h": (6, "h' = z ⊙ h + (1 - z) ⊙ g")}),
    "gru-before": (GRU(3, reset_after=False), {"g": (5, "g = act(ax_g + q)")}),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_every_gate_has_its_equation_and_its_lines(kind: str) -> None:
    layer: Any
    layer, some = LAYERS[kind]
    layer.build((None, 4, 2), backend="reference", seed=1)
    for name in (*layer.gate_names, *layer.state_names):
        found = _equation(layer, name)
        assert found is not None and found["forward"] and found["backward"]
        source = (Path(explain.__file__).parents[2] / "kernels" / found["file"]).read_text(encoding="utf-8")
        for line in (*found["forward"], *found["backward"]):
            assert f"        {line}" in source
        if name in some:
            assert (found["number"], found["text"]) == some[name]


def test_the_page_has_every_activation_but_softmax(browser: Any, tmp_path: Path) -> None:
    explain.write(tmp_path / "page.html", built("rnn"), "good")
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    a = np.linspace(-4, 4, 33)
    for name in ACTIVATIONS.keys() - {"softmax"}:
        y = page.evaluate(f"a => a.map(ACTIVATIONS.{name})", a.tolist())
        np.testing.assert_allclose(y, ACTIVATIONS[name](a), rtol=1e-12, atol=1e-15, err_msg=name)
    page.close()
