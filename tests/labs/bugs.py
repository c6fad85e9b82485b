"""The key of the zoo: its files are made from programs that are right, each with one fault planted.

`python -m tests.labs.bugs` writes them into the package, which does not hold the key; a test compares.
"""

import textwrap
from pathlib import Path
from typing import NamedTuple

from scratchnn.labs.checks.zoo import ZOO
from tests.house import ROOT

TEXTS = ROOT / "scratchnn" / "labs" / "texts"
PROGRAMS = Path(__file__).parent / "zoo"


class Bug(NamedTuple):
    words: str  # the fault
    program: str
    right: str
    wrong: str
    symptom: str


BUGS = (
    Bug(
        "lost dh", "simple_rnn", "dh = dh + dy[t]", "dh = dy[t]",
        "A SimpleRNN whose loss falls and then stays. Its author says: \"I checked the gradients, they are right.\" It "
        "turns out that he checked them with sequences of one word. gradcheck, with longer ones, disagrees.",
    ),
    Bug(
        "swapped gates", "lstm", "[da_i, da_f, da_g, da_o]", "[da_f, da_i, da_g, da_o]",
        "An LSTM trains, more slowly than the one of a friend who has the same seed. No shape is wrong, no number is "
        "NaN. gradcheck finds two kinds of blocks off and two right where there is one step, and more with more steps.",
    ),
    Bug(
        "the +3 offset forgotten", "offset", "{rank + 3: word for", "{rank: word for",
        "A model for reviews reaches 86% accuracy. Its author wants to see what the reviews say that it gets wrong, "
        "and reads lines such as \"of dull wonderful never actors\". How can a model be right about such nonsense?",
    ),
    Bug(
        "missing derivative", "simple_rnn", "np.where(real, dh * (1 - h[t + 1] ** 2), 0)", "np.where(real, dh, 0)",
        "The gradients of this SimpleRNN explode, although its Wh is small. gradcheck finds every array off, already "
        "with a single step.",
    ),
    Bug(
        "per-variable clipping", "clipping",
        """    norm = np.sqrt(sum((grad**2).sum() for grad in grads.values()))
    return {name: grad * min(1.0, limit / norm) for name, grad in grads.items()}
""",
        """    clipped = {}
    for name, grad in grads.items():
        norm = np.sqrt((grad**2).sum())
        clipped[name] = grad * min(1.0, limit / norm)
    return clipped
""",
        "Clipping is to make a step shorter that would be too long, and not to change where it goes. Here steps are "
        "longer than the limit, and turned: watch the angle between the gradient before and after.",
    ),
    Bug(
        "c[t+1] for c[t]", "lstm", "total * c[t], total * i", "total * c[t + 1], total * i",
        "An LSTM trains nearly as well as it should. gradcheck, with one step, finds one block off in db and dWx and "
        "the others right.",
    ),
    Bug(
        "validation of one class", "split", "order = rng.permutation(len(x))", "order = np.arange(len(x))",
        "The accuracy in training is about as it should be and in validation it is far away, from the first epoch on. "
        "Its author says: \"It overfits\", and makes the model smaller, which does not help.",
    ),
    Bug(
        "mask ignored on the way back", "simple_rnn",
        """        real = mask[t][:, None]
        dh = dh + dy[t]
        da[t] = np.where(real, dh * (1 - h[t + 1] ** 2), 0)
        dh = np.where(real, da[t] @ Wh.T, dh)
""",
        """        dh = dh + dy[t]
        da[t] = dh * (1 - h[t + 1] ** 2)
        dh = da[t] @ Wh.T
""",
        "A SimpleRNN that passes gradcheck at any length. In training, its loss is right, and still it learns less "
        "from a batch of long and short reviews than from reviews of one length.",
    ),
    Bug(
        "lost dc", "lstm", "dh, dc = da[t] @ Wh.T, total * f", "dh = da[t] @ Wh.T",
        "An LSTM that does no better than a SimpleRNN on long sequences: what its cell should remember it never learns "
        "to keep. gradcheck finds nothing with one step, and more with each step added.",
    ),
    Bug(
        "padding behind without a mask", "padding", "x[row, length - len(sequence) :] = sequence",
        "x[row, : len(sequence)] = sequence",
        "A model gives every short review the same verdict, whatever it says, and is right about long ones. Its "
        "author wants to collect more short reviews.",
    ),
)  # fmt: skip


def program(bug: Bug) -> str:
    return (PROGRAMS / f"{bug.program}.py").read_text(encoding="utf-8")


def head(number: int) -> str:
    lab = ZOO[number]
    words = (
        f"{BUGS[number].symptom} The last cell shows it: run this file. Find the fault, there is one, and mend it; "
        f"`python -m scratchnn.labs zoo check {number + 1}` says whether the numbers are right then, and "
        f"`zoo hint {number + 1}` helps. The names of the functions, their arguments and what they return stay."
    )
    lines = ["# %% [markdown]", f"# # {lab.title}", "#", *(f"# {line}" for line in textwrap.wrap(words, 116))]
    return "\n".join(lines) + "\n\n"


def text(number: int) -> str:
    bug, whole = BUGS[number], program(BUGS[number])
    assert whole.count(bug.right) == 1, (bug.words, whole.count(bug.right))
    return head(number) + whole.replace(bug.right, bug.wrong)


if __name__ == "__main__":
    for number, lab in enumerate(ZOO):
        (TEXTS / f"{lab.name}.py").write_text(text(number), encoding="utf-8")
