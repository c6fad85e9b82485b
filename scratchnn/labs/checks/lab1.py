"""Lab 1, the forward loop of a SimpleRNN."""

import numpy as np
from scratchnn_kernels.contract import Recurrence
from scratchnn_kernels.reference import simple_rnn

from scratchnn import activations
from scratchnn.labs.compare import advice, by_step, same
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student

Generator = np.random.Generator
AS_LONG = ("twice as many", "as many", "more, but fewer than twice as many")


def weights(rng: Generator, D: int, H: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rng.normal(size=(D, H)), rng.normal(size=(H, H)) / np.sqrt(H), rng.normal(size=H)


def states(x: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x (T, B, D) -> all states, (T+1, B, H)."""
    call = Recurrence(x.swapaxes(0, 1), (np.zeros((x.shape[1], len(Wh))),), sequences=True)
    return np.stack([h for (h,) in simple_rnn.forward(call, Wx, Wh, b, activations.get("tanh"))[2].states])


def _step(student: Student, rng: Generator) -> str:
    Wx, Wh, b = weights(rng, 3, 4)
    x, h = rng.normal(size=(2, 3)), rng.normal(size=(2, 4))
    came = student.call("step", x, h, Wx, Wh, b)
    right = np.tanh(x @ Wx + b + h @ Wh)
    mistakes = {
        "This is a[t]: (2), the tanh, is missing.": x @ Wx + b + h @ Wh,
        "The bias b is missing.": np.tanh(x @ Wx + h @ Wh),
        "Wh is transposed: the state stands to its left, h[t] Wh.": np.tanh(x @ Wx + b + h @ Wh.T),
        "The state's part h[t] Wh is missing.": np.tanh(x @ Wx + b),
    }
    same("h[t+1]", came, right, advice(came, mistakes, "Compare with (1) and (2), term by term."))
    return "agrees with (1) and (2)"


def _forward(student: Student, rng: Generator) -> str:
    T, B, D, H = (int(n) for n in rng.integers((4, 2, 2, 3), (8, 4, 5, 6)))
    x, (Wx, Wh, b) = rng.normal(size=(T, B, D)), weights(rng, D, H)
    by_step(
        "h",
        student.call("forward", x, Wx, Wh, b),
        states(x, Wx, Wh, b),
        "h[0] is the state before the first step: zeros.",
        "Does step t get h[t], the state that the step before it made?",
        backward=False,
        axes="T+1 states (h[0] among them), B rows and H units",
    )
    return f"all {T + 1} states agree with the layer's"


def _count(student: Student, rng: Generator) -> str:
    for D, H in ((1, 1), (8, 16), (int(rng.integers(2, 40)), int(rng.integers(2, 40)))):
        then = "Wx has D times H, Wh has H times H, b has H."
        same(
            f"parameters of {D} features and {H} units", student.call("count_parameters", D, H), D * H + H * H + H, then
        )
    return "right"


def _steps(student: Student) -> int:
    D, H = student.number("FEATURES"), student.number("UNITS")
    rng = np.random.default_rng(student.number("SEED"))
    Wx = rng.normal(size=(D, H)) / np.sqrt(D)
    Wh = 0.8 * np.linalg.qr(rng.normal(size=(H, H)))[0]
    pulse = np.zeros((60, 1, D))
    pulse[0] = 1
    held = np.linalg.norm(states(pulse, Wx, Wh, np.zeros(H))[1:, 0], axis=1)
    return int(np.argmax(held < 0.01 * held[0])) + 1


LAB = Lab(
    key="1",
    title="Lab 1: what does a recurrent network compute?",
    minutes=15,
    tasks=(
        Task(
            "step",
            _step,
            (
                "(1) is a sum of three terms. Two of them are products of a batch of rows with a matrix: `@`.",
                "x_t stands left of Wx, h_t left of Wh; b is added to every row by NumPy itself. Then (2).",
            ),
        ),
        Task(
            "forward",
            _forward,
            (
                "Make an array of zeros (T+1, B, H). Or begin a list with zeros (B, H), and np.stack it in the end.",
                "T is len(x), B is x.shape[1], H is len(b). Step t reads h[t] and writes h[t+1].",
            ),
        ),
        Task(
            "count_parameters",
            _count,
            ("Write the shapes of Wx, Wh and b one below the other.", "The length T of a sequence is in none of them."),
        ),
    ),
    predictions=(
        Prediction(
            "twice_as_long", "one of the three choices", lambda student: "as many", AS_LONG, after="count_parameters"
        ),
        Prediction("last_state_changes", '"yes" or "no"', lambda student: "yes", ("yes", "no")),
        Prediction("steps_to_forget", "a number of steps", _steps),
    ),
    numbers={"SEED": range(1, 1000), "FEATURES": range(2, 6), "UNITS": range(4, 9)},
)
