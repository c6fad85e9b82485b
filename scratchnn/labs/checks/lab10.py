"""Lab 10, what foretells the fading of a gradient: products of Jacobians, and the radius of a step at rest."""

from typing import Any

import numpy as np

from scratchnn.labs.checks.lab3 import drawn, untrained
from scratchnn.labs.compare import advice, by_step, same
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student

Generator = np.random.Generator


def right(h: Any, Wh: Any, of_step: Any = None) -> Any:
    J = [np.eye(len(Wh))]
    for t in reversed(range(len(h) - 1)):
        step = Wh @ np.diag(1 - h[t + 1] ** 2) if of_step is None else of_step(h, Wh, t)
        J.insert(0, step @ J[0])
    return np.stack(J)


def _jacobians(student: Student, rng: Generator) -> str:
    h, Wh = drawn(rng)
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


def _untrained(student: Student) -> float:
    return untrained(int(student.number("SEED")), int(student.number("UNITS")), "LSTM")


LAB = Lab(
    key="10",
    title="Lab 10: can you foretell how a gradient fades?",
    minutes=30,
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
        Prediction("powers_between", '"fewer" or "more"', lambda student: "more", ("fewer", "more")),
        Prediction("powers_of_the_lstm", "a number", _untrained),
        Prediction("rho_trained", "a number", lambda student: 1.0),
    ),
    numbers={"SEED": range(1, 1000), "UNITS": (24, 28, 32, 36)},
)
