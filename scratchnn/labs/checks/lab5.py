"""Lab 5, masks and sides of padding."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Recurrence
from scratchnn_kernels.reference import lstm, recurrence

from scratchnn import activations
from scratchnn.labs.compare import advice, by_step, numbers, parts, same
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student, Wrong

Generator = np.random.Generator


def padded(sequences: Any, length: int, side: str) -> tuple[Any, Any]:
    x, mask = np.zeros((len(sequences), length, sequences[0].shape[1])), np.zeros((len(sequences), length), bool)
    for row, sequence in enumerate(sequences):
        place = slice(len(sequence)) if side == "post" else slice(length - len(sequence), length)
        x[row, place], mask[row, place] = sequence, True
    return x, mask


def _pad(student: Student, rng: Generator) -> str:
    sequences = [rng.normal(size=(int(t), 2)) for t in (*rng.permutation([1, 2, 4]), 6)]
    for side in ("post", "pre"):
        right, real = padded(sequences, 6, side)
        x, mask = parts(f'pad with "{side}"', student.call("pad", sequences, 6, side), "x", "mask")
        other = padded(sequences, 6, "pre" if side == "post" else "post")[0]
        turned = {"This is the other side: with post the zeros stand behind, with pre in front.": other}
        same(f'x with "{side}"', x, right, advice(x, turned, "Each row holds its sequence once and zeros elsewhere."))
        same(f'mask with "{side}"', mask, real, "True at the steps that are real, False at those that were filled up.")
    return "both sides, x and mask, agree"


def _drawn(rng: Generator) -> tuple[Any, ...]:
    D, H = 2, int(rng.integers(2, 5))
    x, mask = padded([rng.normal(size=(t, D)) for t in (3, 6)], 6, "post")
    mask[1, 2] = False  # a hole in the middle, where x is not zero
    Wx, Wh, b = rng.normal(size=(D, 4 * H)), rng.normal(size=(H, 4 * H)) / np.sqrt(H), rng.normal(size=4 * H)
    return x, mask, Wx, Wh, b


def kernel(x: Any, mask: Any, Wx: Any, Wh: Any, b: Any, dh: Any = None) -> tuple[Any, Any, Any]:
    """The last h, what the lab's `step` saves of each step, and da (T, B, 4H), of the reference kernels."""
    zeros = np.zeros((len(x), len(Wh)))
    call = Recurrence(x, (zeros, zeros), mask=mask)
    y, _, cache = lstm.forward(call, Wx, Wh, b, activations.get("tanh"), activations.get("sigmoid"))
    steps: list = []
    recurrence.backward(zeros if dh is None else dh, (None, None), cache, record=steps)
    gates = [saved[:4] for saved in cache.saved]
    saved = [
        (*gates[t], cache.states[t][1], gates[t][1] * cache.states[t][1] + gates[t][0] * gates[t][2])
        for t in range(len(gates))
    ]
    return y, saved, np.stack([step.dax for step in steps[::-1]])


def _forward(student: Student, rng: Generator) -> str:
    x, mask, Wx, Wh, b = _drawn(rng)
    right, saved, _ = kernel(x, mask, Wx, Wh, b)
    last, kept = parts("forward", student.call("forward", x, mask, Wx, Wh, b), "the last h", "what was saved")
    mistakes = {
        "The mask is not used: this is what comes out without one.": kernel(x, np.ones_like(mask), Wx, Wh, b)[0],
        "The mask is turned round: states are kept where it is True.": kernel(x, ~mask, Wx, Wh, b)[0],
        "h is kept, but c is not: a masked row keeps both states.": _half(x, mask, Wx, Wh, b),
    }
    then = "In rows where mask[:, t] is False, h and c stay as they were: compare with (2)."
    same("the last h", last, right, advice(last, mistakes, then))
    if not isinstance(kept, list | tuple) or len(kept) != len(saved):
        raise Wrong(f"forward: expected a list with what step saved of each of the {len(saved)} steps")
    return "the last state agrees, with holes in the mask too"


def _half(x: Any, mask: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    """The last h of an LSTM that keeps h in masked rows, and not c."""
    h = c = np.zeros((len(x), len(Wh)))
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ Wx + b + h @ Wh, 4, axis=-1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.where(mask[:, t : t + 1], np.tanh(c) / (1 + np.exp(-o)), h)
    return h


def _backward(student: Student, rng: Generator) -> str:
    x, mask, Wx, Wh, b = _drawn(rng)
    dh = rng.normal(size=(len(x), len(Wh)))
    _, saved, right = kernel(x, mask, Wx, Wh, b, dh)
    da = numbers("da", student.call("backward", dh, mask, saved, Wh), right.shape)
    if np.abs(da[~mask.T]).max() > 0:
        raise Wrong("da is not zero where the mask is False: such a step used neither x nor the weights")
    same(
        "da of the row that is real at its last step", da[-1, 1], right[-1, 1], "step_back with dh_last and a dc of 0."
    )
    then = "In rows that are not real, dh and dc pass on as they are: nothing of step_back, no Whᵀ, no forget gate."
    by_step("da", da, right, then, then)
    return "da agrees, and is zero at steps that are not real"


def _weights(student: Student) -> tuple[Any, ...]:
    H, rng = student.number("UNITS"), np.random.default_rng(student.number("SEED"))
    Wx = rng.normal(size=(3, 4 * H)) / np.sqrt(3)
    Wh = np.linalg.qr(rng.normal(size=(4 * H, H)))[0].T
    rng.normal(size=8 * 3)  # what the text draws in between
    pair = [rng.normal(size=(8, 3)), rng.normal(size=(8, 3))]
    return Wx, Wh, np.repeat([0.0, 1.0, 0.0, 0.0], H), pair


def _percent(student: Student, side: str) -> float:
    Wx, Wh, b, pair = _weights(student)
    distances = []
    for x, _ in (padded(pair, 8 + student.number("BLANKS"), side), padded(pair, 8, side)):
        h = kernel(x, None, Wx, Wh, b)[0]
        distances.append(np.linalg.norm(h[0] - h[1]))
    return float(100 * distances[0] / distances[1])


def _left(student: Student) -> str:
    """Of dWx, where backward walks through the blanks as if they were real; forward kept the states."""
    Wx, Wh, b, pair = _weights(student)
    x, mask = padded(pair, 8 + student.number("BLANKS"), "post")
    ones = np.ones((2, len(Wh)))
    _, saved, right = kernel(x, mask, Wx, Wh, b, ones)
    da, dh, dc = np.zeros_like(right), ones, np.zeros_like(ones)
    for t in reversed(range(len(da))):
        i, f, g, o, c, c_after = saved[t]
        dc = dc + dh * o * (1 - np.tanh(c_after) ** 2)
        blocks = [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh * np.tanh(c_after) * o * (1 - o)]
        da[t] = np.concatenate(blocks, axis=-1)
        dh, dc = da[t] @ Wh.T, dc * f
    wrong, whole = (np.linalg.norm(np.einsum("btd,tbk->dk", x, each)) for each in (da, right))
    share = 100 * wrong / whole
    return "more than 100" if share > 100 else "10 to 100" if share >= 10 else "less than 10"


LAB = Lab(
    key="5",
    title="Lab 5: why does padding behind destroy what an LSTM has read?",
    minutes=25,
    tasks=(
        Task(
            "pad",
            _pad,
            (
                "Begin with zeros (B, length, D) and a mask of False, np.zeros((B, length), bool).",
                "A sequence of t steps goes to x[row, :t] behind which the zeros stand, or to x[row, length - t :].",
            ),
        ),
        Task(
            "forward",
            _forward,
            (
                "It is last_state with two lines more: after `step`, choose between its states and the old ones.",
                "real = mask[:, t : t + 1] is (B, 1), and np.where(real, new, old) chooses row by row.",
                "Choose for h and for c, and append what `step` saved to a list.",
            ),
        ),
        Task(
            "backward",
            _backward,
            (
                "Begin with dh = dh_last and dc of zeros, and go from the last step to the first with step_back.",
                "step_back returns da and both gradients; each of the three is chosen by np.where with the mask.",
                "Where the step is not real: da is 0, dh stays dh, dc stays dc.",
            ),
        ),
    ),
    predictions=(
        Prediction("percent_behind", "a number", lambda student: _percent(student, "post")),
        Prediction("percent_in_front", "a number", lambda student: _percent(student, "pre")),
        Prediction(
            "left_of_dWx", "one of the three", _left, ("more than 100", "10 to 100", "less than 10"), "backward"
        ),
    ),
    numbers={"SEED": range(1, 1000), "UNITS": range(4, 9), "BLANKS": range(20, 61, 5)},
)
