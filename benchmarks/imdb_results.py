"""From the folders of the studies to benchmarks/results/imdb.json: figures only, no review is quoted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from benchmarks.studies import CLAIMS, CONTROLS, MARGIN, PROTOCOLS, STUDIES, Study, by_name
from scratchnn.core.files.plain import or_null, plain
from scratchnn.report.best import best_epoch
from scratchnn.study.pairs import Pair, correct_for_number
from scratchnn.study.results import Reviews, RunResult
from scratchnn.study.statistics import analyse

DIGITS = 5
KERAS_VARIANTS = ("", "summed")  # how Keras is trained: see accuracy.py
REVIEWS = 25_000  # of the real test set, where it is not split again
WITH_LOSSES = ("longer",)  # studies whose curves of training loss the page needs
SETTINGS = ("vocabulary", "length", "batch_size", "epochs", "optimizer", "validation_split")
OF_A_PAIR = ("first", "second", "difference", "p", "p_holm", "p_equivalent", "p_equivalent_holm")
OF_A_MODEL = ("parameters", "published", "lowest_validation_loss_after", "overfits_after", "best_validation_accuracy")


def reduce(study: Study, summary: Mapping[str, Any]) -> dict[str, Any]:
    """What the page needs of a study's summary.json.

    Raises:
        SystemExit: if it has a run left out, other reviews than planned, or another margin.
    """
    _check(study, summary)
    models = summary["models"]
    content = {
        "question": study.question,
        "planned": {"models": study.models, "seeds": study.seeds, "settings": dict(study.settings)},
        "verdict": _paragraphs(summary["verdict"]),
        "code": summary["code"],
        "environment": summary["environment"],
        "resamples": summary["resamples"],
        "test_sets": sorted(summary["test_sets"].values(), key=str),
        "models": {name: _model(study, models[name]) for name in models},
        "protocols": {name: _protocol(each) for name, each in summary["protocols"].items()},
        "stopping": _pairs(summary["stopping"]),
    }
    return rounded(content)


def _paragraphs(verdict: str | Sequence[str]) -> str:
    return verdict if isinstance(verdict, str) else "\n\n".join(verdict)


def _check(study: Study, summary: Mapping[str, Any]) -> None:
    if summary["left_out"]:
        raise SystemExit(f"{study.name}: {summary['left_out'][0]} is left out; a study with holes is not published")
    if summary["margin"] != MARGIN:
        raise SystemExit(f"{study.name}: its margin is {summary['margin']}; the page is about {MARGIN}")
    least = study.settings.get("test_reviews", REVIEWS)
    for test_set in summary["test_sets"].values():
        if not study.synthetic and test_set["reviews"] != least:
            raise SystemExit(
                f"{study.name}: {test_set['reviews']} test reviews; these figures are about {least} real ones"
            )


def _model(study: Study, model: Mapping[str, Any]) -> dict[str, Any]:
    seeds = model["seeds"]
    content = {name: model[name] for name in OF_A_MODEL}
    content["settings"] = {key: model["settings"][key] for key in SETTINGS}
    content["validation"] = {seed: _validation(run["history"]) for seed, run in seeds.items()}
    if study.name in WITH_LOSSES:
        content["losses"] = {seed: run["history"]["loss"] for seed, run in seeds.items()}
    return content


def _validation(history: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """The best epochs of a run by validation loss and by validation accuracy, and what they were."""
    losses, accuracies = history["val_loss"], history["val_accuracy"]
    lowest = best_epoch(losses) or len(losses)
    highest = max(range(len(accuracies)), key=accuracies.__getitem__) + 1
    return {
        "lowest_loss_after": lowest,
        "highest_accuracy": accuracies[highest - 1],
        "highest_accuracy_after": highest,
    }


def _protocol(found: Mapping[str, Any]) -> dict[str, Any]:
    models = {
        name: {
            "accuracy": model["accuracy"],
            "without_repeats": model["answers"]["without_repeats"],
            "seeds": {seed: {key: run[key] for key in ("epoch", "accuracy")} for seed, run in model["seeds"].items()},
        }
        for name, model in found["models"].items()
    }
    return {"models": models, "pairs": _pairs([pair for pair in found["pairs"] if pair["obstacle"] is None])}


def _pairs(pairs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the page needs of pairs whose p values are corrected together, and the smallest they could have been."""
    smallest = [min(1.0, len(pairs) * 2.0 ** (1 - len(pair["seeds"]))) for pair in pairs]
    return [
        {key: pair[key] for key in OF_A_PAIR} | {"seeds": len(pair["seeds"]), "smallest_p_holm": p}
        for pair, p in zip(pairs, smallest, strict=True)
    ]


def order(
    results: Mapping[str, Sequence[RunResult]], reviews: Mapping[str, Reviews]
) -> dict[str, dict[str, dict[str, Any]]]:
    """By study with shuffled words, protocol and model: accuracy with the order of the words less that without it.

    Differences are taken seed by seed. Their p values are corrected (Holm) for the number of networks; each control is
    asked alone, since one says how much order there is, and the others see none.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for study in (each for each in STUDIES if each.ordered and each.name in results and each.ordered in results):
        assert study.ordered is not None
        pairs: dict[str, list[Pair]] = {name: [] for name in PROTOCOLS}
        for model in study.models:
            ordered = [run for run in results[study.ordered] if run.model == model]
            shuffled = [replace(run, model=f"{model},shuffled") for run in results[study.name] if run.model == model]
            if {run.seed for run in ordered} & {run.seed for run in shuffled}:
                analysis = analyse([*ordered, *shuffled], reviews, margin=MARGIN)
                for protocol, statistics in analysis.by_protocol.items():
                    pair = statistics.pair(model, f"{model},shuffled")
                    assert pair is not None and pair.obstacle is None, f"{study.name}: {pair}"
                    pairs[protocol].append(pair)
        found[study.name] = {
            protocol: {pair["first"]: pair for group in _groups(each) for pair in rounded(group)}
            for protocol, each in pairs.items()
        }
    return found


def _groups(pairs: Sequence[Pair]) -> list[list[dict[str, Any]]]:
    """The networks together, every control by itself."""
    groups = [[pair for pair in pairs if pair.first not in CONTROLS]]
    groups += [[pair] for pair in pairs if pair.first in CONTROLS]
    return [_pairs([asdict(pair) for pair in correct_for_number(group)]) for group in groups]


def collect(
    summaries: Mapping[str, Mapping[str, Any]], ordered: Mapping[str, Any], figures: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The content of imdb.json. `figures`: by study, the names of those in docs/imdb."""
    return {
        "margin": MARGIN,
        "claims": CLAIMS,
        "studies": {name: reduce(by_name(name), summary) for name, summary in summaries.items()},
        "order": dict(ordered),
        "figures": {name: sorted(each) for name, each in figures.items()},
    }


def rounded(value: Any) -> Any:
    """The same with numbers of few digits, and NaN as null."""
    return _round(plain(value, "results", or_null))


def _round(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _round(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_round(each) for each in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def text(content: Mapping[str, Any]) -> str:
    """As JSON, with a line for each model and pair, not for each number."""
    return _lines(content, 6) + "\n"


def _lines(value: Any, depth: int, indent: str = "") -> str:
    if not depth or not isinstance(value, dict | list) or not value:
        return json.dumps(value)
    inner = indent + " "
    if isinstance(value, list):
        if not isinstance(value[0], dict | list):
            return json.dumps(value)
        parts, ends = [inner + json.dumps(each) for each in value], "[]"
    else:
        parts = [f"{inner}{json.dumps(key)}: {_lines(each, depth - 1, inner)}" for key, each in value.items()]
        ends = "{}"
    return f"{ends[0]}\n" + ",\n".join(parts) + f"\n{indent}{ends[1]}"
