"""Lab 3, vanishing gradients: how far they fade, by the walk back of one row."""

import functools
from typing import Any

import numpy as np

from scratchnn import Sequential, explain
from scratchnn.labs.compare import advice, same
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student
from scratchnn.layers import GRU, LSTM, Dense, Embedding, SimpleRNN

Generator = np.random.Generator
LENGTH = 60  # of the text
NETWORKS = {"SimpleRNN": SimpleRNN, "LSTM": LSTM, "GRU": GRU}


def drawn(rng: Generator) -> tuple[Any, Any]:
    """Six steps of a SimpleRNN of three to five units: h (7, H) and Wh."""
    H = int(rng.integers(3, 6))
    Wh, h = rng.normal(size=(H, H)) / np.sqrt(H), [rng.normal(size=H) / 2]
    for _ in range(6):
        h.append(np.tanh(rng.normal(size=H) + h[-1] @ Wh))
    return np.stack(h), Wh


def walk(h: Any, Wh: Any, dh: Any, step: Any = None, last: int = 0) -> float:
    """The length of the gradient at h[last], by (1) of the text or by another step (dh, h, t) -> dh."""
    for t in reversed(range(last, len(h) - 1)):
        dh = (dh * (1 - h[t + 1] ** 2)) @ Wh.T if step is None else step(dh, h, t)
    return float(np.linalg.norm(dh))


def _mistaken(h: Any, Wh: Any, w: Any) -> dict[str, float]:
    """The lengths at h[0] that the usual mistakes give, by what is to be said of them."""
    steps = {
        "1 - h² is taken of the state that leaves the step, h[t+1], not of the one that enters it.": (
            lambda dh, h, t: (dh * (1 - h[t] ** 2)) @ Wh.T
        ),
        "The derivative of tanh, 1 - h[t+1]², is missing.": lambda dh, h, t: dh @ Wh.T,
        "1 - h[t+1]² is multiplied before the product with Whᵀ, not after it.": (
            lambda dh, h, t: (dh @ Wh.T) * (1 - h[t + 1] ** 2)
        ),
        "Wh must be transposed, as in lab 2.": lambda dh, h, t: (dh * (1 - h[t + 1] ** 2)) @ Wh,
    }
    return {then: walk(h, Wh, w, step) for then, step in steps.items()} | {
        "The step from h[1] to h[0] is missing: t goes from len(h) - 2 down to 0.": walk(h, Wh, w, last=1),
        "The first step back, from h[T], is missing: t goes from len(h) - 2 down to 0.": walk(h[:-1], Wh, w),
    }


def _faded(student: Student, rng: Generator) -> str:
    h, Wh = drawn(rng)
    w = rng.normal(size=len(Wh))
    whole, first = np.linalg.norm(w), walk(h, Wh, w)
    came = student.call("powers_faded", h, Wh, w)
    mistakes = {
        "That is the other way round: a gradient that has become shorter gives a number above 0.": np.log10(
            first / whole
        ),
        "What is measured is the ratio to |dh[T]|, the gradient at the last state.": -np.log10(first),
        "Powers of ten need np.log10, not np.log.": np.log(whole / first),
    }
    mistakes |= {then: np.log10(whole / length) for then, length in _mistaken(h, Wh, w).items()}
    then = "Walk back by (1) and keep the last dh, that of h[0]; the length is np.linalg.norm."
    same("powers_faded", came, np.log10(whole / first), advice(came, mistakes, then))
    return "agrees with the walk back"


def _untrained(student: Student, name: str) -> float:
    return untrained(int(student.number("SEED")), int(student.number("UNITS")), name)


@functools.cache
def untrained(seed: int, units: int, name: str) -> float:
    """What the text's `faded` gives for a network that has not been trained."""
    model = Sequential([Embedding(1000, 16), NETWORKS[name](units), Dense(1, activation="sigmoid")], seed=seed)
    model.build((None, LENGTH))
    rows = np.random.default_rng(seed).integers(4, 1000, (5, LENGTH))
    flows = [explain.flow(model, explain.read(model, row)) for row in rows]
    norms = [next(iter(flow.layers.values())).norms() for flow in flows]
    return float(np.median([np.log10(each[-1] / each[0]) for each in norms]))


LAB = Lab(
    key="3",
    title="Lab 3: which network's gradient vanishes?",
    minutes=20,
    tasks=(
        Task(
            "powers_faded",
            _faded,
            (
                "Begin with dh = dh_last, and take (1) from the last step to the first: lab 2's loop, without dy.",
                "`for t in reversed(range(len(h) - 1))`: dh becomes (dh * (1 - h[t + 1] ** 2)) @ Wh.T.",
                "After the loop dh belongs to h[0]: np.log10 of the length of dh_last over the length of dh.",
            ),
        ),
    ),
    predictions=(
        Prediction(
            "fades_more",
            '"small inputs" or "large inputs"',
            lambda student: "large inputs",
            ("small inputs", "large inputs"),
        ),
        Prediction(
            "fades_most_untrained",
            "the name of a network",
            lambda student: max(NETWORKS, key=lambda name: _untrained(student, name)),
            tuple(NETWORKS),
        ),
        Prediction("forget_gate", '"rises", "falls" or "stays"', lambda student: "stays", ("rises", "falls", "stays")),
    ),
    numbers={"SEED": range(1, 1000), "UNITS": (24, 28, 32, 36)},
)
