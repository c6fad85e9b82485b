"""Recurrent layers against Keras 3.15.1 over 100 and 200 steps, in float64.

Long enough for what short sequences cannot show: a gradient that is cut, counted twice or mixed up where a run of
steps ends. The recorded arrays are always there; `make long` runs the same cases through Keras itself as well.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from scratchnn import layers as ours
from tests.parity.cases import construct
from tests.parity.long_cases import EARLY, LONG, D, H, LongCase
from tests.parity.recording import Results, recorded
from tests.parity.test_layers import run_ours

SHARE = 1e-9  # of an array's largest number: that far may two sums of 200 steps be apart in float64
FORWARDS_ONLY = [name for name in LONG if not name.startswith("Bidirectional")]


def assert_is_keras(case: LongCase, results: Results, expected: Results) -> None:
    got = case.kept(results)
    assert got.keys() == expected.keys()
    for key, array in expected.items():
        assert (got[key].shape, got[key].dtype) == (array.shape, np.float64), key
        np.testing.assert_allclose(got[key], array, rtol=0, atol=SHARE * np.abs(array).max(), err_msg=key)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("name", LONG)
def test_a_long_sequence_gives_what_keras_gave(name: str, backend: str) -> None:
    case = LONG[name]
    assert_is_keras(case, run_ours(case, backend), recorded("long", name, case))


@pytest.mark.parametrize("name", FORWARDS_ONLY)
def test_gradients_reach_the_first_step(name: str) -> None:
    """Otherwise a pass that loses them on the way would look right."""
    dx = np.abs(recorded("long", name, LONG[name])["dx"])
    assert dx[:, 0].max() > EARLY * dx.max()


# ---- longer than what is recorded, and wider: from the parts that are

WIDE = 70  # rows of a batch: more than the cpu kernels give to one thread
PARTS = ("SimpleRNN", "LSTM", "GRU", "GRU before")


def layer_of(cell: str, backend: str) -> tuple[Any, LongCase]:
    """The layer with the weights that keep gradients alive, returning sequences and states."""
    case = LONG[f"{cell}, 100 steps"]
    (given,) = case.layers
    options = given.options | {"return_sequences": True, "return_state": True}
    layer = construct(ours, given._replace(options=options))
    layer.build((None, None, D), backend=backend, dtype="float64", seed=0)
    layer.set_weights([case.weight(i, weight.shape) for i, weight in enumerate(layer.get_weights())])
    return layer, case


def run(layer: Any, x: np.ndarray, dy: np.ndarray, state: Sequence[np.ndarray], dstate: Sequence[np.ndarray]) -> tuple:
    """y, the last state; dx, gradients of the first state and of the weights."""
    (y, *after), cache = layer.forward(x, initial_state=list(state))
    (dx, *dbefore), grads = layer.backward((dy, *dstate), cache)
    return y, after, dx, dbefore, grads


def draw(case: LongCase, rows: int, T: int, layer: Any) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    states = [case.draw(f"state {i}", (rows, H), 0.5) for i in range(len(layer.state_names))]
    return case.draw("x", (rows, T, D), 0.5), case.draw("dy", (rows, T, H)), states


def assert_close(got: np.ndarray, expected: np.ndarray, what: str) -> None:
    np.testing.assert_allclose(got, expected, rtol=0, atol=SHARE * np.abs(expected).max(), err_msg=what)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("cell", PARTS)
def test_300_steps_are_three_times_100(cell: str, backend: str) -> None:
    """States go on from part to part, and their gradients back."""
    layer, case = layer_of(cell, backend)
    x, dy, state = draw(case, 2, 300, layer)
    y, last, dx, dbefore, grads = run(layer, x, dy, state, state)

    parts = [slice(first, first + 100) for first in range(0, 300, 100)]
    states = [state]
    for part in parts:
        (part_y, *after), _ = layer.forward(x[:, part], initial_state=states[-1])
        assert_close(part_y, y[:, part], "y")
        states.append(after)
    dstate, total = state, {name: np.zeros_like(grad) for name, grad in grads.items()}
    for part, before in reversed([*zip(parts, states, strict=False)]):
        _, _, part_dx, dstate, part_grads = run(layer, x[:, part], dy[:, part], before, dstate)
        assert_close(part_dx, dx[:, part], "dx")
        total = {name: total[name] + grad for name, grad in part_grads.items()}
    for i, (here, whole) in enumerate(zip([*states[-1], *dstate], [*last, *dbefore], strict=True)):
        assert_close(here, whole, f"state or its gradient {i}")
    for name, grad in grads.items():
        assert_close(total[name], grad, name)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("cell", PARTS)
def test_a_wide_batch_is_its_rows(cell: str, backend: str) -> None:
    layer, case = layer_of(cell, backend)
    x, dy, state = draw(case, WIDE, 20, layer)
    y, _, dx, dbefore, grads = run(layer, x, dy, state, state)
    total = {name: np.zeros_like(grad) for name, grad in grads.items()}
    for first in range(0, WIDE, 5):  # five at a time, as many as the recorded cases of short sequences have
        rows = slice(first, first + 5)
        part = [array[rows] for array in state]
        rows_y, _, rows_dx, rows_dbefore, rows_grads = run(layer, x[rows], dy[rows], part, part)
        for got, expected in ((rows_y, y), (rows_dx, dx), *zip(rows_dbefore, dbefore, strict=True)):
            assert_close(got, expected[rows], "rows")
        total = {name: total[name] + grad for name, grad in rows_grads.items()}
    for name, grad in grads.items():
        assert_close(total[name], grad, name)


@pytest.mark.long
@pytest.mark.parametrize("name", LONG)
def test_a_long_sequence_gives_what_keras_gives(name: str, frameworks: Any) -> None:
    from tests.parity.run_keras import run_long

    case = LONG[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_is_keras(case, run_ours(case, "cpu"), run_long(case))
