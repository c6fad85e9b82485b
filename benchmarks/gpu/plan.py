"""What benchmarks/gpu asks for: parts, in the order of their importance, each a list of questions for a worker process.

A question is a dict with the name of a framework, `who`, and of a measurement, `what`, and its sizes. It is also the
key by which the tables find the answer.
"""

import itertools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.workloads import LAYERS, Layer, Workload, embedding

OURS: str = "scratchnn"
TORCH: str = "torch"
D = 16  # the input's features, as after the embedding of the published models
COMPILED = ((32, 100), (128, 500))  # (B, T) where torch.compile is tried: it takes a quarter of a minute each time
Question = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A recurrent layer alone. `masked`: rows of random lengths, padded in front; cuDNN then needs packed sequences."""

    cell: str
    B: int
    H: int
    T: int
    masked: bool


@dataclass(frozen=True)
class Model:
    """A whole model: a published one by name, with H units in its recurrent layers and, if `masked`, ids 0 masked."""

    name: str
    H: int = 32
    B: int = 32
    T: int = 100
    masked: bool = False

    def workload(self, dropout: bool = True) -> Workload:
        return _Sized(self.name, "", length=self.T, batch=self.B, dropout=dropout, H=self.H, masked=self.masked)


@dataclass(frozen=True)
class _Sized(Workload):
    H: int = 32
    masked: bool = False

    @property
    def layers(self) -> tuple[Layer, ...]:
        first, settings = embedding(self.vocabulary, self.features)
        sized: list[Layer] = [(first, settings | ({"mask_zero": True} if self.masked else {}))]
        for kind, given in LAYERS[self.name]:
            if kind in ("SimpleRNN", "LSTM", "GRU"):
                given = given | {"units": self.H}
            if kind == "Dropout" and not self.dropout:
                given = {"rate": 0.0}
            sized.append((kind, given))
        return tuple(sized)


def batches(model: Model, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`number` batches of ids, padded in front where the model is masked, with labels, and the length of each row."""
    rng, rows = np.random.default_rng(0), number * model.B
    x = rng.integers(1, 1000, (rows, model.T), dtype=np.int32)
    lengths = rng.integers(1, model.T + 1, rows) if model.masked else np.full(rows, model.T)
    x[np.arange(model.T) < model.T - lengths[:, None]] = 0
    return x, rng.integers(0, 2, rows).astype(np.float32), lengths


def steps(model: Model) -> int:
    """How many steps make the epoch that is timed: a hundred, fewer where they are slow or the ids more than 80 MB."""
    return max(10, min(100, 100 * 32 // model.H, 20_000_000 // (model.B * model.T)))


def reviews(vocabulary: int, length: int) -> tuple[tuple[Any, Any], tuple[Any, Any], str]:
    """Ids and labels, each to train and to test with: the real ones where available, else the generated ones."""
    from scratchnn.data import imdb

    data = imdb.load(None, num_words=vocabulary, maxlen=length, download=False)
    found = f"{data.source}, {data.digest[:8]}"
    return (data.x_train, data.x_test), (data.y_train, data.y_test), found


def cases(size: str) -> list[Case]:
    """The sizes that the targets are about come first: if time runs out, the last ones are left out."""
    cells = ("lstm", "gru", "simple_rnn")
    if size == "quick":
        return [Case(cell, 32, 32, 100, masked) for cell in cells for masked in (False, True)]
    found = []
    for cell in cells:
        Hs = (32, 128, 512, 64) if cell == "lstm" or size == "full" else (32, 128)
        for H, T, B, masked in itertools.product(Hs, (500, 100), (32, 128, 512, 1024), (False, True)):
            found.append(Case(cell, B, H, T, masked))
    return found


def models(size: str) -> list[Model]:
    """Whose training steps are timed."""
    if size == "quick":
        return [Model("lstm")]
    batches, lengths = (32, 128, 512, 1024), (500, 100)
    found = [Model("lstm", 32, B, T) for T in lengths for B in batches]
    found += [Model("lstm", 32, B, T, masked=True) for T in lengths for B in (32, 128)]
    return found + [Model("lstm", H, B, 500) for H in (128, 512) for B in (batches if size == "full" else (32, 128))]


def checked(size: str) -> list[Model]:
    """Of each kind that is timed one whose losses are compared; the published ones, and those of other sizes."""
    published = [Model(name) for name in ("lstm", "rnn", "gru", "cnn", "ff")]
    if size == "quick":
        return published
    return [*published, Model("lstm", masked=True), *(Model("lstm", H=H, T=500) for H in (32, 64, 128, 512))]


def parts(size: str, with_cpu: bool) -> dict[str, list[Question]]:
    """All questions. PyTorch is asked about a case right after us, so that both find the card in the same state."""
    return {
        "checks": _ask("losses", checked(size), lambda _: [""]),
        "steps": _ask("step", models(size), _step_variants),
        "epochs": _epochs(size, "gpu", ("lstm", "rnn", "cnn", "ff")),
        "loops": _ask("loop", _loops(size), lambda _: ["written out", "LSTMCell"]),
        "layers": _ask("layer", cases(size), _layer_variants),
        "cpu": [each for each in _epochs(size, "cpu", ("lstm", "rnn", "cnn", "ff")) if each["who"] == OURS]
        if with_cpu
        else [],
    }


def _layer_variants(case: Case) -> list[str]:
    if case.masked:
        return ["packed"]
    return ["float32", *(["TF32", "float16"] if case.cell == "lstm" else []), "packed"]


def _step_variants(model: Model) -> list[str]:
    if model.masked:
        return ["packed"]
    compiled = ["compiled"] if (model.B, model.T) in COMPILED and model.H == 32 else []
    return ["float32", "TF32", "float16", "graph", *compiled]


def _loops(size: str) -> list[Case]:
    """The loops are slow, so there are few: what one would write first."""
    sizes = [(32, 100)] if size == "quick" else [(32, 100), (128, 100), (32, 500)]
    return [Case("lstm", B, 32, T, masked=False) for B, T in sizes]


def _epochs(size: str, backend: str, names: tuple[str, ...]) -> list[Question]:
    names, epochs = (names[:1], 2) if size == "quick" else (names, 10)
    found: list[Question] = []
    for name in names:
        found.append({"who": OURS, "what": "epochs", "name": name, "epochs": epochs, "backend": backend})
        found.append({"who": TORCH, "what": "epochs", "name": name, "epochs": min(epochs, 3), "variant": "float32"})
    return found


def _ask(what: str, sizes: list[Any], variants: Callable[[Any], list[str]]) -> list[Question]:
    found: list[Question] = []
    for each in sizes:
        found.append({"who": OURS, "what": what, **asdict(each)})
        found += [{"who": TORCH, "what": what, **asdict(each), "variant": name} for name in variants(each)]
    return found
