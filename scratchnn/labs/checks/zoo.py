"""The bug zoo: small programs with a fault each. Only numbers decide whether one is mended; what the fault is, is not
said here, nor anywhere in the package."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn.labs.compare import parts, same
from scratchnn.labs.gradients import gradcheck
from scratchnn.labs.lab import Lab, Task
from scratchnn.labs.student import Student, Wrong

Generator = np.random.Generator


def _simple_rnn(student: Student, rng: Generator) -> str:
    for masked in (False, True):
        H, T = int(rng.integers(2, 4)), 4
        x, params = rng.normal(size=(2, T, 2)), _params(rng, H, H)
        mask = np.ones((T, 2), bool)
        if masked:
            mask[2:, 1] = mask[1, 0] = False

        def forward(x: Any, params: Any, mask: Any = mask) -> Any:
            x = x.swapaxes(0, 1)
            h = student.call("forward", x, mask, params["Wx"], params["Wh"], params["b"])
            return np.asarray(h)[1:].swapaxes(0, 1), (x, mask, h, params["Wx"], params["Wh"])

        said = _gradcheck(student, forward, x, params, f"{'padded' if masked else 'full'} sequences of {T} steps")
    return said


def _lstm(student: Student, rng: Generator) -> str:
    def forward(x: Any, params: Any) -> Any:
        x = x.swapaxes(0, 1)
        came = student.call("forward", x, params["Wx"], params["Wh"], params["b"])
        h, c, gates = parts("forward", came, "h", "c", "gates")
        return np.asarray(h)[1:].swapaxes(0, 1), (x, h, c, gates, params["Wx"], params["Wh"])

    x, params = rng.normal(size=(2, 3, 2)), _params(rng, 2, 8)
    return _gradcheck(student, forward, x, params, "sequences of 3 steps")


def _params(rng: Generator, H: int, columns: int) -> dict[str, np.ndarray]:
    return {"Wx": rng.normal(size=(2, columns)), "Wh": rng.normal(size=(H, columns)), "b": rng.normal(size=columns)}


def _gradcheck(student: Student, forward: Callable[..., Any], x: Any, params: Any, words: str) -> str:
    def backward(dy: Any, cache: Any) -> Any:
        came = student.call("backward", dy.swapaxes(0, 1), *cache)
        dx, grads = parts("backward", came, "dx", "the dictionary of gradients")
        return np.asarray(dx).swapaxes(0, 1), grads

    y, cache = forward(x, params)
    if not np.abs(y).max() > 0.01:
        raise Wrong("forward gives zeros only: the fault is elsewhere, put forward back as it was")
    backward(np.ones_like(y), cache)
    try:
        return gradcheck(forward, backward, x, params)
    except Wrong as wrong:
        raise Wrong(f"{words}: {wrong}") from None


def _clip(student: Student, rng: Generator) -> str:
    for scale in (0.01, 1.0, 30.0):
        grads = {"Wx": scale * rng.normal(size=(3, 4)), "Wh": 4 * scale * rng.normal(size=(4, 4)), "b": np.ones(4)}
        limit = float(rng.uniform(0.5, 3.0))
        norm = np.sqrt(sum((grad**2).sum() for grad in grads.values()))
        came = student.call("clip", grads, limit)
        if not isinstance(came, dict) or came.keys() != grads.keys():
            raise Wrong(f"clip: expected a dictionary with {', '.join(grads)}, came {came!r:.60}")
        words = f"of a gradient of length {norm:.3g} with limit {limit:.3g}"
        for name, grad in grads.items():
            same(f"{name} {words}", came[name], grad * min(1.0, limit / norm))
    return "lengths and directions are right"


def _read(student: Student, rng: Generator) -> str:
    H = int(rng.integers(3, 6))
    Wx, Wh = rng.normal(size=(2, 4 * H)), rng.normal(size=(H, 4 * H)) / np.sqrt(H)
    b = np.repeat([0.0, 1.0, 0.0, 0.0], H)
    sequences = [rng.normal(size=(t, 2)) for t in (3, 12, 7)]
    came = student.call("read", sequences, 12, Wx, Wh, b)
    same("read", came, [_alone(each, Wx, Wh, b) for each in sequences], "Each row: what the LSTM makes of it alone.")
    return "short and long sequences are read as each alone"


def _alone(x: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    h = c = np.zeros(len(Wh))
    for x_t in x:
        i, f, g, o = np.split(x_t @ Wx + b + h @ Wh, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
    return h


def _split(student: Student, rng: Generator) -> str:
    rows = 500
    x, y = np.stack([np.arange(rows), np.arange(rows) % 7], axis=1).astype(float), np.repeat([0, 1], rows // 2)
    came = student.call("split", x, y, 0.2, np.random.default_rng(int(rng.integers(1000))))
    parts_ = parts("split", came, "x_train", "y_train", "x_val", "y_val")
    x_train, y_train, x_val, y_val = (np.asarray(part) for part in parts_)
    seen = np.concatenate([x_train, x_val])[:, 0]
    if len(x_val) != 100 or sorted(seen) != list(range(rows)):
        raise Wrong(f"expected 100 of 500 rows held out, and every row once; came {len(x_val)} held out")
    if (np.concatenate([y_train, y_val]) != y[seen.astype(int)]).any():
        raise Wrong("expected every row to keep its own label")
    share = float(np.mean(y_val))
    if not 0.3 <= share <= 0.7:  # the deviation of a random draw of 100 is 0.045
        raise Wrong(f"of the rows held out, expected about 0.5 to be of class 1, as of all rows; came {share:.2f}")
    return f"both classes are held out, {share:.2f} of class 1"


def _decode(student: Student, rng: Generator) -> str:
    words = ["the", "and", "good", "bad", "plot", "film"]
    ranks = {word: rank for rank, word in enumerate((str(word) for word in rng.permutation(words)), 1)}
    by_rank = sorted(ranks, key=ranks.__getitem__)
    for ids, right in (([1, 4, 5], by_rank[:2]), ([0, 0, 1, 9, 2, 6], [by_rank[5], "?", by_rank[2]])):
        came = student.call("decode", ids, ranks)
        if not isinstance(came, list | tuple) or list(came) != right:
            raise Wrong(f"decode({ids}) with the ranks {ranks}: expected {right}, came {came!r:.80}")
    for word in words:
        came = student.call("encode", [word, "zoo"], ranks)
        if list(came) != [1, ranks[word] + 3, 2]:
            raise Wrong(f"encode([{word!r}, 'zoo']): expected {[1, ranks[word] + 3, 2]}, came {came!r:.80}")
    return "words come back as they were"


def _bug(number: int, title: str, task: Task, **numbers: Any) -> Lab:
    return Lab(f"zoo{number}", f"Bug {number}: {title}", 10, (task,), numbers={"SEED": range(1, 1000)} | numbers)


def _backward(check: Callable[[Student, Generator], str], *hints: str) -> Task:
    return Task("backward", check, hints)


UNITS = range(3, 6)
ZOO = (
    _bug(
        1,
        "right with one word, wrong with two",
        _backward(
            _simple_rnn,
            "With one step all is right. So look at what a step hands to the step before it.",
            "A state is used twice: what are the two terms of its gradient, and are both in dh?",
        ),
        UNITS=UNITS,
    ),
    _bug(
        2,
        "slower than a friend's",
        _backward(
            _lstm,
            "Which blocks are off at one step? What do forward and backward each say of their order?",
            "Compare the line that takes a apart with the line that puts da together.",
        ),
        UNITS=UNITS,
    ),
    _bug(
        3,
        "nonsense that is 86% right",
        Task(
            "decode",
            _decode,
            (
                "The model sees ids only, and they are right. So what is wrong is on the way back to words.",
                "What id has the most frequent word, and what rank? Follow one word through encode and back.",
            ),
        ),
        WORDS=range(8, 17),
    ),
    _bug(
        4,
        "off at the first step",
        _backward(
            _simple_rnn,
            "A single step is already off, so leave time out of it and compare the step with its equations.",
            "forward has a tanh. Where is it undone?",
        ),
        UNITS=UNITS,
    ),
    _bug(
        5,
        "shorter, but where to?",
        Task(
            "clip",
            _clip,
            (
                "When is a vector shortened without being turned? All its numbers are multiplied by the same.",
                "Count how many different factors there are in `clip`, and how many there should be.",
            ),
        ),
        LIMIT=(0.5, 1.0, 2.0),
    ),
    _bug(
        6,
        "one block of four",
        _backward(
            _lstm,
            "Which block is off at one step? Follow its gate: in which line of forward is it used, and with what?",
            "At the first step, c is zero: what must the gradient of the forget gate be there?",
        ),
        UNITS=UNITS,
    ),
    _bug(
        7,
        "it overfits from the first epoch",
        Task(
            "split",
            _split,
            (
                "Print y_val. What would a model get that always says 0?",
                "The data lie sorted. Which rows go into validation, and who decides that?",
            ),
        ),
        ROWS=range(300, 601, 50),
    ),
    _bug(
        8,
        "right at any length, wrong in a batch",
        _backward(
            _simple_rnn,
            "Without padding all is right. What does forward do with padding, and where does backward undo that?",
            "A row that kept its state at a step keeps its gradient there, and the step used none of the weights.",
        ),
        UNITS=UNITS,
    ),
    _bug(
        9,
        "an LSTM that forgets",
        _backward(
            _lstm,
            "One step is right: look at what the loop carries to the step before. Two states leave a step.",
            "Print dc at the top of the loop, at each step.",
        ),
        UNITS=UNITS,
    ),
    _bug(
        10,
        "one verdict for all short reviews",
        Task(
            "read",
            _read,
            (
                "Print |h| after every step of a review of five words in the batch, up to the last.",
                "The output is the state after the last step. What has a short review's state gone through by then?",
            ),
        ),
        UNITS=range(4, 9),
        LENGTH=range(40, 81, 10),
    ),
)
