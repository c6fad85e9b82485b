"""One page that shows a study: report.html, readable offline, with its figures and numbers as files beside it."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from scratchnn.core.files.atomic import write_atomically
from scratchnn.data import imdb
from scratchnn.experiments.presets import Preset
from scratchnn.study.inference import LEAST_SEEDS
from scratchnn.study.page.environment import environment
from scratchnn.study.page.gallery import draw_gallery
from scratchnn.study.page.render import render
from scratchnn.study.page.summary import about, summary
from scratchnn.study.pairs import MARGIN
from scratchnn.study.results import Reviews, RunResult
from scratchnn.study.statistics import analyse
from scratchnn.study.verdict import verdict

__all__ = ["NAME", "write"]

NAME = r"[A-Za-z0-9][A-Za-z0-9_.,=-]*"  # of a model


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
        published: model -> published test accuracy, shown next to ours.
        code: the version of the code, as `code_version` gives it.
        margin: see `analyse`.
        presets: by name, those of your own, for the drawings of their layers.

    Raises:
        ValueError: if runs contradict each other or their reviews, or a model's name is no file name.
        OSError: if `folder` cannot be written to.
    """
    for run in results:
        if not re.fullmatch(NAME, run.model):
            raise ValueError(
                "a model's name must be of letters, digits and '_.,=-', since files are named after it, "
                f"got {run.model!r}"
            )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    published = {} if published is None else published
    analysis = analyse(results, reviews, margin=margin)
    words, here = verdict(analysis), environment()
    numbers = summary(analysis, reviews, words, published, code or {}, here)
    text = json.dumps(numbers, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    page = render(
        analysis=analysis,
        reviews=reviews,
        verdict=words,
        about=about(analysis),
        published=published,
        code=code or {},
        figures=draw_gallery(folder, analysis, published, presets or {}),
        environment=here,
        least_seeds=LEAST_SEEDS,
        citation=imdb.CITATION,
        synthetic=any(run.settings.get("synthetic") for run in results),
    )
    write_atomically(folder / "summary.json", [text.encode("utf-8")])
    path = folder / "report.html"
    write_atomically(path, [page.encode("utf-8")])
    return path
