"""L-BFGS: the least value of a smooth convex function of many variables, from its gradients.

The gradients g at w of the last MEMORY iterations stand for the curvature: of pairs s = w_new - w, y = g_new - g comes
H, an approximate inverse of the second derivatives with H y = s for the newest pair, which is never written out. Each
iteration goes along d = -H g, by a step t that satisfies, with phi(t) = f(w + t d), both conditions of Wolfe:

    phi(t) <= phi(0) + DECREASE t phi'(0),   |phi'(t)| <= CURVATURE |phi'(0)|

Sources: Nocedal, "Updating quasi-Newton matrices with limited storage", Mathematics of Computation 1980; Moré, Thuente,
"Line search algorithms with guaranteed sufficient decrease", ACM Transactions on Mathematical Software 1994, without
what is for functions that are not convex. SciPy's L-BFGS-B takes the same steps where nothing is bounded; the tests
compare."""

import math
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float64

MEMORY = 10  # pairs
DECREASE, CURVATURE = 1e-3, 0.9
_TRIALS = 20  # steps that one line search tries
_NARROW = 0.1  # an interval no longer than this share of its upper end is searched no further

Valued = tuple[float, Float64[Array, " P"]]  # the value of the function, and its gradient
Function = Callable[[Float64[Array, " P"]], Valued]
Pairs = deque[tuple[Float64[Array, " P"], Float64[Array, " P"]]]


def minimize(
    function: Function, w: Float64[Array, " P"], iterations: int, watch: Callable[[Float64[Array, " P"]], Any]
) -> None:
    """Call `watch` with w after each iteration. They end early where no step leads to a smaller value any more.

    `function` returns the value at w and the gradient (P,) there. It must have a minimum along every line.
    """
    pairs: Pairs = deque(maxlen=MEMORY)
    value, g = function(w)
    for iteration in range(iterations):
        d = -times_H(pairs, g)
        length = math.sqrt(d @ d)
        found = _along(function, w, (value, g), d, 1 / length if length and not iteration else 1.0)
        if found is None and pairs:  # rounding may have spoiled the pairs
            pairs.clear()
            found = _along(function, w, (value, g), -g, 1.0)
        if found is None:
            return
        moved, value, moved_g = found
        s, y = moved - w, moved_g - g
        if s @ y > np.finfo(np.float64).eps * -(g @ s):
            pairs.append((s, y))
        w, g = moved, moved_g
        watch(w)


def times_H(pairs: Pairs, g: Float64[Array, " P"]) -> Float64[Array, " P"]:
    """H g, by a loop over the pairs and one back. H is that of a multiple of the identity, corrected by each pair."""
    g, alphas = g.copy(), []
    for s, y in reversed(pairs):
        alphas.append(s @ g / (s @ y))
        g -= alphas[-1] * y
    if pairs:
        s, y = pairs[-1]
        g *= s @ y / (y @ y)
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        g += (alpha - y @ g / (s @ y)) * s
    return g


def _along(
    function: Function, w: Float64[Array, " P"], known: Valued, d: Float64[Array, " P"], t: float
) -> tuple[Float64[Array, " P"], float, Float64[Array, " P"]] | None:
    """Search from w along d, beginning with the step t. Return w + t d, its value and its gradient, or None."""
    start = Point(0.0, known[0], float(known[1] @ d))
    if not start.slope < 0:
        return None
    search = LineSearch(start, t)
    for _ in range(_TRIALS):
        moved = w + search.t * d
        value, g = function(moved)
        here = Point(search.t, value, float(g @ d))
        if search.is_exhausted or start.accepts(here):
            return (moved, value, g) if value < start.value else None
        search.go_on(here)
    return None


class Point(NamedTuple):
    """A step, and phi and phi' there."""

    t: float
    value: float
    slope: float

    def accepts(self, other: "Point") -> bool:
        """Whether `other`, from here as phi(0), satisfies both conditions."""
        is_low = other.value <= self.value + DECREASE * other.t * self.slope
        return is_low and abs(other.slope) <= CURVATURE * -self.slope


class LineSearch:
    """The step to try next, in an interval that shrinks around a minimum of phi once there is one: from `best`, the
    point of the smallest value so far, to `other`."""

    def __init__(self, start: Point, t: float) -> None:
        self.best = start
        self.other: Point | None = None
        self.t, self.low, self.high = t, 0.0, 5 * t
        self._widths = (math.inf, math.inf)  # of the interval before the last one, and of the last one

    @property
    def is_exhausted(self) -> bool:
        """Whether the interval has become too narrow to search, so that the step now tried is the last one."""
        return self.other is not None and (
            not self.low < self.t < self.high or self.high - self.low <= _NARROW * self.high
        )

    def go_on(self, here: Point) -> None:
        """Choose the next step, now that the one that was to be tried has been."""
        t = self._guess(here)
        if here.value > self.best.value:
            self.other = here
        else:
            if here.slope * (self.best.t - here.t) < 0:  # phi falls from here towards the best: a minimum is between
                self.other = self.best
            self.best = here
        if self.other is None:
            self.low, self.high = t + 1.1 * (t - self.best.t), t + 4 * (t - self.best.t)
            self.t = t
            return
        self.low, self.high = sorted((self.best.t, self.other.t))
        width = self.high - self.low
        if width >= 0.66 * self._widths[0]:
            t = (self.low + self.high) / 2
        self._widths = (self._widths[1], width)
        self.t = t
        if self.is_exhausted:
            self.t = self.best.t

    def _guess(self, here: Point) -> float:
        """Where a cubic or a parabola through the best point and `here` has its minimum, in the first three cases of
        Moré and Thuente, section 4. In the fourth phi falls ever more steeply, as no convex function does."""
        best, other = self.best, self.other
        by_cubic = _cubic(best, here)
        if here.value > best.value:
            by_parabola = _parabola(best, here)
            is_cubic_nearer = abs(by_cubic - best.t) < abs(by_parabola - best.t)
            return by_cubic if is_cubic_nearer else by_cubic + (by_parabola - by_cubic) / 2
        if here.slope * best.slope < 0:
            by_secant = _secant(best, here)
            return by_cubic if abs(by_cubic - here.t) > abs(by_secant - here.t) else by_secant
        end = self.high if here.t > best.t else self.low
        if abs(here.slope) >= abs(best.slope):  # a straight line
            return end
        by_secant = _secant(best, here)
        if not (by_cubic - here.t) * (here.t - best.t) > 0:  # the cubic has its minimum behind
            by_cubic = end
        guesses = sorted((by_cubic, by_secant), key=lambda t: abs(t - here.t))
        if other is None:
            return min(max(guesses[1], self.low), self.high)
        limit = here.t + 0.66 * (other.t - here.t)
        return min(limit, guesses[0]) if here.t > best.t else max(limit, guesses[0])


def _cubic(a: Point, b: Point) -> float:
    """Where the cubic through both, with their slopes, has its minimum; NaN where it has none."""
    mean = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    scale = max(abs(mean), abs(a.slope), abs(b.slope))  # whose square may be too large for a number
    square = max(0.0, (mean / scale) ** 2 - a.slope / scale * (b.slope / scale))
    root = math.copysign(scale * math.sqrt(square), b.t - a.t)
    bottom = b.slope - a.slope + 2 * root
    return b.t - (b.t - a.t) * (b.slope + root - mean) / bottom if bottom else math.nan


def _parabola(a: Point, b: Point) -> float:
    """Where the parabola through both, with the slope at a, has its minimum."""
    return a.t + a.slope / ((a.value - b.value) / (b.t - a.t) + a.slope) / 2 * (b.t - a.t)


def _secant(a: Point, b: Point) -> float:
    """Where the parabola with both slopes has its minimum."""
    return b.t + b.slope / (b.slope - a.slope) * (a.t - b.t)
