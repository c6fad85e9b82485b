"""Lab 3, vanishing gradients: products of Jacobians, and the radius of a step at rest."""

import functools
from typing import Any

import numpy as np

from scratchnn import Sequential, explain
from scratchnn.labs.compare import advice, by_step, same
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student
from scratchnn.layers import GRU, LSTM, Dense, Embedding, SimpleRNN

Generator = np.random.Generator
LENGTH = 60  # of the text
NETWORKS = {"SimpleRNN": SimpleRNN, "LSTM": LSTM, "GRU": GRU}


def _drawn(rng: Generator) -> tuple[Any, Any]:
    """Six steps of a SimpleRNN of three to five units: h (7, H) and Wh."""
    H = int(rng.integers(3, 6))
    Wh, h = rng.normal(size=(H, H)) / np.sqrt(H), [rng.normal(size=H) / 2]
    for _ in range(6):
        h.append(np.tanh(rng.normal(size=H) + h[-1] @ Wh))
    return np.stack(h), Wh


def right(h: Any, Wh: Any, of_step: Any = None) -> Any:
    J = [np.eye(len(Wh))]
    for t in reversed(range(len(h) - 1)):
        step = Wh @ np.diag(1 - h[t + 1] ** 2) if of_step is None else of_step(h, Wh, t)
        J.insert(0, step @ J[0])
    return np.stack(J)


def _jacobians(student: Student, rng: Generator) -> str:
    h, Wh = _drawn(rng)
    came = student.call("jacobians", h, Wh)
    forward = [np.eye(len(Wh))]
    for t in reversed(range(len(h) - 1)):
        forward.insert(0, forward[0] @ Wh @ np.diag(1 - h[t + 1] ** 2))
    mistakes = {
        "1 - h² is taken of the state that leaves the step, h[t+1], not of the one that enters it.": right(
            h, Wh, lambda h, Wh, t: Wh @ np.diag(1 - h[t] ** 2)
        ),
        "Wh is transposed: row j, column k of (1) is Wh[j, k], as j is the unit that changes.": right(
            h, Wh, lambda h, Wh, t: Wh.T @ np.diag(1 - h[t + 1] ** 2)
        ),
        "The matrices are multiplied in the other order: in (2), D[t] stands before J[t+1].": np.stack(forward),
        "1 - h² multiplies the columns of Wh (unit k), not its rows.": right(
            h, Wh, lambda h, Wh, t: np.diag(1 - h[t + 1] ** 2) @ Wh
        ),
    }
    then = advice(came, mistakes, "J[t] is D[t] J[t+1], with D[t] as in (1).")
    by_step(
        "J", came, right(h, Wh), "J[T] is the identity, np.eye(H).", then, axes="T+1 states, then H rows and H columns"
    )
    return "the products agree"


def _faded(student: Student, rng: Generator) -> str:
    h, Wh = _drawn(rng)
    w = rng.normal(size=len(Wh))
    first = np.linalg.norm(right(h, Wh)[0] @ w)
    came = student.call("powers_faded", h, Wh, w)
    mistakes = {
        "That is the other way round: a gradient that has become shorter gives a number above 0.": np.log10(
            first / np.linalg.norm(w)
        ),
        "What is measured is the ratio to |w|, the gradient at the last state.": -np.log10(first),
        "Powers of ten need np.log10, not np.log.": np.log(np.linalg.norm(w) / first),
        "w stands right of J[0]: dh[0] = J[0] w.": np.log10(np.linalg.norm(w) / np.linalg.norm(w @ right(h, Wh)[0])),
    }
    then = "dh[T] is w itself, and dh[0] = J[0] w; the length is np.linalg.norm."
    same("powers_faded", came, np.log10(np.linalg.norm(w) / first), advice(came, mistakes, then))
    return "agrees with the product"


def _rest(student: Student, rng: Generator) -> str:
    H = int(rng.integers(3, 6))
    Wh, b = rng.normal(size=(H, 4 * H)), rng.normal(size=4 * H)
    _rest_of(student, Wh, b)
    Wh[:, 2 * H : 3 * H] = -30 * np.eye(H) + rng.normal(size=(H, H)) / 10  # the largest eigenvalue is below 0
    _rest_of(student, Wh, b)
    return "right for gates that differ from unit to unit, and for negative eigenvalues"


def _rest_of(student: Student, Wh: Any, b: Any) -> None:
    H = len(Wh)
    i, f, _, o = 1 / (1 + np.exp(-b.reshape(4, H)))
    blocks = np.split(Wh, 4, axis=1)

    def radius(W: Any) -> float:
        return float(np.abs(np.linalg.eigvals(W)).max())

    came = student.call("rest_radius", Wh, b)
    mistakes = {"That is the forget gate alone, without the way through Wh_g.": f.max()}
    mistakes |= {
        f"Wh_g is the third block of columns, that is number {n + 1}: the order is i f g o.": radius(
            np.diag(f) + o[:, None] * blocks[n] * i
        )
        for n in (0, 1, 3)
    }
    mistakes["It is the largest absolute value of the eigenvalues, which may be complex or negative."] = (
        np.linalg.eigvals(np.diag(f) + o[:, None] * blocks[2] * i).real.max()
    )
    mistakes["Each gate is σ of its bias, 1 / (1 + exp(-b)), not the bias itself."] = radius(
        np.diag(b[H : 2 * H]) + b[3 * H :, None] * blocks[2] * b[:H]
    )
    then = "o multiplies the rows of Wh_g and i its columns; f stands on the diagonal."
    same("rest_radius", came, radius(np.diag(f) + o[:, None] * blocks[2] * i), advice(came, mistakes, then))


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
    minutes=35,
    tasks=(
        Task(
            "jacobians",
            _jacobians,
            (
                "Begin with np.eye(len(Wh)) for J[T], and go from the last step to the first.",
                "J[t] is D[t] @ J[t+1]; `Wh * (1 - h[t+1] ** 2)` multiplies column k of Wh by the k-th number.",
            ),
        ),
        Task(
            "powers_faded",
            _faded,
            (
                "Use your jacobians: the first of them, J[0], takes w back to h[0].",
                "np.log10 of the length of w over the length of J[0] @ w.",
            ),
        ),
        Task(
            "rest_radius",
            _rest,
            (
                "b.reshape(4, H) has the biases of i, f, g, o in its rows; σ of them are the gates; g is not needed.",
                "np.split(Wh, 4, axis=1) gives the four blocks; `o[:, None] * Wh_g * i` is diag(o) Wh_g diag(i).",
                "Add np.diag(f); np.abs(np.linalg.eigvals(...)).max() is the spectral radius, as in lab 0.",
            ),
        ),
    ),
    predictions=(
        Prediction(
            "fades_most_untrained",
            "the name of a network",
            lambda student: max(NETWORKS, key=lambda name: _untrained(student, name)),
            tuple(NETWORKS),
        ),
        Prediction("powers_of_the_lstm", "a number", lambda student: _untrained(student, "LSTM")),
        Prediction("forget_gate", '"rises", "falls" or "stays"', lambda student: "stays", ("rises", "falls", "stays")),
    ),
    numbers={"SEED": range(1, 1000), "UNITS": (24, 28, 32, 36)},
)
