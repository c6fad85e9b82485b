"""The studies of docs/imdb.md, conducted and published.

    SCRATCHNN_DATA=<folder> python -m benchmarks.study <folder> [names] [--budget 60m]
    SCRATCHNN_DATA=<folder> python -m benchmarks.study <folder> --write

The first form trains what is missing, each study of studies.py in a folder of its own; stopped at any time, or by its
budget, it goes on when the same command is given again. Then, and with --write only then, benchmarks/results/imdb.json,
docs/imdb/*.svg, docs/imdb.md and the table of README.md are written from what is there. No review is quoted in them.
"""

import argparse
import json
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import imdb_results, pages
from benchmarks.imdb_page import logs
from benchmarks.studies import PROTOCOLS, STUDIES, Study, by_name
from scratchnn.core.threads import cores
from scratchnn.experiments.presets import named
from scratchnn.experiments.settings import Settings
from scratchnn.report.console import Console
from scratchnn.study import page
from scratchnn.study.budget import Budget, parse
from scratchnn.study.code import code_version
from scratchnn.study.conduct import all_results, conduct
from scratchnn.study.folder import StudyFolder
from scratchnn.study.pool import Pool
from scratchnn.study.results import Reviews, RunResult
from scratchnn.study.reviews import FilmReviews
from scratchnn.study.tasks import plan

FIGURES = pages.ROOT / "docs" / "imdb"
# Of which studies which figures of their folder are shown; those of the best epochs alone begin with "best-".
SHOWN = {
    "article": r"(accuracies|differences|(best-)?by-(length|unknown)|curves(?!-linear)-[\w-]+)\.svg",
    "others": r"curves-[\w-]+\.svg",
    "smaller": r"curves-[\w-]+\.svg",
    "recurrent": r"curves-[\w-]+\.svg",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="where each study has a folder, new or to be continued")
    parser.add_argument("names", nargs="*", metavar="name", help="of the studies to conduct now (default: all)")
    parser.add_argument(
        "--budget", type=parse, default=None, metavar="TIME", help="such as 90s, 60m or 2h: about so long"
    )
    parser.add_argument("--write", action="store_true", help="train nothing, write what there is")
    args = parser.parse_args()
    if unknown := [name for name in args.names if name not in [study.name for study in STUDIES]]:
        parser.error(f"no study is called {unknown[0]!r}; there are {', '.join(study.name for study in STUDIES)}")
    if args.write and (args.names or args.budget):
        parser.error("--write trains nothing: leave out the names and --budget")
    left = 0 if args.write else conduct_all(args.folder, args.names, args.budget)
    publish(args.folder)
    if left:
        print(f"{left} runs are left; the same command goes on with them")


# ---- conducting


def conduct_all(root: Path, names: Sequence[str], budget: float | None) -> int:
    """Do what is missing, and return how many runs are left."""
    began, left = time.perf_counter(), 0
    for study in (by_name(name) for name in names or [study.name for study in STUDIES]):
        source = source_of(study)
        tasks = plan(study.variants(), range(study.seeds), source)
        folder = open_folder(study, root, source.digest)
        print(f"{study.name}: {study.question}", flush=True)
        with Pool(cores()) as pool:
            # Nothing is expected of a model until one of its runs has been timed.
            limit = None if budget is None else Budget(float(budget), began, lambda task: 0.0)
            conduct(tasks, folder, pool, Console(), False, limit)
        done = {result.key for result in folder.load_all()}
        left += sum(task.key not in done for task in tasks)
    return left


def source_of(study: Study) -> FilmReviews:
    """Its reviews; the generated ones only where it asks for them."""
    source = FilmReviews(None, study.synthetic)
    if source.found.is_synthetic and not study.synthetic:
        raise SystemExit(f"{study.name} is about the real reviews: SCRATCHNN_DATA names their folder")
    return source


def open_folder(study: Study, root: Path, digest: str) -> StudyFolder:
    chosen = {f"--{key.replace('_', '-')}": value for key, value in study.settings.items() if key != "synthetic"}
    common = {"data": digest, **code_version(Settings().backend), "protocols": list(PROTOCOLS), **chosen}
    return StudyFolder.open(root / study.name, common)


# ---- publishing


def publish(root: Path) -> None:
    """Write the pages from every study that has runs."""
    results: dict[str, list[RunResult]] = {}
    reviews: dict[str, Reviews] = {}
    summaries: dict[str, Any] = {}
    for study in (each for each in STUDIES if (root / each.name / "study.json").exists()):
        source = source_of(study)
        folder = open_folder(study, root, source.digest)
        keys = {task.key for task in plan(study.variants(), range(study.seeds), source)}
        runs = [run for run in all_results(folder) if run.key in keys]
        if runs:
            results[study.name] = runs
            about = source.describe(runs)
            reviews |= about
            code = code_version(Settings().backend)
            page.write(folder.path, runs, about, published_of(study), code=code)
            summaries[study.name] = json.loads((folder.path / "summary.json").read_text())
    ordered = imdb_results.order(results, reviews)
    content = imdb_results.collect(summaries, ordered, copy_figures(root, list(summaries)))
    pages.IMDB.write_text(imdb_results.text(content))
    if "longer" in summaries:
        logs.draw(content["studies"]["longer"], json.loads(pages.LOGS.read_text()), FIGURES / "published-logs.svg")
    pages.write()


def published_of(study: Study) -> dict[str, float]:
    """The published accuracy of those of its models that have the published settings and reviews."""
    found = {}
    for variant in study.variants():
        told = named(variant.preset.name).published
        alike = variant.preset.settings(**variant.chosen) == variant.preset.settings()
        if alike and told is not None and told.accuracy is not None:
            found[variant.name] = told.accuracy
    return found


def copy_figures(root: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """Put the figures that the page shows into docs/imdb, and return their names by study."""
    FIGURES.mkdir(exist_ok=True)
    for old in FIGURES.glob("*.svg"):
        old.unlink()
    found: dict[str, list[str]] = {}
    for name in (each for each in SHOWN if each in names):
        paths = [path for path in (root / name).glob("*.svg") if re.fullmatch(SHOWN[name], path.name)]
        for path in paths:
            shutil.copyfile(path, FIGURES / path.name)
        found[name] = [path.name for path in paths]
    return found


if __name__ == "__main__":
    main()
