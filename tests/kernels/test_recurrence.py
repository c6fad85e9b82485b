"""The walk through time of the reference: what it records, and what it does with a cell that it does not know."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels import reference
from scratchnn_kernels.contract import Array, Cell, Recurrence, State
from scratchnn_kernels.reference import projection, recurrence
from scratchnn_kernels.reference.recurrence import Step

from tests.kernels.pairs import STATES, Recurrent

CASES = [Recurrent(kernel, mask=mask, B=3, T=5) for kernel in STATES for mask in ("", "inside")]
CASES += [Recurrent("gru", reset_after=False, B=3, T=5), Recurrent("lstm", sequences=False, T=5)]


def walked(case: Recurrent) -> tuple[Any, list[Array | None], Array, dict[str, Array], list[Step]]:
    """The cache of a forward pass, the gradients given to backward, dx, the gradients, and the recorded steps."""
    outputs, cache = case.forward(getattr(reference, case.kernel), case.arrays())
    dys = case.dys(outputs)
    steps: list[Step] = []
    dx, grads, _ = getattr(reference, case.kernel).backward(dys[0], tuple(dys[1:]), cache, record=steps)
    return cache, dys, dx, grads, steps


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_step_is_recorded_once_from_the_last_to_the_first(case: Recurrent) -> None:
    cache, dys, dx, grads, steps = walked(case)
    assert [step.t for step in steps] == [4, 3, 2, 1, 0]
    again = getattr(reference, case.kernel).backward(dys[0], tuple(dys[1:]), cache)
    assert np.array_equal(again[0], dx)
    assert all(np.array_equal(again[1][name], grads[name]) for name in grads)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_recorded_gradient_of_a_state_is_that_of_an_initial_state_given_there(case: Recurrent) -> None:
    """What reaches state[t], but for y[t-1], is what a layer that begins at step t sends to its initial state."""
    cache, dys, _, _, steps = walked(case)
    recorded = {step.t: step for step in steps}
    call = cache.call
    for t in range(1, case.T):
        rest = replace(
            call, x=call.x[:, t:], state=cache.states[t], mask=None if call.mask is None else call.mask[:, t:]
        )
        _, _, later = recurrence.forward(cache.cell, rest, cache.Wx, cache.Wh, np.zeros(cache.Wx.shape[1]), **cache.own)
        later = replace(later, states=cache.states[t:], saved=cache.saved[t:])
        dy = dys[0]
        assert dy is not None
        _, _, dstate = recurrence.backward(dy[:, t:] if call.sequences else dy, tuple(dys[1:]), later)
        through_y = dy[:, t - 1] if call.sequences else 0
        assert np.array_equal(recorded[t - 1].dafter[0], dstate[0] + through_y)
        for got, expected in zip(recorded[t - 1].dafter[1:], dstate[1:], strict=True):
            assert np.array_equal(got, expected)


@pytest.mark.parametrize("case", [case for case in CASES if case.reset_after], ids=str)
def test_the_gradients_of_the_weights_itemised_by_step_sum_to_them(case: Recurrent) -> None:
    cache, _, _, grads, steps = walked(case)
    parts = [np.outer(np.zeros(case.H), np.zeros(cache.Wh.shape[1]))]
    parts += [projection.backward_W(step.dah, cache.states[step.t][0], None) for step in steps]
    np.testing.assert_allclose(sum(parts), grads["Wh"], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        sum(step.dax.sum(axis=0) for step in steps),
        grads["bx" if case.kernel == "gru" else "b"],
        rtol=1e-12,
        atol=1e-14,
    )


@pytest.mark.parametrize("case", [case for case in CASES if case.mask], ids=str)
def test_a_masked_step_sends_nothing_to_the_weights_and_hands_its_gradient_on(case: Recurrent) -> None:
    cache, dys, _, _, steps = walked(case)
    recorded = {step.t: step for step in steps}
    seen = 0
    for row, t in zip(*np.nonzero(~cache.call.mask), strict=True):
        assert not recorded[t].dax[row].any()
        assert not recorded[t].dah[row].any()
        if t > 0:
            through_y = dys[0][row, t - 1]  # type: ignore[index]
            assert np.array_equal(recorded[t - 1].dafter[0][row], recorded[t].dafter[0][row] + through_y)
            seen += 1
    assert seen


@pytest.mark.parametrize(
    "wrong",
    [
        {"mask": np.ones((1, 4), bool)},
        {"mask": np.ones((2, 4))},
        {"dropout_x": np.ones((1, 1, 3))},
        {"dropout_h": np.ones((1, 1, 3))},
        {"x": np.ones((2, 3))},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_the_tests_check_the_shapes_of_a_call(wrong: dict[str, Array]) -> None:
    """What would broadcast, such as one mask for all rows, is an error where tests run."""
    right = {"x": np.ones((2, 4, 3)), "state": (np.zeros((2, 3)),)}
    Recurrence(**right)
    with pytest.raises(Exception, match="Type-check error"):
        Recurrence(**{**right, **wrong})


class Sum(Cell):
    """h' = h + ax, the simplest cell: the sum of all steps. Its weights Wh have no columns."""

    def forward(self, ax: Array, ah: Array, state: State) -> tuple[State, tuple]:
        return (state[0] + ax,), ()

    def backward(self, dafter: State, state: State, after: State, saved: tuple) -> tuple[Array, Array, State]:
        return dafter[0], np.zeros((len(dafter[0]), 0)), dafter


def test_a_cell_without_recurrent_weights_is_a_sum() -> None:
    rng = np.random.default_rng(0)
    x, W, b, h0 = (rng.normal(size=shape) for shape in ((2, 7, 3), (3, 4), 4, (2, 4)))
    y, (h,), cache = recurrence.forward(Sum(), Recurrence(x, (h0,)), W, np.zeros((4, 0)), b)
    np.testing.assert_allclose(y, h0 + (x @ W + b).sum(axis=1), rtol=1e-13)
    assert y is h
    dy = rng.normal(size=y.shape)
    dx, grads, (dh0,) = recurrence.backward(dy, (None,), cache)
    np.testing.assert_allclose(dx, np.broadcast_to((dy @ W.T)[:, None], x.shape), rtol=1e-13)
    np.testing.assert_allclose(grads["Wx"], x.sum(axis=1).T @ dy, rtol=1e-12)
    assert grads["Wh"].shape == (4, 0)
    assert np.array_equal(dh0, dy)
