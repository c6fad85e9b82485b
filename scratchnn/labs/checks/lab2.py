"""Lab 2, backpropagation through time of a SimpleRNN."""

from typing import Any

import numpy as np

from scratchnn.labs.checks.lab1 import states, weights
from scratchnn.labs.compare import advice, by_step, parts, same
from scratchnn.labs.gradients import gradcheck
from scratchnn.labs.lab import Lab, Prediction, Task
from scratchnn.labs.student import Student

Generator = np.random.Generator


def walk(dy: Any, h: Any, Wh: Any, *, derivative: Any = None, back: Any = None) -> tuple[Any, Any]:
    """The walk back of the lab; `derivative` and `back` take the places of its equations, for the usual mistakes."""
    da, sent = np.zeros_like(dy), np.zeros_like(h[0])
    for t in reversed(range(len(dy))):
        da[t] = (dy[t] + sent) * (1 - h[t + 1] ** 2 if derivative is None else derivative(h, t))
        sent = da[t] @ Wh.T if back is None else back(da[t], dy[t] + sent)
    return da, sent


def _drawn(rng: Generator) -> tuple[Any, ...]:
    T, B, D, H = (int(n) for n in rng.integers((5, 2, 2, 3), (9, 4, 5, 6)))
    Wx, Wh, b = weights(rng, D, H)
    x = rng.normal(size=(T, B, D))
    return rng.normal(size=(T, B, H)), x, states(x, Wx, Wh, b), Wx, Wh, b


def _walk_back(student: Student, rng: Generator) -> str:
    dy, _, h, _, Wh, _ = _drawn(rng)
    da, dh0 = parts("walk_back", student.call("walk_back", dy, h, Wh), "da", "dh0")
    right, first = walk(dy, h, Wh)
    at_once = {
        "The derivative of tanh is missing, (4).": walk(dy, h, Wh, derivative=lambda h, t: 1.0)[0],
        "(4) squares the state: 1 - h[t+1]**2.": walk(dy, h, Wh, derivative=lambda h, t: 1 - h[t + 1])[0],
        "(4) squares the state alone: 1 - h[t+1]**2, not (1 - h[t+1])**2.": walk(
            dy, h, Wh, derivative=lambda h, t: (1 - h[t + 1]) ** 2
        )[0],
        "(4) takes the state that leaves the step, h[t+1], not h[t].": walk(
            dy, h, Wh, derivative=lambda h, t: 1 - h[t] ** 2
        )[0],
    }
    later = {
        "Is what a step sends back passed on? It is added to dy of the step before, (3).": walk(
            dy, h, Wh, back=lambda da, dh: 0.0
        )[0],
        "Wh must be transposed in (5).": walk(dy, h, Wh, back=lambda da, dh: da @ Wh)[0],
        "(5) sends da back, not dh: the derivative of tanh lies in between.": walk(
            dy, h, Wh, back=lambda da, dh: dh @ Wh.T
        )[0],
    }
    by_step(
        "da",
        da,
        right,
        advice(da, at_once, "At the last step nothing comes from behind: da[T-1] = dy[T-1] ⊙ (1 - h[T]²)."),
        advice(da, later, "The last step has no step behind it; look at what a step gets from the one behind it, (5)."),
        axes="T steps, B rows and H units",
    )
    same("dh0", dh0, first, "It is what step 0 sends back by (5), with nothing added.", axes="B rows and H units")
    return f"da agrees at all {len(right)} steps, and dh0"


def _of_Wh(student: Student, rng: Generator) -> str:
    dy, _, h, _, Wh, _ = _drawn(rng)
    da = walk(dy, h, Wh)[0]
    came = student.call("gradient_of_Wh", h, da)
    right = np.einsum("tbk,tbh->kh", h[:-1], da)
    mistakes = {
        "It takes the state that entered the step, h[t], not h[t+1].": np.einsum("tbk,tbh->kh", h[1:], da),
        "That is its transpose: h[t]ᵀ stands left of da[t].": right.T,
        "The last step is missing: t goes to len(da) - 1.": np.einsum("tbk,tbh->kh", h[:-2], da[:-1]),
    }
    then = advice(came, mistakes, "A sum over the steps of h[t].T @ da[t]: are all steps in it?")
    same("dWh", came, right, then, axes="as Wh has: H units twice, without steps or rows")
    return "dWh agrees"


def _backward(student: Student, rng: Generator) -> str:
    dy, x, h, Wx, Wh, b = _drawn(rng)

    def forward(x: Any, params: Any) -> Any:
        x = x.swapaxes(0, 1)
        h = student.call("forward", x, params["Wx"], params["Wh"], params["b"])
        return h[1:].swapaxes(0, 1), (x, h, params["Wx"], params["Wh"])

    def backward(dy: Any, cache: Any) -> Any:
        came = student.call("backward", dy.swapaxes(0, 1), *cache)
        dx, grads = parts("backward", came, "dx", "the dictionary of gradients")
        return dx.swapaxes(0, 1), grads

    backward(dy.swapaxes(0, 1), (x, h, Wx, Wh))  # what is open, or raises, is told before anything is compared
    return gradcheck(forward, backward, x.swapaxes(0, 1), {"Wx": Wx, "Wh": Wh, "b": b})


def _percent(student: Student) -> float:
    T, H = student.number("LENGTH"), student.number("UNITS")
    rng = np.random.default_rng(student.number("SEED"))
    Wx = rng.normal(size=(3, H)) / np.sqrt(3)
    Wh = 0.9 * np.linalg.qr(rng.normal(size=(H, H)))[0]
    h = states(rng.normal(size=(T, 4, 3)), Wx, Wh, np.zeros(H))
    dy = np.zeros_like(h[1:])
    dy[-1] = 1
    items = np.einsum("tbk,tbh->tkh", h[:-1], walk(dy, h, Wh)[0])
    return float(round(100 * np.linalg.norm(items[:-5].sum(axis=0)) / np.linalg.norm(items.sum(axis=0)), 1))


LAB = Lab(
    key="2",
    title="Lab 2: which way should the weights change?",
    minutes=25,
    tasks=(
        Task(
            "walk_back",
            _walk_back,
            (
                "You also need a variable for what the step behind sent back. Before the loop it is zeros, (B, H).",
                "`for t in reversed(range(len(dy)))`: dy[t] plus that variable is dh[t+1].",
                "Then (4) gives da[t], and (5) the variable's value for the next turn. After the loop it is dh0.",
                "In (5), da[t] (B, H) stands left of the transposed matrix, Wh.T.",
            ),
        ),
        Task(
            "gradient_of_Wh",
            _of_Wh,
            (
                "h[t].T @ da[t] is (H, B) times (B, H): the product sums over the rows by itself.",
                "h has T+1 rows, da has T: step t pairs h[t], the state that entered it, with da[t]. Add all of them.",
            ),
        ),
        Task(
            "backward",
            _backward,
            (
                "It is made of walk_back and gradient_of_Wh: when both are right, so is it.",
                "If you changed forward or backward, put them back as `start` wrote them.",
            ),
        ),
    ),
    predictions=(
        Prediction("dh1_on_paper", "a number", lambda student: 0.1 + 0.108 * 0.5),
        Prediction("percent_wrong", "a number", _percent),
    ),
    numbers={"SEED": range(1, 1000), "LENGTH": range(24, 41), "UNITS": range(5, 10)},
)
