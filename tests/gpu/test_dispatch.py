"""The table that decides which kernel runs, and what it says about itself."""

from typing import Any

import numpy as np
import pytest
from scratchnn_kernels import gpu
from scratchnn_kernels.gpu import device, dispatch, projection, recurrent

from scratchnn.report.kernels import rules_text
from tests.gpu.cases import CELLS
from tests.gpu.device_arrays import xp
from tests.gpu.emulator import Emulator
from tests.gpu.on_device import OnDevice
from tests.kernels.pairs import Recurrent


@pytest.mark.parametrize(
    ("cell", "H", "dtype", "kernel", "held"),
    [
        ("lstm", 1, np.float32, "persistent", 8),
        ("gru", 64, np.float32, "persistent", 64),
        ("gru_reset_before", 65, np.float32, "persistent", 72),
        ("lstm", 96, np.float32, "persistent", 96),
        ("lstm", 97, np.float32, "persistent", 80),
        ("gru", 128, np.float32, "persistent", 80),
        ("simple_rnn", 128, np.float32, "persistent", 128),
        ("simple_rnn", 129, np.float32, "stepwise", 0),
        ("lstm", 4096, np.float32, "stepwise", 0),
        ("gru", 1, np.float64, "stepwise", 0),
    ],
)
def test_the_first_rule_that_fits_decides(cell: str, H: int, dtype: type, kernel: str, held: int) -> None:
    for B in (1, 32, 100_000):
        rule = dispatch.choose(cell, H, B, dtype)
        assert (rule.kernel, dispatch.held(rule, H)) == (kernel, held)


def test_a_rule_may_ask_for_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    few = dispatch.Rule("gru", None, None, 32, dispatch.STEPWISE, 0, "")
    monkeypatch.setattr(dispatch, "TABLE", (few, *dispatch.TABLE))
    assert [dispatch.choose("gru", 3, B, np.float32).kernel for B in (32, 33)] == ["stepwise", "persistent"]
    assert dispatch.choose("lstm", 3, 32, np.float32).kernel == "persistent"


@pytest.mark.parametrize("cell", dispatch.CELLS)
def test_blocks_are_whole_warps_that_a_device_takes(cell: str) -> None:
    for H in range(1, 129):
        assert dispatch.block(cell, H) % 32 == 0
        assert H <= dispatch.block(cell, H) <= 512


def test_explain_has_a_line_for_every_rule() -> None:
    title, head, *lines = rules_text().splitlines()
    assert "not yet timed" in title
    assert head.split() == ["cell", "dtype", "units", "rows", "kernel", "in", "registers", "why"]
    assert len(lines) == len(dispatch.TABLE)
    assert lines[0].split()[:7] == ["any", "float32", "up", "to", "96", "any", "persistent"]


def test_a_layer_is_explained() -> None:
    assert dispatch.explain_layer("lstm", 32, 25, 100, np.float32) == [
        "persistent: 1 launch forward, 1 backward (stepwise 200 and 300)",
        "25 blocks of 128 threads, 32 of 32 weights in registers",
        dispatch.TABLE[0].why,
    ]
    what, shape, _ = dispatch.explain_layer("gru", 128, 32, 10, np.float32)
    assert what == "persistent: 4 launches forward, 4 backward (stepwise 20 and 30)"
    assert shape == "32 blocks of 512 threads, 80 of 128 weights in registers"
    lines = dispatch.explain_layer("gru_reset_before", 200, 32, 500, np.float32)
    assert lines == ["stepwise: 2,000 launches forward, 2,500 backward", dispatch.TABLE[3].why]


@pytest.mark.parametrize(("kernel", "reset_after"), CELLS)
def test_stepwise_launches_are_counted(
    kernel: str, reset_after: bool, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our kernels and the products; the addition on the way back leaves no trace here."""

    def counted(name: str) -> Any:
        function = getattr(projection, name)
        return lambda *arguments: (emulator.launched.append("product"), function(*arguments))[1]

    # backward_x ends in forward: counted once.
    monkeypatch.setattr(projection, "forward", counted("forward"))
    case = Recurrent(kernel, B=2, T=7, H=5, reset_after=reset_after)
    pair = OnDevice(getattr(gpu, kernel))
    outputs, cache = case.forward(pair, case.arrays())
    forward = len(emulator.launched) - 1  # without the product with Wx
    case.backward(pair, case.dys(outputs), cache)
    backward = len(emulator.launched) - forward - 2
    cell = kernel if reset_after else "gru_reset_before"
    assert (forward, backward + case.T) == dispatch.launches(cell, 5, 2, 7, np.float64)


@pytest.mark.parametrize("gates", [3, 4])
def test_the_rest_lies_in_the_order_of_threads(gates: int, emulator: Emulator) -> None:
    H, held = 10, 8
    Wh = np.arange(H * gates * H, dtype=np.float32).reshape(H, gates * H)
    for way, rest in (("columns", recurrent.rest_of_columns), ("rows", recurrent.rest_of_rows)):
        fours = xp.asnumpy(rest(device.xp().asarray(Wh), {"HELD": held}))
        assert fours.shape == (2, 16, 4, 4)
        numbers = fours.reshape(2, 64, 4)
        for unit, gate, k in np.ndindex(16, 4, 8):
            exists = unit < H and gate < gates and held + k < H
            place = (held + k, gate * H + unit) if way == "columns" else (unit, gate * H + held + k)
            assert numbers[k // 4, 4 * unit + gate, k % 4] == (Wh[place] if exists else 0)
        assert rest(device.xp().asarray(Wh), {"HELD": 16}) is None
