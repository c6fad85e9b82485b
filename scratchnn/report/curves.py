"""A metric, most often the accuracy, and the loss over the epochs."""

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, SupportsFloat

from scratchnn.report.best import best_epoch
from scratchnn.report.figure import BLUE, FAINT, GREY, INK, VERMILION, save, style, svg_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_curves(
    history: Mapping[str, Sequence[SupportsFloat]],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    metric: str = "accuracy",
) -> list[Path]:
    """Draw a metric and the loss, of training and validation, and return the files written.

    `history` has the keys of Keras, one number per epoch: accuracy, loss, val_accuracy, val_loss. Any may be missing,
    and numbers may be NaN. `path` without suffix gives an SVG and a PNG. The best epoch, that of the lowest val_loss,
    is marked in both panels; without val_loss none is.

    Raises:
        ValueError: if `history` has none of the keys, or no epoch.
        ImportError: without Matplotlib, naming the extra.
    """
    with style():
        return save(_figure_of(history, title, metric), path)


def svg_of_curves(history: Mapping[str, Sequence[SupportsFloat]], metric: str = "accuracy") -> str | None:
    """The same picture as the text of an SVG, for a notebook, which shows text instead where nothing can be drawn."""
    with suppress(ImportError), style():
        return svg_of(_figure_of(history, "", metric))
    return None


def _figure_of(history: Mapping[str, Sequence[SupportsFloat]], title: str, metric: str) -> "Figure":
    from matplotlib.figure import Figure

    keys = (metric, "loss", f"val_{metric}", "val_loss")
    curves = {key: [_finite(x) for x in history.get(key, [])] for key in keys}
    epochs = max(map(len, curves.values()))
    if epochs == 0:
        raise ValueError(f"history needs at least one epoch of {', '.join(keys)}, got the keys {sorted(history)}")
    best = best_epoch(history.get("val_loss", ()))
    panels = [what for what in (metric, "loss") if curves[what] or curves[f"val_{what}"]]
    share = len(panels) / 2
    figure = Figure(figsize=(10 * share, 4.4))
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    figure.subplots_adjust(left=0.06 / share, right=1 - 0.015 / share, bottom=0.125, top=0.81, wspace=0.16)
    for ax, what in zip(axes, panels, strict=True):
        _draw_panel(ax, what, curves[what], curves[f"val_{what}"], epochs, best)
    if title:
        figure.text(0.06 / share, 0.935, title, fontsize=14, fontweight="bold")
    lines = {
        line.get_label(): line for ax in axes for line in ax.get_lines() if line.get_label() in ("train", "validation")
    }
    figure.legend(
        list(lines.values()),
        list(lines),
        loc="upper right",
        bbox_to_anchor=(1 - 0.008 / share, 1.0),
        ncols=2,
        frameon=False,
        fontsize=11,
        handlelength=2.4,
    )
    return figure


def _draw_panel(
    ax: "Axes", what: str, train: list[float], validation: list[float], epochs: int, best: int | None
) -> None:
    marker = "o" if epochs <= 30 else ""
    for values, label, colour, dashes in ((train, "train", BLUE, "--"), (validation, "validation", VERMILION, "-")):
        if values:
            x = range(1, len(values) + 1)
            ax.plot(x, values, dashes, label=label, color=colour, linewidth=2, marker=marker, markersize=4)
    if best is not None:
        ax.axvline(best, color=GREY, linewidth=1, linestyle=(0, (1, 2)), zorder=0)
        if best <= len(validation) and math.isfinite(value := validation[best - 1]):
            ax.plot(
                [best], [value], "o", markersize=10, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.4
            )
            number = f"{value:.1%}" if _is_share(what) else f"{value:.3f}"
            shown = f"lowest validation loss {number}" if what == "loss" else f"validation {number}"
            # Above the panel, where no curve can be under it.
            ax.set_title(f"{shown} at best epoch {best}", loc="right", fontsize=10, color=GREY)
    dress_panel(ax, what, epochs)


def dress_panel(ax: "Axes", what: str, epochs: int) -> None:
    """Give a panel of `what` (a metric or "loss") over the epochs its title, axes and grid."""
    ax.set_title(what[:1].upper() + what[1:].replace("_", " "), loc="left", fontsize=11, fontweight="bold", color=INK)
    ax.set_xlabel("epoch")
    ax.set_xlim((0.5, 1.5) if epochs == 1 else (1 - 0.03 * (epochs - 1), epochs + 0.03 * (epochs - 1)))
    ax.set_xticks(_epoch_ticks(epochs))
    ax.grid(axis="y", color=FAINT, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0)
    ax.margins(y=0.12)
    if _is_share(what):
        ax.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.6g}%")


def _is_share(what: str) -> bool:
    """Whether it is read as a percentage."""
    return what == "acc" or what.endswith("accuracy")


def _epoch_ticks(epochs: int) -> list[int]:
    """Return the first epoch and at most ten round ones."""
    step = next(k * 10**power for power in range(20) for k in (1, 2, 5) if epochs <= 10 * k * 10**power)
    return sorted({1, *range(step, epochs + 1, step)})


def _finite(x: SupportsFloat) -> float:
    return float(x) if math.isfinite(x) else math.nan
