"""Lab 4, the backward pass of an LSTM from its equations."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Recurrence
from scratchnn_kernels.reference import lstm, recurrence

from scratchnn import activations
from scratchnn.labs.compare import advice, by_step, numbers, parts, same
from scratchnn.labs.gradients import gradcheck
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student, Wrong

Generator = np.random.Generator


def _sigmoids(rng: Generator, *shape: int) -> Any:
    return rng.uniform(0.1, 0.9, shape)


def _undo_6(student: Student, rng: Generator) -> str:
    dh, dc, c = rng.normal(size=(3, 2, 4))
    o = _sigmoids(rng, 2, 4)
    do, total = parts("undo_6", student.call("undo_6", dh, dc, o, c), "do", "dc_after")
    same("do", do, dh * np.tanh(c), "o was multiplied by tanh(c').")
    through = dh * o * (1 - np.tanh(c) ** 2)
    mistakes = {
        "Only the part through (6) is there: add the dc_after that came from the next step.": through,
        "Nothing was added: c' was used in (6) as well.": dc,
        "The derivative of tanh is missing.": dc + dh * o,
        "The gate is missing: h' is o times tanh(c').": dc + dh * (1 - np.tanh(c) ** 2),
        "The derivative is 1 - tanh(c')**2, of the cell's tanh, and not 1 - c'**2.": dc + dh * o * (1 - c**2),
    }
    then = "dc' has two terms: the given one, and dh' ⊙ o times the derivative of tanh at c'."
    same("dc_after", total, dc + through, advice(total, mistakes, then))
    return "agrees, both terms of dc'"


def _undo_5(student: Student, rng: Generator) -> str:
    dc, g, c = rng.normal(size=(3, 2, 4))
    i, f = _sigmoids(rng, 2, 2, 4)
    came = parts("undo_5", student.call("undo_5", dc, i, f, g, c), "di", "df", "dg", "dc")
    right = {"di": dc * g, "df": dc * c, "dg": dc * i, "dc": dc * f}
    for (name, expected), got in zip(right.items(), came, strict=True):
        others = {f"This is {other}: are the four in the order di, df, dg, dc?": it for other, it in right.items()}
        mistakes = others | {"df takes the cell that entered the step, c, and not c'.": dc * (f * c + i * g)}
        then = "In (5) each array is multiplied by one other; that one, times dc', is its gradient."
        same(name, got, expected, advice(got, mistakes, then))
    return "di, df, dg and dc agree"


def _undo_4_and_3(student: Student, rng: Generator) -> str:
    H = 3
    di, df, dg, do = rng.normal(size=(4, 2, H))
    i, f, o = _sigmoids(rng, 3, 2, H)
    g = np.tanh(rng.normal(size=(2, H)))
    blocks = {
        "i": di * i * (1 - i),
        "f": df * f * (1 - f),
        "g": dg * (1 - g**2),
        "o": do * o * (1 - o),
    }
    called = student.call("undo_4_and_3", di, df, dg, do, i, f, g, o)
    came = np.split(numbers("da", called, (2, 4 * H)), 4, axis=1)
    plain = {"i": di, "f": df, "g": dg, "o": do}
    values = {"i": i, "f": f, "g": g, "o": o}
    for (name, expected), got in zip(blocks.items(), came, strict=True):
        mistakes = {f"This is a_{other}: the blocks come in the order i f g o.": it for other, it in blocks.items()}
        other = values[name] * (1 - values[name]) if name == "g" else 1 - values[name] ** 2
        mistakes |= {
            "The derivative is missing.": plain[name],
            f"{name} is a {'tanh' if name == 'g' else 'sigmoid'}, and this is the other one's derivative.": plain[name]
            * other,
        }
        same(f"da_{name}", got, expected, advice(got, mistakes, f"Compare with ({4 if name == 'g' else 3})."))
    return "the four blocks of da agree"


def _drawn(rng: Generator) -> tuple[Any, ...]:
    T, B, D, H = (int(n) for n in rng.integers((4, 2, 2, 2), (6, 3, 4, 4)))
    Wx, Wh, b = rng.normal(size=(D, 4 * H)), rng.normal(size=(H, 4 * H)) / np.sqrt(H), rng.normal(size=4 * H)
    return rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H)), Wx, Wh, b


def kernel(x: Any, dy: Any, Wx: Any, Wh: Any, b: Any) -> tuple[Any, ...]:
    """h, c (T+1, B, H), gates, da (T, B, 4H), dh0, dc0 of the reference kernels; x and dy time first."""
    zeros = np.zeros((x.shape[1], len(Wh)))
    call = Recurrence(x.swapaxes(0, 1), (zeros, zeros), sequences=True)
    _, _, cache = lstm.forward(call, Wx, Wh, b, activations.get("tanh"), activations.get("sigmoid"))
    steps: list = []
    _, _, (dh0, dc0) = recurrence.backward(dy.swapaxes(0, 1), (None, None), cache, record=steps)
    h, c = (np.stack(states) for states in zip(*cache.states, strict=True))
    return h, c, [saved[:4] for saved in cache.saved], np.stack([step.dax for step in steps[::-1]]), dh0, dc0


def _lost(dy: Any, h: Any, c: Any, gates: Any, Wh: Any, lost: str) -> Any:
    """da of a walk in which nothing is passed on to h, or to c."""
    da, dh, dc = np.zeros((*dy.shape[:2], Wh.shape[1])), np.zeros_like(dy[0]), np.zeros_like(dy[0])
    for t in reversed(range(len(dy))):
        (i, f, g, o), dh, tanh_c = gates[t], dh + dy[t], np.tanh(c[t + 1])
        total = dc + dh * o * (1 - tanh_c**2)
        di, df, dg, do = total * g, total * c[t], total * i, dh * tanh_c
        da[t] = np.concatenate([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)], axis=1)
        dh, dc = (0 if lost == "dh" else 1) * da[t] @ Wh.T, (0 if lost == "dc" else f) * total
    return da


def _walk_back(student: Student, rng: Generator) -> str:
    x, dy, Wx, Wh, b = _drawn(rng)
    h, c, gates, right, first_h, first_c = kernel(x, dy, Wx, Wh, b)
    came = student.call("walk_back", dy, h, c, gates, Wh)
    da, dh0, dc0 = parts("walk_back", came, "da", "dh0", "dc0")
    H = len(Wh)
    numbers("da", da, right.shape)
    off = [
        name
        for n, name in enumerate("ifgo")
        if not np.allclose(da[-1][:, n * H : n * H + H], right[-1][:, n * H : n * H + H])
    ]
    mistakes = {
        "Is dc passed on? (5) returns it, and the step before needs it as its dc_after.": _lost(
            dy, h, c, gates, Wh, "dc"
        ),
        "Is dh passed on? da Whᵀ is added to the dy of the step before.": _lost(dy, h, c, gates, Wh, "dh"),
    }
    at_once = (
        f"Off are the blocks {', '.join(off)}: are the functions before right, and called with this step's arrays?"
    )
    then = "What comes back to h is da Whᵀ, what comes back to c is the dc of (5), each to the step before."
    by_step("da", da, right, at_once, advice(da, mistakes, then))
    same("dh0", dh0, first_h, "It is what step 0 sends back: da[0] Whᵀ.")
    same("dc0", dc0, first_c, "It is the dc that (5) of step 0 returns.")
    return f"da agrees at all {len(right)} steps, dh0 and dc0"


def _backward(student: Student, rng: Generator) -> str:
    x, dy, Wx, Wh, b = _drawn(rng)

    def forward(x: Any, params: Any) -> Any:
        x = x.swapaxes(0, 1)
        came = student.call("forward", x, params["Wx"], params["Wh"], params["b"])
        h, c, gates = parts("forward", came, "h", "c", "gates")
        return np.asarray(h)[1:].swapaxes(0, 1), (x, h, c, gates, params["Wx"], params["Wh"])

    def backward(dy: Any, cache: Any) -> Any:
        came = student.call("backward", dy.swapaxes(0, 1), *cache)
        dx, grads = parts("backward", came, "dx", "the dictionary of gradients")
        return dx.swapaxes(0, 1), grads

    params = {"Wx": Wx, "Wh": Wh, "b": b}
    y, cache = forward(x.swapaxes(0, 1), params)
    if not np.allclose(y, kernel(x, dy, Wx, Wh, b)[0][1:].swapaxes(0, 1)):
        raise Wrong("forward is no longer the LSTM of (3) to (6): put it back as `start` wrote it")
    backward(dy.swapaxes(0, 1), cache)  # what is open, or raises, is told before anything is compared
    return gradcheck(forward, backward, x.swapaxes(0, 1), params)


def _percent(student: Student) -> float:
    return float(100 / (1 + np.exp(-student.number("FORGET_BIAS"))) ** 50)


LAB = Lab(
    key="4",
    title="Lab 4: what does an LSTM keep that a SimpleRNN loses?",
    minutes=35,
    tasks=(
        Task(
            "undo_6",
            _undo_6,
            (
                "A product's gradient goes to each factor, times the other factor: o gets dh' ⊙ tanh(c').",
                "tanh(c') gets dh' ⊙ o, and c' that times the derivative, 1 - tanh(c')².",
                "Return dc_after *plus* that: the next step used c' too.",
            ),
        ),
        Task(
            "undo_5",
            _undo_5,
            (
                "f ⊙ c is a product and i ⊙ g is one. A sum hands its gradient, dc', to both.",
                "df is dc' times what f was multiplied by; so on for the other three.",
            ),
        ),
        Task(
            "undo_4_and_3",
            _undo_4_and_3,
            (
                "Three blocks are sigmoids, y ⊙ (1 - y); g is the tanh, 1 - y².",
                "np.concatenate([...], axis=-1) packs four arrays (B, H) into one (B, 4H).",
            ),
        ),
        Task(
            "walk_back",
            _walk_back,
            (
                "Carry two variables from step to step, dh and dc. Both begin as zeros (B, H).",
                "At step t: add dy[t] to dh, then undo_6 with o and c[t+1], undo_5 with c[t], undo_4_and_3.",
                "For the next turn dh is da[t] @ Wh.T, and dc is what undo_5 returned last.",
            ),
        ),
        Task(
            "backward",
            _backward,
            (
                "It is made of your functions: when they are right, so is it.",
                "If you changed forward or backward, put them back as `start` wrote them.",
            ),
        ),
    ),
    predictions=(Prediction("percent_left", "a number from 0 to 100", _percent),),
    numbers={"SEED": range(1, 1000), "UNITS": range(3, 7), "FORGET_BIAS": (1.5, 2.0, 2.5, 3.0, 3.5, 4.0)},
)
