"""The numbers of a study as plain data: small, without probabilities and the text of reviews, times apart."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from scratchnn.core.files.plain import or_null, plain
from scratchnn.study.results import Reviews, RunResult
from scratchnn.study.statistics import Analysis, Answers, ModelStatistics

KEYS = ("loss", "accuracy", "val_loss", "val_accuracy")  # of a history; its seconds belong to the times
FORMAT_VERSION = 3  # since 3, what depends on the epoch of a model is there for each protocol


def summary(
    analysis: Analysis,
    reviews: Mapping[str, Reviews],
    verdict: Sequence[str],
    published: Mapping[str, float],
    code: Mapping[str, str],
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """Return the content of summary.json. The same runs give the same data, apart from `times`, which comes last."""
    by_protocol = analysis.by_protocol
    models = next(iter(by_protocol.values())).models
    used = sorted({run.test_set for model in models for run in model.runs})
    return plain(
        {
            "format": FORMAT_VERSION,
            "verdict": list(verdict),
            "code": dict(code),
            "margin": analysis.margin,
            "resamples": analysis.resamples,
            "models": {model.name: _model(model, published) for model in models},
            "protocols": {
                protocol: {
                    "models": {model.name: _under_protocol(model) for model in found.models},
                    "pairs": [asdict(pair) for pair in found.pairs],
                }
                for protocol, found in by_protocol.items()
            },
            "stopping": [asdict(each) for each in analysis.stopping],
            "left_out": [asdict(run) for run in analysis.left_out],
            "test_sets": {digest: _test_set(reviews[digest]) for digest in used},
            "environment": dict(environment),
            "times": {model.name: _times(model) for model in models},
        },
        "summary",
        or_null,
    )


def about(analysis: Analysis) -> str:
    """In words, what the runs have in common: epochs, sizes, seeds and protocols; where they differ, from least to most."""
    models = next(iter(analysis.by_protocol.values())).models

    def of(name: str, unit: str) -> list[str]:
        values = sorted({model.settings[name] for model in models if name in model.settings})
        if not values:
            return []
        return [unit.format(f"{values[0]:,}" if len(values) == 1 else f"{values[0]:,} to {values[-1]:,}")]

    seeds = sorted({len(model.seeds) for model in models})
    told = [
        *of("epochs", "{} epochs"),
        *of("vocabulary", "vocabulary {}"),
        *of("length", "the last {} words of each review"),
    ]
    if seeds:
        many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
        told.append(f"{many} seed{'s' * (seeds[-1] != 1)}")
    if any(model.settings.get("shuffle_words") for model in models):
        told.append("words shuffled within each review")
    return ", ".join(told)[:1].upper() + ", ".join(told)[1:] + ("." if told else "")


def _model(model: ModelStatistics, published: Mapping[str, float]) -> dict[str, Any]:
    """What is the same under each protocol."""
    return {
        "parameters": model.parameters,
        "published": published.get(model.name),
        "settings": model.settings,
        "best_validation_accuracy": model.best_validation,
        "lowest_validation_loss_after": model.lowest_loss_after,
        "overfits_after": model.overfits_after,
        "seeds": {str(run.seed): _run(run) for run in model.runs},
    }


def _under_protocol(model: ModelStatistics) -> dict[str, Any]:
    tested = {str(run.seed): run.tested[model.protocol] for run in model.runs}
    return {
        "accuracy": model.accuracy and asdict(model.accuracy),
        "loss": model.loss,
        "answers": model.answers and _answers(model.answers),
        "seeds": {
            seed: {key: getattr(each, key) for key in ("epoch", "accuracy", "loss", "weights")}
            for seed, each in tested.items()
        },
    }


def _answers(answers: Answers) -> dict[str, Any]:
    return {key: value for key, value in asdict(answers).items() if key != "mistakes"}


def _run(run: RunResult) -> dict[str, Any]:
    return {
        "config_hash": run.config_hash,
        "order": run.order_digest,
        "history": {key: [_rounded(x) for x in run.history[key]] for key in KEYS if key in run.history},
    }


def _test_set(reviews: Reviews) -> dict[str, Any]:
    return {
        "reviews": len(reviews.y),
        "positive": int((reviews.y > 0.5).sum()),
        "also_in_training": int(reviews.in_training.sum()),
    }


def _times(model: ModelStatistics) -> dict[str, Any]:
    return {
        "seconds_per_epoch": model.seconds_per_epoch,
        "peak_memory_mb": model.peak_memory,
        "seconds": {str(run.seed): run.seconds for run in model.runs},
    }


def _rounded(x: float) -> float:
    """Six digits: more than a figure shows, and the file stays small."""
    return float(f"{x:.6g}")
