"""Lab 7, is the forecast worth anything: what costs nothing, a split that leaks nothing, a linear model."""

from typing import Any

import numpy as np

from scratchnn.labs.compare import advice, parts, same
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student

Generator = np.random.Generator


def _series(rng: Generator, N: int = 60) -> np.ndarray:
    return np.cumsum(rng.normal(size=N)) + 10


def cut(series: Any, T: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(series, T)[:-1]


def fitted(series: Any, first: int, T: int, until: int, intercept: bool = True) -> np.ndarray:
    """The forecasts from `first` on of a linear model of the targets before `until`."""
    x = cut(series, T)
    x = np.column_stack([x, np.ones(len(x))]) if intercept else x
    w = np.linalg.lstsq(x[: until - T], series[T:until], rcond=None)[0]
    return x[first - T :] @ w


def _naive(student: Student, rng: Generator) -> str:
    series = _series(rng)
    for first, back in ((45, 24), (40, 1)):
        came = student.call("naive", series, first, back)
        right = series[first - back : len(series) - back]
        mistakes = {
            "That is the truth itself: a forecast for hour t uses what was before t.": series[first:],
            "An hour that is to be foretold was used: for t it is series[t - back], not series[t - back + 1].": series[
                first - back + 1 : len(series) - back + 1
            ],
            "One and the same number for all hours: each hour repeats its own past.": np.full(
                len(series) - first, series[first - back]
            ),
        }
        then = "As many as there are hours from first on: series[first - back : N - back]."
        same(f"the forecasts with back = {back}", came, right, advice(came, mistakes, then))
    return "right for an hour and for a day"


def _windows(student: Student, rng: Generator) -> str:
    for N, T in ((12, 3), (40, 24)):
        series = _series(rng, N)
        x, y = parts("windows", student.call("windows", series, T), "x", "y")
        mistakes = {"The oldest hour comes first.": cut(series, T)[:, ::-1]}
        then = "Row t holds series[t], ..., series[t + T - 1]; there is one for each hour from T on, so N - T."
        same(f"x for {N} hours, T = {T}", x, cut(series, T), advice(x, mistakes, then))
        mistakes = {"y is the hour after the window, not its last one: that would be known.": series[T - 1 : -1]}
        same(f"y for {N} hours, T = {T}", y, series[T:], advice(y, mistakes, "series[T:]."))
    return "x holds what came before, y what comes next"


def _linear(student: Student, rng: Generator) -> str:
    series, first, T = _series(rng), 45, 4
    came = student.call("linear", series, first, T)
    mistakes = {
        "Hours that are held out were fitted: cut x and y first.": fitted(series, first, T, len(series)),
        "Row k of x belongs to hour k + T: fit the first `first - T` rows.": fitted(series, first, T, first + T),
        "The intercept is missing: a column of ones, behind the T hours.": fitted(series, first, T, first, False),
    }
    then = "Fit w to the first `first - T` rows, then forecast the others, from row first - T on."
    same("the forecasts", came, fitted(series, first, T, first), advice(came, mistakes, then), tolerance=1e-6)
    return "fitted to what was before, and right after it"


def _scaled(student: Student, rng: Generator) -> str:
    series, first = _series(rng), 40
    past = series[:first]
    mistakes = {
        "The mean and the deviation of all hours tell of hours held out: take those of series[:first].": (
            series - series.mean()
        )
        / series.std(),
        "All hours are scaled, those held out too.": (past - past.mean()) / past.std(),
        "Divide by the standard deviation, not by the variance.": (series - past.mean()) / past.var(),
    }
    came = student.call("scaled", series, first)
    right = (series - past.mean()) / past.std()
    same("the scaled series", came, right, advice(came, mistakes, "(series - mean) / std of series[:first]."))
    return "nothing of what is held out is in it"


def _year(seed: int) -> np.ndarray:
    """As in the text."""
    hour, weather = np.arange(8760), np.zeros(8760)
    for t, push in enumerate(np.random.default_rng(seed).normal(0, 0.3, 8759), 1):
        weather[t] = 0.5 ** (1 / 12) * weather[t - 1] + push
    return 11 - 7 * np.cos(2 * np.pi * hour / 8760) - 3 * np.cos(2 * np.pi * (hour - 3) / 24) + weather


def _error(student: Student, back: int) -> float:
    series = _year(int(student.number("SEED")))
    return float(np.abs(series[6570 - back : 8760 - back] - series[6570:]).mean())


LAB = Lab(
    key="7",
    title="Lab 7: is the forecast worth anything?",
    minutes=30,
    tasks=(
        Task(
            "naive",
            _naive,
            ("The forecast for hour first is series[first - back].", "One slice of the series does it."),
        ),
        Task(
            "windows",
            _windows,
            (
                "np.lib.stride_tricks.sliding_window_view(series, T) has all windows; the last has no next hour.",
                "[:-1] leaves that one out, and y is series[T:].",
            ),
        ),
        Task(
            "linear",
            _linear,
            (
                "x, y = windows(series, T); np.column_stack([x, np.ones(len(x))]) adds the intercept.",
                "Row k foretells hour k + T: the rows before first - T are there to fit, the others to forecast.",
                "np.linalg.lstsq(x[:n], y[:n], rcond=None)[0] is w, x[n:] @ w the forecasts.",
            ),
        ),
        Task(
            "scaled",
            _scaled,
            ("past = series[:first] is all that is known.", "Subtract past.mean(), divide by past.std()."),
        ),
    ),
    predictions=(
        Prediction("error_of_hour_before", "degrees", lambda student: _error(student, 1), after="naive"),
        Prediction("error_of_day_before", "degrees", lambda student: _error(student, 24), after="naive"),
        Prediction("winner", '"linear", "GRU" or "neither"', lambda student: "neither", ("linear", "GRU", "neither")),
        Prediction("least_possible", "degrees", lambda student: 0.3 * float(np.sqrt(2 / np.pi))),
    ),
    numbers={"SEED": range(1, 1000)},
)
