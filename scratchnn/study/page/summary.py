"""The numbers of a study as plain data: small, without probabilities and the text of reviews, times apart."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from scratchnn.core.files.plain import or_null, plain
from scratchnn.study.one_model import Answers, ModelStatistics
from scratchnn.study.results import Reviews, RunResult
from scratchnn.study.statistics import Analysis, Statistics

KEYS = ("loss", "accuracy", "val_loss", "val_accuracy")  # of a history; its seconds belong to the times
# Since 3, by protocol what depends on when a model was taken from its training; since 4, classes by their names.
FORMAT_VERSION = 4


def summary(
    analysis: Analysis,
    reviews: Mapping[str, Reviews],
    verdict: str,
    published: Mapping[str, float],
    code: Mapping[str, str],
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """Return the content of summary.json. The same runs give the same data, apart from `times`, which comes last."""
    statistics = analysis.first
    used = sorted({run.test_set for model in statistics.models for run in model.runs})
    return plain(
        {
            "format": FORMAT_VERSION,
            "verdict": verdict,
            "code": dict(code),
            "margin": analysis.margin,
            "resamples": statistics.resamples,
            "models": {model.name: _model(model, published) for model in statistics.models},
            "protocols": {protocol: _protocol(each) for protocol, each in analysis.by_protocol.items()},
            "stopping": [asdict(each) for each in analysis.stopping],
            "left_out": [asdict(run) for run in statistics.left_out],
            "test_sets": {digest: _test_set(reviews[digest]) for digest in used},
            "environment": dict(environment),
            "times": {model.name: _times(model) for model in statistics.models},
        },
        "summary",
        or_null,
    )


def _model(model: ModelStatistics, published: Mapping[str, float]) -> dict[str, Any]:
    """What is the same under every protocol."""
    return {
        "parameters": model.parameters,
        "published": published.get(model.name),
        "settings": model.settings,
        "lowest_validation_loss_after": model.lowest_loss_after,
        "overfits_after": model.overfits_after,
        "best_validation_accuracy": model.best_validation,
        "seeds": {str(run.seed): _run(run) for run in model.runs},
    }


def _run(run: RunResult) -> dict[str, Any]:
    return {
        "config_hash": run.config_hash,
        "order": run.order_digest,
        "history": {key: [_rounded(x) for x in run.history[key]] for key in KEYS if key in run.history},
    }


def _protocol(statistics: Statistics) -> dict[str, Any]:
    return {
        "models": {model.name: _tested(model) for model in statistics.models},
        "pairs": [asdict(pair) for pair in statistics.pairs],
    }


def _tested(model: ModelStatistics) -> dict[str, Any]:
    tested = {str(run.seed): run.tested[model.protocol] for run in model.runs}
    keys = ("epoch", "accuracy", "loss", "weights")
    return {
        "accuracy": model.accuracy and asdict(model.accuracy),
        "loss": model.loss,
        "answers": model.answers and _answers(model.answers),
        "seeds": {seed: {key: getattr(each, key) for key in keys} for seed, each in tested.items()},
    }


def _answers(answers: Answers) -> dict[str, Any]:
    return {key: value for key, value in asdict(answers).items() if key != "mistakes"}


def _test_set(reviews: Reviews) -> dict[str, Any]:
    return {
        "source": reviews.source,
        "reviews": len(reviews.y),
        "classes": reviews.count(),
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
