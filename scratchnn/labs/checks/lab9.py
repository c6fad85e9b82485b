"""Lab 9, what a cell can hold: the step of a minGRU and its backward."""

from typing import Any

import numpy as np

from scratchnn.labs.compare import advice, parts, same
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student

Generator = np.random.Generator
CELLS = ("SimpleRNN", "LSTM", "GRU", "MinGRU")


def _drawn(rng: Generator) -> tuple[Any, Any, Any, Any]:
    B, H = 2, int(rng.integers(3, 6))
    a, h, g = (rng.normal(size=(B, H)) for _ in range(3))
    return np.concatenate([a, g], axis=-1), h, 1 / (1 + np.exp(-a)), g


def _step(student: Student, rng: Generator) -> str:
    ax, h, z, g = _drawn(rng)
    after, gate = parts("step", student.call("step", ax, h), "the next h", "z")
    a = ax[:, : h.shape[1]]
    turned = 1 / (1 + np.exp(-g))
    same("z", gate, z, advice(gate, {"z is the first of the two blocks.": turned, "(1) has a σ.": a}, "z = σ(ax_z)."))
    mistakes = {
        "z takes the candidate in, and 1 - z keeps h: see (2).": z * h + (1 - z) * g,
        "The candidate is ax_g as it is: (2) has no activation.": (1 - z) * h + z * np.tanh(g),
    }
    then = "Element by element: (1 - z) times h, plus z times ax_g."
    same("the next h", after, (1 - z) * h + z * g, advice(after, mistakes, then))
    return "the next state and z agree"


def _step_back(student: Student, rng: Generator) -> str:
    ax, h, z, g = _drawn(rng)
    d = rng.normal(size=h.shape)
    dax, dh = parts("step_back", student.call("step_back", d, ax, h, z), "dax", "dh")
    dz, slope = d * (g - h), z * (1 - z)

    def packed(da_z: Any, da_g: Any) -> Any:
        return np.concatenate([da_z, da_g], axis=-1)

    mistakes = {
        "z stands twice in (2), with ax_g and with -h: dz = dh' ⊙ (ax_g - h).": packed(d * g * slope, d * z),
        "dax_z needs the derivative of σ, z (1 - z).": packed(dz, d * z),
        "The sign: z grows, and h' moves from h towards ax_g.": packed(-dz * slope, d * z),
        "The blocks are swapped: z first, then g.": packed(d * z, dz * slope),
    }
    same("dax", dax, packed(dz * slope, d * z), advice(dax, mistakes, "Undo (2), then (1): dax has blocks z and g."))
    then = "Of h, a share 1 - z is in h'; z itself does not depend on it."
    same("dh", dh, d * (1 - z), then)
    return "dax and dh agree"


LAB = Lab(
    key="9",
    title="Lab 9: what can a cell hold?",
    minutes=30,
    tasks=(
        Task(
            "step",
            _step,
            (
                "ax_z, ax_g = np.split(ax, 2, axis=-1) takes the blocks apart.",
                "Return two things, the next h and z: z = sigmoid(ax_z), and (2) for the next h.",
            ),
        ),
        Task(
            "step_back",
            _step_back,
            (
                "In (2), how does h' change with z, with ax_g and with h? Three derivatives, element by element.",
                "∂h'/∂z = ax_g - h, ∂h'/∂ax_g = z, ∂h'/∂h = 1 - z; and z = σ(ax_z) has the derivative z (1 - z).",
                "np.concatenate([dax_z, dax_g], axis=-1) is dax.",
            ),
        ),
    ),
    predictions=(
        Prediction("fails_at_parity", "the name of a cell", lambda student: "MinGRU", CELLS),
        Prediction("forgets_the_sign", "the name of a cell", lambda student: "MinGRU", CELLS),
        Prediction("still_adding", "a whole number", lambda student: 0),
    ),
    numbers={"SEED": range(1, 1000)},
)
