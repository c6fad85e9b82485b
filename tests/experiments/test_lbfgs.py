"""L-BFGS: the steps of SciPy's, and the end of them."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

from scratchnn.experiments import lbfgs
from scratchnn.experiments.lbfgs import LineSearch, Point

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]
SCALES = np.array([1.0, 2, 0.1, 5, 1, 0.3, 20])


def logistic(w: np.ndarray) -> tuple[float, np.ndarray]:
    rng = np.random.default_rng(0)
    A, y = rng.normal(size=(40, 7)) * SCALES, rng.random(40) > 0.5
    z = A @ w
    value = np.logaddexp(0, np.where(y, -z, z)).mean() + 0.01 * w @ w
    return float(value), A.T @ (1 / (1 + np.exp(-z)) - y) / 40 + 0.02 * w


def quartic(w: np.ndarray) -> tuple[float, np.ndarray]:
    """Steep far out and flat at its minimum, where curvature says little about the next step."""
    a = SCALES * (w - 3)
    return float((a**4).sum()), 4 * SCALES * a**3


def cosines(w: np.ndarray) -> tuple[float, np.ndarray]:
    """log cosh: a parabola at its minimum, straight lines far out."""
    a = SCALES * (w - 40)
    return float((np.logaddexp(a, -a)).sum()), SCALES * np.tanh(a)


def needles(w: np.ndarray) -> tuple[float, np.ndarray]:
    """Walls that a first step runs into: its value is far above that at the start."""
    a = 30 * SCALES * w - 1
    return float((np.exp(a) - a).sum()), 30 * SCALES * (np.exp(a) - 1)


def run(function: Function, iterations: int, by: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """w after each iteration, and wherever the function was asked for."""
    found: list[np.ndarray] = []
    asked: list[np.ndarray] = []

    def watched(w: np.ndarray) -> tuple[float, np.ndarray]:
        asked.append(w.copy())
        return function(w)

    def keep(w: np.ndarray) -> None:
        found.append(w.copy())

    start = np.zeros(len(SCALES))
    if by == "scipy":
        options = {"maxiter": iterations, "ftol": 0, "gtol": 0}
        minimize(watched, start, jac=True, method="L-BFGS-B", callback=keep, options=options)
    else:
        lbfgs.minimize(watched, start, iterations, keep)
    return found, asked


@pytest.mark.parametrize("function", [logistic, quartic, cosines, needles])
def test_it_takes_the_steps_of_scipys(function: Function) -> None:
    """More of them than pairs are kept. The rounding of either grows from step to step."""
    ours, scipys = (run(function, 15, by) for by in ("ours", "scipy"))
    assert len(ours[0]) == len(scipys[0]) == 15
    assert len(ours[1]) == len(scipys[1]) > 15, "line searches of several steps"
    np.testing.assert_allclose(ours[1], scipys[1], rtol=1e-6, atol=1e-7)


def test_every_way_of_a_step_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = set()
    guess = LineSearch._guess

    def watched(search: LineSearch, here: Point) -> float:
        best, is_between = search.best, search.other is not None
        if here.value > best.value:
            taken.add("higher")
        elif here.slope * best.slope < 0:
            taken.add("past the minimum")
        else:
            assert abs(here.slope) < abs(best.slope)
            taken.add(("flatter", is_between))
        return guess(search, here)

    monkeypatch.setattr(LineSearch, "_guess", watched)
    for function in (logistic, quartic, cosines, needles):
        run(function, 15, "ours")
    assert taken == {"higher", "past the minimum", ("flatter", False), ("flatter", True)}


def test_where_there_is_no_minimum_there_is_no_end_to_find() -> None:
    found, asked = run(lambda w: (float(1e6 - w.sum()), -np.ones(7)), 10, "ours")
    assert found == []
    assert len(asked) == 21


def test_it_ends_at_the_minimum() -> None:
    found, _ = run(logistic, 1000, "ours")
    assert len(found) < 100
    assert np.abs(logistic(found[-1])[1]).max() < 1e-7
    assert [logistic(w)[0] for w in found] == sorted((logistic(w)[0] for w in found), reverse=True)


def test_a_start_at_the_minimum_has_no_iteration() -> None:
    found: list[np.ndarray] = []
    lbfgs.minimize(lambda w: (float(w @ w), 2 * w), np.zeros(3), 10, found.append)
    assert found == []


def test_h_takes_the_last_difference_of_gradients_to_the_last_step() -> None:
    rng = np.random.default_rng(3)
    A = rng.normal(size=(5, 5))
    pairs = [(s, (A @ A.T + np.eye(5)) @ s) for s in rng.normal(size=(3, 5))]
    H = lbfgs.times_H(lbfgs.Pairs(pairs), pairs[-1][1])
    np.testing.assert_allclose(H, pairs[-1][0])
