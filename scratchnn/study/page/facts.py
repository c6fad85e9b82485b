"""What all numbers of a page rest on, in one line: epochs, sizes, data, protocols, version of the code."""

from collections.abc import Mapping, Sequence
from typing import Any

from scratchnn.study.results import Reviews
from scratchnn.study.standing import WHEN
from scratchnn.study.statistics import Analysis
from scratchnn.study.wording import margin_in_words

MOST_VALUES = 4  # of one setting


def facts(analysis: Analysis, reviews: Mapping[str, Reviews], code: Mapping[str, str], *, synthetic: bool) -> list[str]:
    models = analysis.first.models
    seeds = sorted({len(model.seeds) for model in models if model.seeds})
    used = sorted({run.test_set for model in models for run in model.runs})
    tested = _one_or_more([f"{len(reviews[digest].y):,}" for digest in used])
    found = [
        f"{_plural(len(models), 'model')}, {' or '.join(map(str, seeds)) or 'no'} seed{'s' * (seeds != [1])} each",
        _setting(models, "epochs", "{} epochs"),
        _setting(models, "length", "the last {} words of a review"),
        _setting(models, "vocabulary", "vocabulary {}"),
        "generated reviews" if synthetic else "IMDB reviews",
        tested and f"tested on {tested} reviews (digest {', '.join(digest[:8] for digest in used)})",
        _setting(models, "train_reviews", "trained and validated on {}"),
        _setting(models, "resplit", "split again by draw {}"),
        _setting(models, "shuffle_words", "words of a review shuffled: {}"),
        f"{' and '.join(WHEN[name] for name in analysis.by_protocol)}",
        f"equivalent means within {margin_in_words(analysis.margin)}",
        "code" in code and f"code {code['code']}",
    ]
    return [each for each in found if each]


def _setting(models: Sequence[Any], name: str, words: str) -> str:
    """Nothing, where it is at rest in every model: None, 0 or False."""
    values = list(dict.fromkeys(model.settings.get(name) for model in models))
    if not any(values):
        return ""
    if any(isinstance(value, bool) for value in values):
        return words.format(_one_or_more(["yes" if value else "no" for value in values]))
    rest = "none" if name == "resplit" else "all"
    numbers = sorted(value for value in values if value)
    return words.format(_one_or_more([f"{value:,}" for value in numbers] + [rest] * (len(numbers) < len(values))))


def _one_or_more(values: Sequence[str]) -> str:
    values = list(dict.fromkeys(values))
    if len(values) > MOST_VALUES:
        return f"{values[0]} to {values[-1]}"
    return " or ".join(values)


def _plural(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"
