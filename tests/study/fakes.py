"""Studies that never ran: reviews, histories and answers drawn from a generator, in the shape of real ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scratchnn.report.best import best_epoch
from scratchnn.study.results import PROTOCOLS, Protocol, Reviews, RunResult, Tested

PARAMETERS = {"ff": 17_601, "rnn": 19_681, "lstm": 23_361, "cnn": 26_849, "cnn-linear": 26_849}
SETTINGS: dict[str, Any] = {
    "vocabulary": 1000,
    "length": 100,
    "skip_top": 0,
    "batch_size": 32,
    "epochs": 10,
    "validation_split": 0.2,
    "optimizer": "adam",
    "learning_rate": 0.001,
}
# Mean and spread over the seeds of how often a model is right, and how fast it overfits.
SKILLS = {"ff": (0.806, 0.003, 1.5), "rnn": (0.788, 0.012, 0.7), "lstm": (0.829, 0.004, 0.5), "cnn": (0.786, 0.004, 1)}
WORDS = "the plot is thin but acting <b>so</b> & good it made me cry never again what a waste of a fine cast".split()


def reviews(N: int = 400, digest: str = "test-set-a", seed: int = 0) -> Reviews:
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, rng.integers(5, 300))) for _ in range(min(N, 50))]
    return Reviews(
        digest=digest,
        y=(rng.permutation(N) % 2).astype(np.float32),
        length=np.minimum(2494, rng.lognormal(5.2, 0.7, N)).astype(np.int64) + 10,
        unknown_share=rng.beta(8, 30, N),
        in_training=rng.random(N) < 0.01,
        text=lambda n: texts[n % len(texts)],
    )


def probabilities(about: Reviews, rng: np.random.Generator, accuracy: float) -> np.ndarray:
    """Answers of about that accuracy: surer on easy reviews, worse where many words are unknown."""
    N = len(about.y)
    easy = np.random.default_rng(len(about.y)).normal(size=N) - 3 * (about.unknown_share - about.unknown_share.mean())
    score = 0.8 * easy + 0.6 * rng.normal(size=N)
    score -= np.sort(score)[round((1 - accuracy) * N)]  # now that share of them is below 0
    return (1 / (1 + np.exp(-2.5 * score * np.where(about.y > 0.5, 1, -1)))).astype(np.float32)


def history(rng: np.random.Generator, accuracy: float, overfitting: float = 1.0, epochs: int = 10) -> dict[str, Any]:
    t = np.arange(1, epochs + 1)
    noise = rng.normal(0, 0.004, (4, epochs))
    return {
        "loss": (0.25 + 0.45 * np.exp(-t / 2.5) - 0.01 * overfitting * t + noise[0]).tolist(),
        "accuracy": np.minimum(1, 0.55 + 0.33 * (1 - np.exp(-t / 1.8)) + 0.01 * overfitting * t + noise[1]).tolist(),
        "val_loss": (0.36 + 0.4 * np.exp(-t / 1.2) + 0.012 * overfitting * t + noise[2]).tolist(),
        "val_accuracy": (accuracy - 0.25 * np.exp(-t / 1.2) + noise[3]).tolist(),
        "seconds": rng.uniform(0.4, 0.8, epochs).tolist(),
    }


def run(
    model: str,
    seed: int,
    about: Reviews,
    accuracy: float = 0.8,
    best: float | None = None,
    protocols: Sequence[Protocol] = PROTOCOLS,
    **changes: Any,
) -> RunResult:
    """A run that is right on about `accuracy` of the reviews after the last epoch, on `best` after the best one.

    `probabilities` are its answers under every protocol.
    """
    rng = np.random.default_rng([seed, *model.encode()])
    fixed = changes.pop("probabilities", None)
    skill = {"last": accuracy, "best": accuracy if best is None else best}
    seen = changes.get("history", history(rng, accuracy, SKILLS.get(model, (0, 0, 1))[2]))
    epochs = {"last": len(seen.get("val_loss", [0])), "best": best_epoch(seen.get("val_loss", [0.0])) or 1}
    tested: dict[Protocol, Tested] = {}
    for protocol in protocols:
        answers = probabilities(about, rng, skill[protocol]) if fixed is None else fixed
        right = float(np.mean((answers > 0.5) == (about.y > 0.5)))
        loss = 0.4 + float(rng.normal(0, 0.01))
        tested[protocol] = Tested(epochs[protocol], loss, right, f"{PROTOCOLS.index(protocol):x}{seed:07x}", answers)
    values: dict[str, Any] = {
        "config_hash": "0123456789abcdef",
        "settings": SETTINGS | {"arch": model.partition(",")[0], "seed": seed, "out": "runs"},
        "parameters": PARAMETERS.get(model, 1234),
        "history": seen,
        "tested": tested,
        "test_set": about.digest,
        "order_digest": f"order-of-seed-{seed}",
        "seconds": float(rng.uniform(4, 8)),
        "peak_memory": float(rng.uniform(300, 320)),
    }
    return RunResult(model=model, seed=seed, **(values | changes))


def failed(model: str, seed: int, about: Reviews, error: str = "the loss became NaN in epoch 3") -> RunResult:
    good = run(model, seed, about)
    early = {key: values[:2] for key, values in good.history.items()}
    return replace(good, history=early, tested={}, error=error)


def with_tested(run: RunResult, protocol: Protocol = "last", **changes: Any) -> RunResult:
    """The same run, with something else about it under one protocol."""
    return replace(run, tested=run.tested | {protocol: replace(run.tested[protocol], **changes)})


def study(
    about: Reviews,
    seeds: Iterable[int] = range(4),
    skills: Mapping[str, Sequence[float]] = SKILLS,
    gains: Mapping[str, float] | None = None,
    protocols: Sequence[Protocol] = PROTOCOLS,
) -> list[RunResult]:
    """Runs of every model in `skills`, name -> (mean accuracy, spread over the seeds, ...).

    `gains` says how much more often a model is right after its best epoch than after the last one; by default as often.
    """
    rng = np.random.default_rng(0)
    found = []
    for model, skill in skills.items():
        for seed in seeds:
            accuracy = skill[0] + skill[1] * float(rng.normal())
            found.append(run(model, seed, about, accuracy, accuracy + (gains or {}).get(model, 0.0), protocols))
    return found
