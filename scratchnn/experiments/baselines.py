"""What a network on texts of the user's own must beat to be worth its weight, and whether it does.

Two baselines: the answer that is commonest in training, whatever the text, and a linear model of words and pairs of
words (linear.py). Which model to ship goes by the test texts that one of two models alone gets right, s and t of
them: if both were equally good, each would be on either side by a fair coin. The p is the share of coins that part at
least as unevenly (McNemar's exact test). A network that does not win by more than chance loses to the simpler model.
"""

import shlex
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.reference.binary_crossentropy import EPSILON
from scratchnn_kernels.shapes import Bool, Float64, Integer

from scratchnn.data.own.loading import OwnTexts
from scratchnn.experiments import own
from scratchnn.experiments.best import weights_of_best, why_best_is_missing
from scratchnn.experiments.linear_model import LinearModel
from scratchnn.experiments.preparation import PREDICT_BATCH
from scratchnn.experiments.run import Run, result_line
from scratchnn.report.console import Console

LIKELY = 0.05  # a p below it is more than chance explains
LINEAR = "linear-bigrams"


@dataclass(frozen=True)
class Baselines:
    """Probabilities of the classes (M, K) of each test text."""

    answer: str  # the commonest class in training
    majority: Float64[Array, "M K"]
    linear: Float64[Array, "M K"]


def fit(run: Run, console: Console) -> Baselines:
    """Fit both, and save the linear model in the run's folder."""
    data = _texts(run)
    assert run.options is not None
    started = time.perf_counter()
    counts = np.bincount(data.y_train, minlength=len(data.classes))
    weights = own.class_weight(data, run.options)
    s = None if weights is None else np.array([weights[k] for k in data.y_train.tolist()])
    model = LinearModel.fit(data.x_train, data.y_train, data.encoder, sample_weight=s)
    model.save(run.folder.linear)
    console.line(f"{LINEAR} learned in {time.perf_counter() - started:.1f} s, {len(model.known):,} features")
    shares = np.tile(counts / counts.sum(), (len(data.x_test), 1))
    return Baselines(data.classes[int(counts.argmax())], shares, model.proba_of(data.x_test))


def tell(run: Run, baselines: Baselines, console: Console) -> int:
    """Print the results of both, to stand above those of the network; return the width of their labels."""
    y, always = run.data.y_test, f"always {baselines.answer!r}"
    width = max(len(always), len(f"epoch {run.progress.epoch} (last and best)"))
    for label, p in ((always, baselines.majority), (LINEAR, baselines.linear)):
        console.line(result_line(label.ljust(width), _measured(p, y), run))
    return width


def _measured(p: Float64[Array, "M K"], y: Integer[Array, " M"]) -> dict[str, float]:
    of_label = np.clip(p[np.arange(len(y)), y], EPSILON, 1 - EPSILON)
    return {"loss": float(-np.log(of_label).mean()), "accuracy": float(_right(p, y).mean())}


def _right(p: Float64[Array, "M K"], y: Integer[Array, " M"]) -> Bool[Array, " M"]:
    return p.argmax(axis=1) == y


def verdict(run: Run, baselines: Baselines) -> list[str]:
    """Which file to ship, and why."""
    y, simple = run.data.y_test, run.folder.linear.name
    file, network = _network(run)
    majority, linear = (_right(p, y) for p in (baselines.majority, baselines.linear))
    wins, told = compared(network, linear, file, simple)
    if not wins and _p(network, linear) >= LIKELY:
        told += "; the linear model is the simpler one"
    chosen, name = (network, file) if wins else (linear, simple)
    beats, beside_majority = compared(chosen, majority, name, f"always {baselines.answer!r}")
    if not beats:
        return [f"ship  nothing yet: {beside_majority}", "      python -m scratchnn.data check may tell why"]
    ship = shlex.join(["python", "-m", "scratchnn", "predict", str(run.folder.path / name)])
    return [f"ship  {name}: {told}", f"try   {ship} 'a text'"]


def compared(first: Bool[Array, " M"], second: Bool[Array, " M"], name: str, other: str) -> tuple[bool, str]:
    """Whether the first of two models gets more right than the second, by more than chance explains; and in words."""
    alone, other_alone = int((first & ~second).sum()), int((second & ~first).sum())
    p = _p(first, second)
    explained = "more than chance explains" if p < LIKELY else "which chance explains"
    told = f"of {len(first):,} test texts {name} alone gets {alone:,} right, {other} alone {other_alone:,}"
    return p < LIKELY and alone > other_alone, f"{told}, {explained} (p {p:.2g})"


def _p(first: Bool[Array, " M"], second: Bool[Array, " M"]) -> float:
    return coins_p(int((first & ~second).sum()), int((second & ~first).sum()))


def coins_p(heads: int, tails: int) -> float:
    """The probability that so many fair coins part at least as unevenly, on either side."""
    n, term, total = heads + tails, 1, 0
    for k in range(min(heads, tails) + 1):
        total += term  # n choose k, in whole numbers
        term = term * (n - k) // (k + 1)
    return min(1.0, 2 * total / 2**n)


def _network(run: Run) -> tuple[str, Bool[Array, " M"]]:
    """The file of the network that was best on the validation texts, else of its last epoch; what it gets right."""
    best = run.progress.best_epoch
    if best in (None, run.progress.epoch) or why_best_is_missing(run.progress, run.folder):
        return run.folder.model.name, _network_right(run)
    with weights_of_best(run.model, run.folder):
        return run.folder.best.name, _network_right(run)


def _network_right(run: Run) -> Bool[Array, " M"]:
    y: Any = run.model.predict(run.data.x_test, batch_size=PREDICT_BATCH, verbose=0)
    found = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0] > 0.5
    return found == run.data.y_test


def _texts(run: Run) -> OwnTexts:
    assert isinstance(run.data, OwnTexts)
    return run.data
