"""The figures with a row per model or pair: means with their intervals, under each protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scratchnn.report.figure import BLUE, GREEN, GREY, INK, VERMILION, save, style
from scratchnn.study.inference import Estimate
from scratchnn.study.page.figures import LETTER, WIDTH, plain, shorten
from scratchnn.study.pairs import Pair
from scratchnn.study.results import Protocol
from scratchnn.study.statistics import Statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PROTOCOL_NAMES: dict[Protocol, str] = {"last": "last epoch", "best": "best epoch"}
_COLOURS: dict[Protocol, str] = {"last": BLUE, "best": GREEN}
_MARKERS: dict[Protocol, str] = {"last": "o", "best": "s"}


def draw_accuracies(protocols: Sequence[Statistics], published: Mapping[str, float], path: Path) -> None:
    """Draw for each model a row per protocol: mean with its interval or range, every seed; and the published figure."""
    names = [model.name for model in protocols[0].models if model.accuracy]
    with style():
        from matplotlib.lines import Line2D

        found = [n for n, name in enumerate(names) if name in published]
        figure, ax, places = _rows(
            names, [each.protocol for each in protocols], 0.34, 2 if found or len(protocols) > 1 else 1
        )
        kinds = set()
        for statistics in protocols:
            protocol = statistics.protocol
            for model in statistics.models:
                if model.accuracy is None:
                    continue
                y = places[names.index(model.name), protocol]
                kinds.add(model.accuracy.is_range)
                ax.plot(
                    model.accuracies, [y + 0.2] * len(model.accuracies), _MARKERS[protocol], color=GREY, markersize=3.2,
                    alpha=0.55, markeredgewidth=0,
                )  # fmt: skip
                _interval(ax, y - 0.06, model.accuracy, protocol, f"{100 * model.accuracy.value:.1f}%")
        for n in found:
            y = sum(places[n, each.protocol] for each in protocols) / len(protocols) - 0.06
            ax.plot([published[names[n]]], [y], linestyle="", label="published", **_DIAMOND)
        ends = "95% or range" if len(kinds) > 1 else "range" if True in kinds else "95% interval"
        handles = [_handle(each.protocol, f"{PROTOCOL_NAMES[each.protocol]}, {ends}", kinds) for each in protocols]
        handles.append(Line2D([], [], color=GREY, marker="o", markersize=4, linestyle="", alpha=0.55, label="one seed"))
        if found:
            handles.append(Line2D([], [], linestyle="", label="published", **_DIAMOND))
        _legend(figure, handles)
        ax.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.6g}%")
        save(figure, path)


_DIAMOND = {
    "marker": "D", "markersize": 7, "markerfacecolor": "none", "markeredgecolor": VERMILION, "markeredgewidth": 1.6,
}  # fmt: skip


def draw_differences(pairs: Sequence[Mapping[Protocol, Pair]], path: Path) -> None:
    """Draw for each pair a row per protocol: how much more often the first is right, in percentage points."""
    protocols: list[Protocol] = list(dict.fromkeys(protocol for each in pairs for protocol in each))
    with style():
        names = [_over(next(iter(each.values()))) for each in pairs]
        figure, ax, places = _rows(names, protocols, 0.27, 1)
        ax.axvline(0, color=GREY, linewidth=1, zorder=0)
        kinds = set()
        for n, each in enumerate(pairs):
            for protocol, pair in each.items():
                d = pair.difference
                assert d is not None
                kinds.add(d.is_range)
                points = replace(d, value=100 * d.value, low=100 * d.low, high=100 * d.high)
                colour = None if d.low * d.high > 0 else GREY
                _interval(ax, places[n, protocol], points, protocol, signed(points.value, ".1f"), colour)
        ax.set_xlabel("percentage points")
        ax.xaxis.set_major_formatter(lambda x, _: signed(x, ".6g"))
        _legend(figure, [_handle(protocol, PROTOCOL_NAMES[protocol], kinds) for protocol in protocols])
        save(figure, path)


def _rows(names: Sequence[str], protocols: Sequence[Protocol], row: float, legend_lines: int) -> tuple:
    """A figure with a named group of rows per name, the first on top, and the place of each row. A row of one protocol
    is `row` inches high, that of a name by itself enough for two lines."""
    from matplotlib.figure import Figure

    each = len(protocols)
    top, bottom = 0.15 + 0.22 * legend_lines, 0.52
    step = max(each + 0.35 * (each > 1), 0.42 / row)
    height = top + bottom + row * step * max(1, len(names))
    labels = [shorten_lines(name) for name in names]
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    figure = Figure(figsize=(WIDTH, height))
    ax = figure.subplots()
    left = min(0.5, (0.15 + LETTER * longest) / WIDTH)
    figure.subplots_adjust(left=left, right=0.86, bottom=bottom / height, top=1 - top / height)
    ax.set_yticks([n * step + (each - 1) / 2 for n in range(len(names))], labels)
    ax.set_ylim(max(1, len(names)) * step - 0.5 - (step - each) / 2, -0.5 - (step - each) / 2)
    plain(ax, "x")
    ax.tick_params(axis="y", labelcolor=INK)
    ax.spines["left"].set_visible(False)
    ax.margins(x=0.06)
    places = {(n, protocol): n * step + k for n in range(len(names)) for k, protocol in enumerate(protocols)}
    return figure, ax, places


def shorten_lines(name: str) -> str:
    """The name as a label; a variant's settings get a line of their own, and what is too long is cut."""
    lines = name.split("\n") if "\n" in name else name.split(",", 1)
    return "\n".join(shorten(line) for line in lines)


def _over(pair: Pair) -> str:
    first, second = shorten(pair.first, 20), shorten(pair.second, 15)
    return f"{first} over {second}" if len(first) + len(second) < 17 else f"{first}\nover {second}"


def _interval(
    ax: "Axes", y: float, estimate: Estimate, protocol: Protocol, text: str, colour: str | None = None
) -> None:
    colour = _COLOURS[protocol] if colour is None else colour
    thickness = _thickness(estimate.is_range)
    ax.plot([estimate.low, estimate.high], [y, y], color=colour, linewidth=thickness, solid_capstyle="butt", alpha=0.8)
    ax.plot([estimate.value], [y], _MARKERS[protocol], color=colour, markersize=6.5)
    # The number is right of the panel, where no interval can be under it.
    ax.annotate(
        text, (1, y), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center", color=INK,
        fontweight="bold", annotation_clip=False,
    )  # fmt: skip


def _handle(protocol: Protocol, label: str, kinds: set[bool]) -> object:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], color=_COLOURS[protocol], marker=_MARKERS[protocol], markersize=6, label=label,
        linewidth=_thickness(kinds == {True}),
    )  # fmt: skip


def _legend(figure: "Figure", handles: list) -> None:
    figure.legend(
        handles=handles,
        loc="upper left",
        ncols=2,
        frameon=False,
        handlelength=1.6,
        columnspacing=1.0,
        borderaxespad=0.2,
    )


def _thickness(is_range: bool) -> float:
    """A range of seeds is thin, so that it is not taken for an interval."""
    return 1.3 if is_range else 3.4


def signed(x: float, digits: str) -> str:
    return format(x, "+" + digits).replace("-", "\N{MINUS SIGN}") if float(format(x, digits)) else "0"
