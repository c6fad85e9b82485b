"""The figures of a study, each saved as .svg and .png: narrow ones, to be read on a phone and put side by side."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scratchnn.report.curves import dress_panel
from scratchnn.report.figure import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    save,
    style,
)  # fmt: skip
from scratchnn.study.breakdown import Calibration, Part
from scratchnn.study.one_model import ModelStatistics
from scratchnn.study.results import RunResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE)
MARKERS = "osD^v"
WIDTH = 4.0  # inches: 10 point letters have 10 pixels on a phone of 360
LETTER = 0.08  # width of a letter, roughly


def draw_curves(
    runs: Sequence[RunResult],
    path: Path,
    title: str,
    limits: tuple[float, float] | None = None,
    best: float = math.nan,
) -> None:
    """Draw accuracy above loss: every seed thin, their mean thick.

    Args:
        limits: those of the accuracy.
        best: the epoch of the lowest validation loss, marked where there is one.
    """
    epochs = max(len(values) for run in runs for values in run.history.values())
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, 4.9))
        axes = figure.subplots(2, 1)
        figure.subplots_adjust(left=0.14, right=0.975, bottom=0.09, top=0.82, hspace=0.4)
        for ax, what in zip(axes, ("accuracy", "loss"), strict=True):
            for key, label, colour, dashes in (
                (what, "train", BLUE, (0, (4, 1.5))),
                ("val_" + what, "validation", VERMILION, "-"),
            ):
                curves = [np.array(run.history[key], float) for run in runs if run.history.get(key)]
                for curve in curves if len(curves) > 1 else []:
                    ax.plot(range(1, len(curve) + 1), curve, color=colour, linewidth=0.7, alpha=0.35)
                if curves:
                    mean = _mean_curve(curves)
                    ax.plot(
                        range(1, len(mean) + 1),
                        mean,
                        color=colour,
                        linewidth=2.4,
                        linestyle=dashes,
                        label=label,
                        marker="o" if epochs == 1 else "",
                    )
            if math.isfinite(best):
                ax.axvline(best, color=GREEN, linewidth=1.4, linestyle=(0, (1, 1.5)), label="best epoch", zorder=1)
            dress_panel(ax, what, epochs)
        if limits is not None:
            axes[0].set_ylim(limits)
        figure.text(0.025, 0.95, shorten(title, 40), fontsize=13 if len(title) < 25 else 9, fontweight="bold")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(0.0, 0.945),
            ncols=3,
            frameon=False,
            handlelength=2.2,
            columnspacing=1.2,
        )
        save(figure, path)


def accuracy_limits(models: Sequence[ModelStatistics]) -> tuple[float, float] | None:
    """The same limits for every model's accuracy, so that panels can be compared."""
    keys = ("accuracy", "val_accuracy")
    values = [x for m in models for run in m.runs for key in keys for x in run.history.get(key, []) if math.isfinite(x)]
    if not values:
        return None
    low, high = min(values), max(values)
    margin = 0.04 * (high - low) or 0.01
    return low - margin, high + margin


def draw_parts(models: Mapping[str, Sequence[Part]], path: Path, xlabel: str, name: Callable[[float], str]) -> None:
    """Draw accuracy over the parts of the reviews: a line per model, from the worst to the best seed a band."""
    with style():
        from matplotlib.figure import Figure

        names = {arch: shorten(arch) for arch in models}
        columns = max(1, int(WIDTH / (0.55 + LETTER * max(map(len, names.values())))))
        legend_rows = math.ceil(len(models) / columns)
        height = 2.8 + 0.22 * legend_rows
        figure = Figure(figsize=(WIDTH, height))
        ax = figure.subplots()
        figure.subplots_adjust(left=0.14, right=0.975, bottom=0.5 / height, top=1 - (0.1 + 0.22 * legend_rows) / height)
        for n, (arch, parts) in enumerate(models.items()):
            colour, x = COLOURS[n % len(COLOURS)], range(len(parts))
            marker = MARKERS[(n // len(COLOURS) + n) % len(MARKERS)]
            means = [float(np.mean(part.accuracies)) for part in parts]
            if len(parts[0].accuracies) > 1:
                low, high = ([end(part.accuracies) for part in parts] for end in (min, max))
                ax.fill_between(x, low, high, color=colour, alpha=0.14, linewidth=0)
            ax.plot(x, means, color=colour, linewidth=2, marker=marker, markersize=4.5, label=names[arch])
        parts = next(iter(models.values()))
        ax.set_xticks(range(len(parts)), [name(part.high) for part in parts], fontsize=9)
        ax.set_xlabel(xlabel)
        ax.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.6g}%")
        plain(ax, "y")
        figure.legend(
            loc="upper left", ncols=columns, frameon=False, handlelength=1.8, columnspacing=1.2, borderaxespad=0.2
        )
        save(figure, path)


def draw_calibration(calibration: Calibration, path: Path, comes_true: str) -> None:
    """Draw how often answers of each probability come true; the area of a dot is the number of answers."""
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(3.6, 3.2))
        ax = figure.subplots()
        figure.subplots_adjust(left=0.21, right=0.95, bottom=0.15, top=0.97)
        ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (1, 2)))
        p, true = ([getattr(each, key) for each in calibration.bins] for key in ("probability", "true"))
        most = max(each.answers for each in calibration.bins)
        ax.plot(p, true, color=BLUE, linewidth=1.6)
        ax.scatter(p, true, [12 + 130 * each.answers / most for each in calibration.bins], color=BLUE, zorder=3)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="probability given", ylabel=comes_true)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_ticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        plain(ax, "both")
        save(figure, path)


def shorten(name: str, most: int = 22) -> str:
    """Cut a name that no figure has room for."""
    return name if len(name) <= most else name[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def plain(ax: "Axes", grid: str) -> None:
    ax.grid(axis=grid, color=FAINT, linewidth=0.8)  # type: ignore[arg-type]
    ax.set_axisbelow(True)
    ax.tick_params(length=0)


def _mean_curve(curves: Sequence[np.ndarray]) -> list[float]:
    """The mean over the seeds that got this far, epoch by epoch."""
    longest = max(map(len, curves))
    values = [[curve[t] for curve in curves if t < len(curve) and math.isfinite(curve[t])] for t in range(longest)]
    return [float(np.mean(each)) if each else math.nan for each in values]
