"""One page that shows a study: report.html, readable offline, with its figures and numbers as files beside it."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from scratchnn.core.extras import extra
from scratchnn.core.files.atomic import write_atomically
from scratchnn.data import imdb
from scratchnn.data.encoder import REVIEW_CLASSES
from scratchnn.experiments.presets import Preset
from scratchnn.study.inference import LEAST_SEEDS
from scratchnn.study.page.environment import environment
from scratchnn.study.page.facts import facts
from scratchnn.study.page.summary import summary
from scratchnn.study.pairs import MARGIN
from scratchnn.study.results import Reviews, RunResult
from scratchnn.study.statistics import analyse
from scratchnn.study.verdict import verdict
from scratchnn.study.wording import margin_in_words

with extra("study", "the page of a comparison"):
    from scratchnn.study.page.gallery import by_test_set, draw_gallery, in_order
    from scratchnn.study.page.render import render

__all__ = ["write"]


def write(
    folder: str | os.PathLike[str],
    results: Sequence[RunResult],
    reviews: Mapping[str, Reviews],
    published: Mapping[str, float] | None = None,
    *,
    code: Mapping[str, str] | None = None,
    margin: float = MARGIN,
    presets: Mapping[str, Preset] | None = None,
) -> Path:
    """Write report.html, summary.json and the figures as .svg and .png into `folder`; return the path of the page.

    Equal runs give equal files, whatever their order and whenever they were made, except the part of the page and of
    summary.json that holds times. The page quotes reviews: it is for readers who have the data, not for publication.

    Args:
        reviews: by their digest, `RunResult.test_set`.
        published: model -> published test accuracy, shown next to ours: of those models only that have the data and the
            settings that were published.
        code: the version of the code that trained the models (`code_version`), where it is known.
        margin: as for `analyse`.
        presets: those of your own, by name, and those whose layers are fitted to classes, so that they can be drawn.

    Raises:
        ValueError: if runs contradict each other or their reviews, or a model's name is no file name.
        OSError: if `folder` cannot be written to.
    """
    for run in results:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.,=-]*", run.model):
            raise ValueError(
                f"a model's name must be letters, digits, '_', '.', ',', '=' or '-', to be part of a file's name, "
                f"got {run.model!r}"
            )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = {run.model for run in results}
    published = {name: accuracy for name, accuracy in (published or {}).items() if name in names}
    code = {} if code is None else code
    analysis = analyse(results, reviews, margin=margin)
    words, here = verdict(analysis), environment()
    numbers = summary(analysis, reviews, words, published, code, here)
    text = json.dumps(numbers, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    about = next(iter(reviews.values()), None)  # they are of one kind
    synthetic = any(run.settings.get("synthetic") for run in results)
    page = render(
        analysis=analysis,
        models=analysis.first.models,
        facts=facts(analysis, reviews, code),
        pairs=in_order(analysis),
        test_sets={name: by_test_set(each.models) for name, each in analysis.by_protocol.items()},
        reviews=reviews,
        verdict=words.split("\n\n"),
        published=published,
        figures=draw_gallery(
            folder, analysis, published, presets or {}, REVIEW_CLASSES if about is None else about.classes
        ),
        environment=here | {name: value for name, value in code.items() if name not in here and value is not None},
        least_seeds=LEAST_SEEDS,
        margin=margin_in_words(margin),
        citation=imdb.CITATION,
        classes=REVIEW_CLASSES if about is None else about.classes,
        has_words=about is None or about.noun != "example",
        noun="review" if about is None else about.noun,
        source="IMDB reviews" if about is None else about.source,
        synthetic=synthetic,
    )
    write_atomically(folder / "summary.json", [text.encode("utf-8")])
    path = folder / "report.html"
    write_atomically(path, [page.encode("utf-8")])
    return path
