"""Lab 6, how does a network write: windows that go on, drawing a letter, the temperature."""

from typing import Any

import numpy as np

from scratchnn.labs.compare import advice, parts, same
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student

Generator = np.random.Generator
DIFFERENT = 28  # letters of the text


def cut(ids: Any, B: int, T: int, after: int = 0) -> np.ndarray:
    """The windows (n B, T) of ids, or of those `after` so many later."""
    length = (len(ids) - 1) // (B * T) * T
    streams = ids[after : after + B * length].reshape(B, -1, T)
    return streams.swapaxes(0, 1).reshape(-1, T)


def _windows(student: Student, rng: Generator) -> str:
    for N, B, T in ((13, 2, 3), (60, 3, 4), (41, 4, 5)):
        ids = rng.permutation(N)
        x, y = parts("windows", student.call("windows", ids, B, T), "x", "y")
        whole = (len(ids) - 1) // (B * T) * T * B
        mistakes = {
            "The windows come one after another: row 0 of batch 1 must go on where row 0 of batch 0 ended, so swap "
            "streams and windows before you flatten them.": ids[:whole].reshape(-1, T),
            "Row by row the letters of a batch lie apart: cut into streams first, (B, length).": ids[:whole]
            .reshape(-1, B)
            .T.reshape(-1, T),
        }
        then = "Reshape to (B, n, T), swap the first two axes, and reshape to (n B, T)."
        same(f"x for {N} ids, B = {B}, T = {T}", x, cut(ids, B, T), advice(x, mistakes, then))
        mistakes = {
            "y is x itself: it must be the id after each.": cut(ids, B, T),
            "y is not x with its rows rolled: after the last id of a window comes the first of the next.": np.roll(
                cut(ids, B, T), -1, axis=1
            ),
        }
        then = "Cut ids[1:] exactly as ids."
        same(f"y for {N} ids, B = {B}, T = {T}", y, cut(ids, B, T, after=1), advice(y, mistakes, then))
    return "every window goes on, and y is one ahead"


def _draw(student: Student, rng: Generator) -> str:
    p = np.array([0.5, 0.0, 0.25, 0.25])  # sums without rounding
    for u, wanted in ((0.0, 0), (0.4, 0), (0.6, 2), (0.5, 2), (0.74, 2), (0.75, 3), (0.99, 3)):
        came = student.call("draw", p, u)
        mistakes = {
            "The sum must be above u; equal to it is not enough.": int(np.argmax(np.cumsum(p) >= u)),
            "That is the number of the letter after it.": wanted + 1,
            "That is the likeliest letter; what is drawn depends on u.": int(p.argmax()),
        }
        then = "np.cumsum(p) has the sums; the first that is above u."
        same(f"the letter drawn from {p.tolist()} with u = {u}", came, wanted, advice(came, mistakes, then))
    return "right at both ends and where a probability is 0"


def _with_temperature(student: Student, rng: Generator) -> str:
    p = rng.dirichlet(np.ones(5))
    for tau in (0.3, 1.0, 2.5):
        came = student.call("with_temperature", p, tau)
        powers = p ** (1 / tau)
        mistakes = {
            "The probabilities must sum to 1 again: divide by their sum.": powers,
            "The logarithm is divided by τ, not multiplied with it.": p**tau / (p**tau).sum(),
            "The logarithms are divided by τ, not the probabilities.": np.exp(p / tau) / np.exp(p / tau).sum(),
        }
        then = "exp(log(p) / τ), over its sum."
        same(f"q for τ = {tau}", came, powers / powers.sum(), advice(came, mistakes, then))
    return "right below 1, at 1 and above"


LAB = Lab(
    key="6",
    title="Lab 6: how does a network write?",
    minutes=30,
    tasks=(
        Task(
            "windows",
            _windows,
            (
                "length = (len(ids) - 1) // (B * T) * T: of a stream. The 1 is for the id after the last.",
                "ids[:B * length] as (B, length / T, T): stream, window, letter. Batches want window, stream, letter.",
                "y is the same for ids[1:].",
            ),
        ),
        Task(
            "draw",
            _draw,
            ("np.cumsum(p) > u is False, then True.", "argmax of that finds the first True."),
        ),
        Task(
            "with_temperature",
            _with_temperature,
            ("np.exp(np.log(p) / tau) is p ** (1 / tau).", "Then divide by the sum, so that it is 1 again."),
        ),
    ),
    predictions=(
        Prediction("first_at_half", "a number from 0 to 1", lambda student: 0.36 / 0.46, after="with_temperature"),
        Prediction("loss_of_guessing", "a number", lambda student: float(np.log(DIFFERENT))),
        Prediction("lower_loss", '"carried" or "zeros"', lambda student: "carried", ("carried", "zeros")),
    ),
    numbers={"SEED": range(1, 1000)},
)
