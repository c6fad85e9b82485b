"""From the folders of two studies to the figures, the tables and the small JSON in the repository.

    SCRATCHNN_DATA=<folder> python -m scratchnn.compare --arch ff rnn lstm cnn --seeds 20 --out <article>
    SCRATCHNN_DATA=<folder> python -m scratchnn.compare --arch <the other presets> --seeds 3 --out <others>
    python -m benchmarks.study <article> <others>

The article's four models are a study of their own, since every further pair of models makes the others less certain
(Holm). Written are benchmarks/results/imdb.json, docs/imdb/*.svg, and the tables of docs/imdb.md and README.md
(pages.py). No review is quoted in any of them.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks import pages
from benchmarks.harness import ROOT

FIGURES = ROOT / "docs" / "imdb"
ARTICLE_FIGURES = ("accuracies", "differences", "by-length", "by-unknown")
REVIEWS = 25_000  # of a test set of the real data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("article", type=Path, help="folder of the study of ff, rnn, lstm and cnn")
    parser.add_argument("others", type=Path, help="folder of the study of all other presets")
    args = parser.parse_args()
    results = {name: read(getattr(args, name)) for name in ("article", "others")}
    pages.IMDB.write_text(json.dumps(results, indent=1) + "\n")
    FIGURES.mkdir(exist_ok=True)
    for name in ARTICLE_FIGURES:
        shutil.copyfile(args.article / f"{name}.svg", FIGURES / f"{name}.svg")
    for folder, study in ((args.article, results["article"]), (args.others, results["others"])):
        for arch in study["models"]:
            shutil.copyfile(folder / f"curves-{arch}.svg", FIGURES / f"curves-{arch}.svg")
    pages.write()


def read(folder: Path) -> dict[str, Any]:
    """The summary of a study, or an error unless it is one of the real reviews without a run left out."""
    study = json.loads((folder / "summary.json").read_text())
    if study["left_out"]:
        raise SystemExit(f"{folder}: {study['left_out'][0]} is left out; a study with holes is not published")
    for test_set in study["test_sets"].values():
        if test_set["reviews"] != REVIEWS:
            raise SystemExit(f"{folder}: {test_set['reviews']} test reviews; these figures are about the real ones")
    for model in study["models"].values():  # what a figure shows is not repeated in the JSON
        for part in ("by_length", "by_unknown", "calibration"):
            (model["answers"] or {}).pop(part, None)
    return study


if __name__ == "__main__":
    main()
