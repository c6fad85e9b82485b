"""Lab 8, is the difference real: paired differences, their interval and an exact test."""

import itertools
from typing import Any

import numpy as np

from scratchnn.labs.compare import advice, same
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student, Wrong

Generator = np.random.Generator
QUANTILE = {3: 4.302653, 6: 2.570582, 8: 2.364624, 10: 2.262157}
BILSTM_MINUS_BOW = (14, 41, 65, -112, 56, 96, -147, -70, -114, -60)  # as in the text


def unanimous(d: Any) -> float:
    triples = list(itertools.combinations(np.sign(d), 3))
    return sum(abs(sum(three)) == 3 for three in triples) / len(triples)


def flipped(d: Any) -> np.ndarray:
    """The sum under every pattern of signs."""
    return np.array([np.dot(signs, d) for signs in itertools.product((1, -1), repeat=len(d))])


def _drawn(rng: Generator, S: int) -> np.ndarray:
    d = rng.integers(1, 90, S) * rng.choice((-1, 1), S)
    d[:2] = abs(d[0]), -abs(d[1])  # of both signs
    return d


def _share(student: Student, rng: Generator) -> str:
    for S in (3, 6, 8):
        d = _drawn(rng, S)
        above = np.mean([min(three) > 0 for three in itertools.combinations(d, 3)])
        mistakes = {"Three that all lie below zero agree as well.": above}
        came = student.call("share_unanimous", d)
        then = "Each set of three counts once, as itertools.combinations gives them, in whatever order."
        same(f"the share for {d.tolist()}", came, unanimous(d), advice(came, mistakes, then))
    return "right for 3, 6 and 8 seeds"


def _interval(student: Student, rng: Generator) -> str:
    for S in (3, 8):
        d = _drawn(rng, S)
        ends = {n: QUANTILE[S] * d.std(ddof=n) / np.sqrt(S) for n in (0, 1)}
        mistakes = {
            "s² divides by S - 1, not by S: np.std has ddof=1 for that.": d.mean() + np.array([-1, 1]) * ends[0],
            "What is asked is how sure the mean is, not one seed: divide by √S.": d.mean()
            + np.array([-1, 1]) * ends[1] * np.sqrt(S),
        }
        came = student.call("interval", d)
        right = d.mean() + np.array([-1, 1]) * ends[1]
        then = "The lower end first: mean minus, then mean plus q s / √S, with q = QUANTILE[S]."
        same(f"the interval of {d.tolist()}", came, right, advice(came, mistakes, then))
    return "right for 3 and 8 seeds"


def _p(student: Student, rng: Generator) -> str:
    # In the first the sum is a tie of several patterns, in the second it is below zero.
    for d in (np.array([3, 3, 3, -3]), -np.abs(_drawn(rng, 6)), _drawn(rng, 8)):
        sums = flipped(d)
        mistakes = {
            "Patterns with exactly the same sum count as well: at least, not above.": (abs(sums) > abs(d.sum())).mean(),
            "A sum far below zero is as far as one above: compare absolute values.": (sums >= d.sum()).mean(),
        }
        came = student.call("sign_flip_p", d)
        then = "Of all 2^S patterns, those whose |sum| is at least |sum of the differences|, over their number."
        same(f"p of {d.tolist()}", came, (abs(sums) >= abs(d.sum())).mean(), advice(came, mistakes, then))
    try:
        student.call("sign_flip_p", np.arange(1, 11))
    except Wrong as wrong:
        raise Wrong(f"with ten differences: {wrong}") from None
    return "right, with ties and on both sides"


LAB = Lab(
    key="8",
    title="Lab 8: is the difference real?",
    minutes=20,
    tasks=(
        Task(
            "share_unanimous",
            _share,
            (
                "itertools.combinations(differences, 3) goes through all sets of three.",
                "Three agree where all are above zero, or all below: count both, and divide by the number of sets.",
            ),
        ),
        Task(
            "interval",
            _interval,
            (
                "d.mean() is the middle, QUANTILE[len(d)] is q.",
                "s is d.std(ddof=1); the half width is q s / np.sqrt(len(d)).",
            ),
        ),
        Task(
            "sign_flip_p",
            _p,
            (
                "For each pattern of signs, the sum of signs times differences: S numbers 1 or -1, `np.dot(signs, d)`.",
                "Count the patterns whose absolute sum is at least the absolute sum that was seen, over 2^S.",
            ),
        ),
    ),
    predictions=(
        Prediction("sign_of_ten", '"above" or "below"', lambda student: "below", ("above", "below"), "share_unanimous"),
        Prediction("share_of_triples", "a share", lambda student: unanimous(BILSTM_MINUS_BOW), after="share_unanimous"),
        Prediction("smallest_p_of_three", "a number", lambda student: 0.25, after="sign_flip_p"),
    ),
)
