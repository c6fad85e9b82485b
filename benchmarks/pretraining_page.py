"""The table of docs/pretraining.md and its picture, from results/pretraining.json."""

from statistics import mean, median
from typing import Any

from benchmarks.harness import ROOT
from benchmarks.tables import markdown
from scratchnn.report.figure import BLUE, FAINT, INK, VERMILION, save, style

MARKS = ("<!-- pretraining: written by benchmarks/pretraining.py -->", "<!-- end of pretraining -->")
PICTURE = ROOT / "docs" / "pretraining.svg"
GOAL = 90.0  # % of the test reviews, as the mean of five seeds


def table(results: dict[str, Any]) -> str:
    """A row for each number of passes, the verdict on the goal, and who measured it how."""
    found = {int(passes): part for passes, part in results["passes"].items()}
    rows = []
    for passes, part in found.items():
        percent = sorted(100 * each for each in part["accuracy"].values())
        minutes = median(part["seconds"].values()) / 60
        rows.append([str(passes), f"{mean(percent):.2f}", f"{percent[0]:.2f} to {percent[-1]:.2f}", f"{minutes:.1f}"])
    head = ["passes of reading first", "test accuracy, %, mean", "by seed", "minutes of one core"]
    means = {passes: 100 * mean(part["accuracy"].values()) for passes, part in found.items()}
    best = max(means, key=lambda passes: means[passes])
    verdict = "reached" if means[best] >= GOAL else f"missed by {GOAL - means[best]:.1f} points"
    seeds, machine = len(found[best]["accuracy"]), results["machine"]
    pairs = [found[best]["accuracy"][seed] - found[0]["accuracy"][seed] for seed in found[0]["accuracy"]]
    better = sum(each > 0 for each in pairs)
    packages = ", ".join(f"{name} {machine['packages'][name]}" for name in ("numpy", "numba", "scratchnn"))
    return "\n\n".join(
        [
            f"**The goal is {verdict}.** The best of these is {best} passes; it is above starting from scratch in "
            f"{better} of {seeds} seeds, by {100 * mean(pairs):.2f} points in the mean.",
            markdown(head, ["--:"] * 4, rows),
            f"`{results['command']}`, after the last epoch; minutes are the median of the seeds, on {machine['cpu']} "
            f"in use by others too. Python {machine['python']}, {packages}.",
        ]
    )


def draw(results: dict[str, Any]) -> None:
    """Accuracy over the passes: the seeds and their mean, with the goal above."""
    from matplotlib.figure import Figure

    passes = [int(each) for each in results["passes"]]
    percent = [[100 * each for each in part["accuracy"].values()] for part in results["passes"].values()]
    with style():
        figure = Figure(figsize=(6.4, 3.6), facecolor="white")
        axes = figure.subplots()
        for n, seeds in zip(passes, percent, strict=True):
            label = "a seed" if n == passes[0] else None
            axes.plot([n] * len(seeds), seeds, "o", color=BLUE, alpha=0.35, ms=5, mew=0, label=label)
        axes.plot(passes, [mean(seeds) for seeds in percent], "-o", color=BLUE, lw=2, label="mean of the seeds")
        axes.axhline(GOAL, color=VERMILION, lw=1, ls="--", label=f"goal, {GOAL:g}%")
        axes.set_xticks(passes)
        axes.set_xlabel("passes over the training reviews as a language model", color=INK)
        axes.set_ylabel("test accuracy, %", color=INK)
        axes.grid(axis="y", color=FAINT, lw=0.6)
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
        figure.tight_layout()
        save(figure, PICTURE)
