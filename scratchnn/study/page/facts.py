"""What all numbers of a page rest on, in one line: epochs, sizes, data, protocols, version of the code."""

from collections.abc import Mapping

from scratchnn.core.names import plural
from scratchnn.study.results import Reviews
from scratchnn.study.standing import WHEN
from scratchnn.study.statistics import Analysis
from scratchnn.study.wording import margin_in_words, one_or_more, settings_in_words


def facts(analysis: Analysis, reviews: Mapping[str, Reviews], code: Mapping[str, str]) -> list[str]:
    models = analysis.first.models
    seeds = sorted({len(model.seeds) for model in models if model.seeds})
    noun = analysis.first.noun
    used = sorted({run.test_set for model in models for run in model.runs})
    tested = one_or_more([f"{len(reviews[digest].y):,}" for digest in used])
    found = [
        f"{plural(len(models), 'model')}, {' or '.join(map(str, seeds)) or 'no'} seed{'s' * (seeds != [1])} each",
        *settings_in_words([model.settings for model in models], noun),
        *dict.fromkeys(each.source for each in reviews.values()),
        tested and f"tested on {tested} {noun}s (digest {', '.join(digest[:8] for digest in used)})",
        f"{' and '.join(WHEN[name] for name in analysis.by_protocol)}",
        f"equivalent means within {margin_in_words(analysis.margin)}",
        "code" in code and f"code {code['code']}",
    ]
    return [each for each in found if each]
