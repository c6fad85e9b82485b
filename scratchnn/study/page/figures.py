"""The figures of a study, each saved as .svg and .png: narrow ones, to be read on a phone and put side by side."""

import math
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scratchnn.report.curves import dress_panel
from scratchnn.report.figure import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    VERMILION,
    save,
    style,
)  # fmt: skip
from scratchnn.study.breakdown import Calibration, Part
from scratchnn.study.inference import Estimate
from scratchnn.study.pairs import Pair
from scratchnn.study.results import Protocol, RunResult
from scratchnn.study.statistics import ModelStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE)
MARKERS = "osD^v"
LOOKS: Mapping[Protocol, tuple[str, str]] = {"last": (BLUE, "last epoch"), "best": (GREEN, "best epoch")}
_WIDTH = 4.0  # inches: 10 point letters have 10 pixels on a phone of 360
_ROW = 0.42
_LETTER = 0.08  # width of a letter, roughly


def draw_curves(runs: Sequence[RunResult], path: Path, title: str, limits: tuple[float, float] | None = None) -> None:
    """Draw accuracy above loss: every seed thin, their mean thick. `limits` are those of the accuracy."""
    epochs = max(len(values) for run in runs for values in run.history.values())
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(_WIDTH, 4.7))
        axes = figure.subplots(2, 1)
        figure.subplots_adjust(left=0.14, right=0.975, bottom=0.095, top=0.855, hspace=0.4)
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
            best = [run.tested["best"].epoch for run in runs if "best" in run.tested]
            if best and epochs > 1:
                ax.axvspan(min(best) - 0.25, max(best) + 0.25, color=GREEN, alpha=0.12, linewidth=0)
                ax.axvline(
                    float(np.median(best)), color=GREEN, linewidth=1.4, linestyle=(0, (1, 1.5)), label="best epoch"
                )
            dress_panel(ax, what, epochs)
        if limits is not None:
            axes[0].set_ylim(limits)
        figure.text(0.025, 0.945, shorten(title, 19), fontsize=13 if len(title) < 6 else 9, fontweight="bold")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="upper right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=3,
            frameon=False,
            handlelength=1.6,
            columnspacing=0.9,
            handletextpad=0.4,
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


def draw_accuracies(
    by_protocol: Mapping[Protocol, Sequence[ModelStatistics]], published: Mapping[str, float], path: Path
) -> None:
    """Draw one row per model: under each protocol mean with its interval or range and every seed; published figures."""
    names = list(dict.fromkeys(model.name for models in by_protocol.values() for model in models))
    kinds: set[bool] = set()
    with style():
        from matplotlib.lines import Line2D

        figure, ax = _rows([shorten(name) for name in names], legend=True, lines=len(by_protocol))
        for place, (protocol, models) in zip(_places(by_protocol), by_protocol.items(), strict=True):
            colour, _ = LOOKS[protocol]
            for model in models:
                y, accuracy = names.index(model.name) + place, model.accuracy
                assert accuracy is not None
                kinds.add(accuracy.is_range)
                seeds = model.accuracies
                ax.plot(seeds, [y + 0.15] * len(seeds), "o", color=GREY, markersize=3, alpha=0.5, markeredgewidth=0)
                _interval(ax, y, accuracy, colour, f"{100 * accuracy.value:.1f}%")
        told = [(y, published[name]) for y, name in enumerate(names) if name in published]
        for y, value in told:
            ax.plot(
                [value], [y], "D", markersize=6, markerfacecolor="none", markeredgecolor=VERMILION, markeredgewidth=1.6
            )
        ends = "95%/range" if len(kinds) > 1 else "range" if True in kinds else "95%"
        handles = [
            Line2D(
                [], [], color=colour, marker="o", markersize=5, linewidth=_thickness(kinds == {True}),
                label=f"{name}, {ends}" if len(by_protocol) > 1 else f"mean, {ends}",
            )
            for colour, name in (LOOKS[protocol] for protocol in by_protocol)
        ]  # fmt: skip
        if len(by_protocol) == 1:
            handles.append(Line2D([], [], color=GREY, marker="o", markersize=4, linestyle="", alpha=0.5, label="seed"))
        if told:
            handles.append(
                Line2D(
                    [], [], marker="D", markersize=6, linestyle="", markerfacecolor="none",
                    markeredgecolor=VERMILION, markeredgewidth=1.6, label="published",
                )
            )  # fmt: skip
        figure.legend(
            handles=handles, loc="upper left", ncols=3, frameon=False, handlelength=1.3, columnspacing=0.8,
            handletextpad=0.4, borderaxespad=0.2,
        )  # fmt: skip
        ax.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.6g}%")
        save(figure, path)


def draw_differences(by_protocol: Mapping[Protocol, Sequence[Pair]], path: Path) -> None:
    """Draw one row per pair: how much more often the first is right, in points, under each protocol."""
    first = next(iter(by_protocol.values()))
    names = [(pair.first, pair.second) for pair in first]
    with style():
        from matplotlib.lines import Line2D

        figure, ax = _rows([_over(pair) for pair in first], legend=len(by_protocol) > 1, lines=len(by_protocol), x=True)
        ax.axvline(0, color=GREY, linewidth=1, zorder=0)
        for place, (protocol, pairs) in zip(_places(by_protocol), by_protocol.items(), strict=True):
            for pair in pairs:
                d = pair.difference
                assert d is not None
                points = replace(d, value=100 * d.value, low=100 * d.low, high=100 * d.high)
                colour = LOOKS[protocol][0] if d.low * d.high > 0 else GREY
                y = names.index((pair.first, pair.second)) + place
                _interval(ax, y, points, colour, _signed(points.value, ".1f"))
        if len(by_protocol) > 1:
            looks = [LOOKS[protocol] for protocol in by_protocol]
            handles = [Line2D([], [], color=colour, marker="o", linewidth=2.5, label=name) for colour, name in looks]
            figure.legend(handles=handles, loc="upper left", ncols=2, frameon=False, handlelength=1.5)
        ax.set_xlabel("percentage points")
        ax.xaxis.set_major_formatter(lambda x, _: _signed(x, ".6g"))
        save(figure, path)


def draw_parts(models: Mapping[str, Sequence[Part]], path: Path, xlabel: str, name: Callable[[float], str]) -> None:
    """Draw accuracy over the parts of the reviews: a line per model, from the worst to the best seed a band."""
    with style():
        from matplotlib.figure import Figure

        names = {arch: shorten(arch) for arch in models}
        columns = max(1, int(_WIDTH / (0.55 + _LETTER * max(map(len, names.values())))))
        legend_rows = math.ceil(len(models) / columns)
        height = 2.8 + 0.22 * legend_rows
        figure = Figure(figsize=(_WIDTH, height))
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
        _plain(ax, "y")
        figure.legend(
            loc="upper left", ncols=columns, frameon=False, handlelength=1.8, columnspacing=1.2, borderaxespad=0.2
        )
        save(figure, path)


def draw_calibration(calibration: Calibration, path: Path) -> None:
    """Draw how often answers of each probability come true; the area of a dot is the number of answers."""
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(3.6, 3.2))
        ax = figure.subplots()
        figure.subplots_adjust(left=0.21, right=0.95, bottom=0.15, top=0.97)
        ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (1, 2)))
        p, positive = ([getattr(each, key) for each in calibration.bins] for key in ("probability", "positive"))
        most = max(each.answers for each in calibration.bins)
        ax.plot(p, positive, color=BLUE, linewidth=1.6)
        ax.scatter(p, positive, [12 + 130 * each.answers / most for each in calibration.bins], color=BLUE, zorder=3)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="probability given", ylabel="share positive")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_ticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        _plain(ax, "both")
        save(figure, path)


def _places(protocols: Sized) -> tuple[float, ...]:
    """Where in its row the line of each protocol is."""
    return (-0.24, 0.2) if len(protocols) == 2 else (-0.06,)


def _rows(labels: Sequence[str], *, legend: bool, lines: int, x: bool = False) -> tuple:
    """A figure with one named row per label, the first on top. `lines`: in each row; `x`: there is an xlabel."""
    from matplotlib.figure import Figure

    top, bottom = 0.42 if legend else 0.12, 0.52 if x else 0.34
    height = top + bottom + _ROW * (1.4 if lines > 1 else 1) * max(1, len(labels))
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    figure = Figure(figsize=(_WIDTH, height))
    ax = figure.subplots()
    left = min(0.5, (0.15 + _LETTER * longest) / _WIDTH)
    figure.subplots_adjust(left=left, right=0.86, bottom=bottom / height, top=1 - top / height)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(max(1, len(labels)) - 0.5, -0.5)
    _plain(ax, "x")
    ax.tick_params(axis="y", labelcolor=INK)
    ax.spines["left"].set_visible(False)
    ax.margins(x=0.06)
    return figure, ax


def shorten(name: str, most: int = 22) -> str:
    """Cut a name that no figure has room for."""
    return name if len(name) <= most else name[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _over(pair: Pair) -> str:
    first, second = shorten(pair.first, 18), shorten(pair.second, 18)
    return f"{first} over {second}" if len(first) + len(second) < 17 else f"{first}\nover {second}"


def _interval(ax: "Axes", y: float | int, estimate: Estimate, colour: str, text: str) -> None:
    thickness = _thickness(estimate.is_range)
    ax.plot([estimate.low, estimate.high], [y, y], color=colour, linewidth=thickness, solid_capstyle="butt", alpha=0.8)
    ax.plot([estimate.value], [y], "o", color=colour, markersize=7)
    # The number is right of the panel, where no interval can be under it.
    ax.annotate(
        text, (1, y), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center", color=INK,
        fontweight="bold", annotation_clip=False,
    )  # fmt: skip


def _thickness(is_range: bool) -> float:
    """A range of seeds is thin, so that it is not taken for an interval."""
    return 1.3 if is_range else 3.4


def _signed(x: float, digits: str) -> str:
    return format(x, "+" + digits).replace("-", "\N{MINUS SIGN}") if float(format(x, digits)) else "0"


def _plain(ax: "Axes", grid: str) -> None:
    ax.grid(axis=grid, color=FAINT, linewidth=0.8)  # type: ignore[arg-type]
    ax.set_axisbelow(True)
    ax.tick_params(length=0)


def _mean_curve(curves: Sequence[np.ndarray]) -> list[float]:
    """The mean over the seeds that got this far, epoch by epoch."""
    longest = max(map(len, curves))
    values = [[curve[t] for curve in curves if t < len(curve) and math.isfinite(curve[t])] for t in range(longest)]
    return [float(np.mean(each)) if each else math.nan for each in values]
