"""From the folders of two studies to the figures, the tables and the small JSON that stand in the repository.

    SCRATCHNN_DATA=<folder> python -m scratchnn.compare --arch ff rnn lstm cnn --seeds 20 --out <article>
    SCRATCHNN_DATA=<folder> python -m scratchnn.compare --arch <the other presets> --seeds 3 --out <others>
    python -m benchmarks.study <article> <others>

The article's four models are a study of their own, since every further pair of models takes certainty from the others
(Holm). Written are benchmarks/results/imdb.json, docs/imdb/*.svg, and the tables of docs/imdb.md and README.md, where
Keras' own figures (accuracy.py) and seconds (bench.py) stand beside ours. No review is quoted in any of them.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks import accuracy, tables
from benchmarks.harness import ROOT, SPEED_RESULTS

RESULTS = Path(__file__).parent / "results" / "imdb.json"
README, PAGE, FIGURES = ROOT / "README.md", ROOT / "docs" / "imdb.md", ROOT / "docs" / "imdb"
ARTICLE_FIGURES = ("accuracies", "differences", "by-length", "by-unknown")
REVIEWS = 25_000  # of a test set of the real data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("article", type=Path, help="folder of the study of ff, rnn, lstm and cnn")
    parser.add_argument("others", type=Path, help="folder of the study of all other presets")
    args = parser.parse_args()
    results = {name: read(getattr(args, name)) for name in ("article", "others")}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    FIGURES.mkdir(exist_ok=True)
    for name in ARTICLE_FIGURES:
        shutil.copyfile(args.article / f"{name}.svg", FIGURES / f"{name}.svg")
    for folder, study in ((args.article, results["article"]), (args.others, results["others"])):
        for arch in study["models"]:
            shutil.copyfile(folder / f"curves-{arch}.svg", FIGURES / f"curves-{arch}.svg")
    README.write_text(tables.with_table(README.read_text(), tables.ACCURACY, headline(results)))
    PAGE.write_text(tables.with_table(PAGE.read_text(), tables.STUDY, page_tables(results)))


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


def headline(results: dict[str, Any]) -> str:
    """README's table: ours with interval, the published figure, Keras', and the seconds of an epoch."""
    keras = json.loads(accuracy.RESULTS.read_text())["runs"]
    speed = json.loads(SPEED_RESULTS.read_text())["workloads"] if SPEED_RESULTS.exists() else {}
    rows = []
    for arch, model in results["article"]["models"].items():
        theirs = [run["test_accuracy"] for run in keras if run["arch"] == arch]
        rows.append([f"`{arch}`", f"{model['parameters']:,}", digits(model["published"]), estimate(model)])
        rows[-1] += [f"{mean(theirs):.3f} ({len(theirs)})" if theirs else "", *seconds(speed.get(arch))]
    head = ["model", "parameters", "published", "scratchnn: mean of 20 seeds [95%]", "Keras (seeds)"]
    return tables.markdown([*head, "s/epoch, ours", "Keras"], ["---", "--:", "--:", "---", "---", "--:", "--:"], rows)


def page_tables(results: dict[str, Any]) -> str:
    """All tables of docs/imdb.md, and the verdict above them."""
    article, others = results["article"], results["others"]
    parts = [f"> {article['verdict']}", models(article), pairs(article)]
    return "\n\n".join([*parts, "The other presets, three seeds each:", models(others)])


def models(study: dict[str, Any]) -> str:
    rows = []
    for arch, model in study["models"].items():
        accuracies = [run["accuracy"] for run in model["seeds"].values()]
        rows.append([f"`{arch}`", f"{model['parameters']:,}", digits(model["published"]), estimate(model)])
        rows[-1] += [f"{min(accuracies):.3f} to {max(accuracies):.3f}", digits(model["answers"]["without_repeats"])]
        rows[-1] += [f"{model['best_validation_accuracy']:.3f}", f"{model['lowest_validation_loss_after']:g}"]
    head = ["model", "parameters", "published", "test accuracy [95%]", "seeds", "without repeats"]
    head += ["best validation accuracy", "lowest validation loss after epoch"]
    return tables.markdown(head, ["---", "--:", "--:", "---", "---", "--:", "--:", "--:"], rows)


def pairs(study: dict[str, Any]) -> str:
    rows = []
    for pair in study["pairs"]:
        difference = pair["difference"]
        if difference["value"] < 0:
            pair = pair | {"first": pair["second"], "second": pair["first"]}
            difference = {"value": -difference["value"], "low": -difference["high"], "high": -difference["low"]}
        points = [f"{100 * difference[key]:.2f}" for key in ("value", "low", "high")]
        cells = [f"`{pair['first']}` over `{pair['second']}`", f"{points[0]} [{points[1]}, {points[2]}]"]
        rows.append((difference["value"], [*cells, p_value(pair["p_holm"]), p_value(pair["mcnemar_holm"])]))
    head = ["pair", "points of accuracy [95%]", "p, sign flips (Holm)", "p, McNemar (Holm)"]
    in_order = [cells for _, cells in sorted(rows, key=lambda row: -row[0])]
    return tables.markdown(head, ["---", "---", "--:", "--:"], in_order)


def estimate(model: dict[str, Any]) -> str:
    accuracy = model["accuracy"]
    return f"**{accuracy['value']:.3f}** [{accuracy['low']:.3f}, {accuracy['high']:.3f}]"


def seconds(workload: dict[str, Any] | None) -> list[str]:
    """The median epoch of ours and of Keras, from the speed benchmark."""
    if workload is None:
        return ["", ""]
    found = (workload["contenders"].get(name) for name in tables.COLUMNS["scratchnn"] + tables.COLUMNS["Keras"])
    return ["" if each is None else f"{each['epoch']['median']:.2f}" for each in found]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def digits(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def p_value(p: float | None) -> str:
    return "" if p is None else f"{p:.1e}" if p < 0.001 else f"{p:.3f}"


if __name__ == "__main__":
    main()
