"""The layers of a model as boxes from top to bottom, with the shapes on the arrows between them."""

import os
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchnn.core.attributes import heeds_keras_in
from scratchnn.report.figure import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, VERMILION, save, style, svg_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Shape = tuple[int | None, ...]  # without a fixed batch size: (None, 100, 16)


@dataclass(frozen=True)
class LayerRow:
    """What the diagram shows of one layer."""

    name: str  # "lstm_1"
    kind: str  # "LSTM"
    detail: str  # "32 units, tanh / sigmoid"
    output_shape: Shape
    params: int


# All lengths are points, 1/72 inch; y points down.
_MARGIN, _PAD, _GAP = 24.0, 12.0, 36.0
_LINE, _TITLE = 15.0, 30.0
_MIN_WIDTH, _STRIPE, _LOOP = 280.0, 6.0, 30.0
_WRAP = 64  # characters of a detail per line

# The first word found in the kind of a layer decides.
_FAMILIES = (
    (("Embedding",), GREEN),
    (("RNN", "LSTM", "GRU", "Bidirectional"), BLUE),
    (("Pool",), ORANGE),  # before "Conv" and "Dense", so that no name is taken for two families
    (("Conv",), VERMILION),
    (("Dense",), PURPLE),
)
_OTHER = "#9aa5b1"
_RECURRENT = BLUE


def draw_model(
    rows: Sequence[LayerRow],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    input_shape: Shape | None = None,
    show_shapes: bool = True,
    show_layer_names: bool = True,
    dpi: int = 150,
) -> list[Path]:
    """Draw one box per row and return the files written: an SVG and a PNG, or the one that the suffix of `path` names.

    Raises:
        ValueError: if there are no rows.
    """
    with style():
        return save(_figure_of(rows, title, input_shape, show_shapes, show_layer_names), path, dpi)


def svg_of_model(model: Any) -> str | None:
    """The diagram of a built model as the text of an SVG, for a notebook, which shows text instead where nothing can
    be drawn."""
    with suppress(ImportError), style():
        return svg_of(_figure_of(rows_of(model), getattr(model, "name", None) or "", model.input_shape, True, True))
    return None


def _figure_of(
    rows: Sequence[LayerRow], title: str, input_shape: Shape | None, show_shapes: bool, show_layer_names: bool
) -> "Figure":
    if not rows:
        raise ValueError("a diagram needs at least one layer, got none")
    details = [textwrap.wrap(row.detail, _WRAP) for row in rows]
    from matplotlib.figure import Figure

    total = f"{sum(row.params for row in rows):,} parameters in all"
    width = max(
        _MIN_WIDTH,
        _text_width(title, 14, bold=True) - 2 * _LOOP,
        *(_box_width(row, lines, show_layer_names) for row, lines in zip(rows, details, strict=True)),
    )
    heights = [2 * _PAD + 11 + _LINE * len(lines) for lines in details]
    top = _MARGIN + (_TITLE if title else 0)
    height = top + _LINE + _GAP + sum(heights) + _GAP * len(rows) + 3 * _LINE + _MARGIN
    figure_width = 2 * (_MARGIN + _LOOP) + width
    figure = Figure(figsize=(figure_width / 72, height / 72))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set_xlim(0, figure_width)
    ax.set_ylim(height, 0)
    left, middle = _MARGIN + _LOOP, figure_width / 2
    if title:
        ax.text(middle, _MARGIN, title, fontsize=14, fontweight="bold", ha="center", va="top")
    y = top + _LINE
    ax.text(middle, y - 3, "input", color=GREY, ha="center", va="bottom")
    shape = input_shape
    for row, lines, box_height in zip(rows, details, heights, strict=True):
        _draw_arrow(ax, middle, y, y + _GAP, shape if show_shapes else None)
        y += _GAP
        _draw_box(ax, row, lines, (left, y, width, box_height), show_layer_names)
        if _colour(row.kind) == _RECURRENT:
            _draw_loop(ax, left + width, y, box_height, _steps(shape))
        y += box_height
        shape = row.output_shape
    _draw_arrow(ax, middle, y, y + _GAP, shape if show_shapes else None)
    ax.text(middle, y + _GAP + 3, "output", color=GREY, ha="center", va="top")
    ax.text(middle, height - _MARGIN, total, fontweight="bold", ha="center", va="bottom")
    return figure


@heeds_keras_in("plot_model")
def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = True,
    *,
    show_layer_names: bool = True,
    dpi: int = 200,
) -> list[Path]:
    """Draw a built model into `to_file`, in Keras' spelling. A notebook shows the picture."""
    return draw_model(
        rows_of(model),
        to_file,
        title=getattr(model, "name", None) or "",
        input_shape=model.input_shape,
        show_shapes=show_shapes,
        show_layer_names=show_layer_names,
        dpi=dpi,
    )


def rows_of(model: Any) -> list[LayerRow]:
    """Return what the diagram shows of each layer of a built model."""
    rows = []
    for layer in model.layers:
        params, trained = layer.count_params(), layer.count_trainable() if model.trainable else 0
        frozen = "" if trained == params else "partly frozen" if trained else "frozen"
        detail = ", ".join(filter(None, [layer.describe(), frozen]))
        rows.append(LayerRow(layer.name, type(layer).__name__, detail, tuple(layer.output_shape), params))
    return rows


def shape_text(shape: Shape) -> str:
    """Return (None, 100, 16) as "(B, 100, 16)": B for the batch, T for a number of steps that is not fixed."""
    letters = ["B", "T", *"?" * len(shape)]
    sizes = [letters[i] if size is None else str(size) for i, size in enumerate(shape)]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _steps(shape: Shape | None) -> str:
    """Return how often a recurrent layer that reads `shape` repeats."""
    steps = shape[1] if shape is not None and len(shape) == 3 else None
    return "each step" if steps is None else f"{steps:,} steps"


def _colour(kind: str) -> str:
    return next((colour for words, colour in _FAMILIES if any(word in kind for word in words)), _OTHER)


def _params_text(row: LayerRow) -> str:
    return f"{row.params:,} params" if row.params else "no params"


def _text_width(text: str, size: int, *, bold: bool = False) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not text.strip():
        return 0.0
    return (
        TextPath((0, 0), text, size=size, prop=FontProperties(weight="bold" if bold else "normal")).get_extents().width
    )


def _box_width(row: LayerRow, lines: list[str], show_name: bool) -> float:
    first = _text_width(row.kind, 12, bold=True) + _text_width(_params_text(row), 10) + 5 * _PAD
    first += _text_width(row.name, 10) if show_name else 0.0
    return max(first, *(_text_width(line, 10) + 2 * _PAD for line in lines), 0.0) + _STRIPE


def _draw_box(
    ax: "Axes", row: LayerRow, lines: list[str], box: tuple[float, float, float, float], show_name: bool
) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import FancyBboxPatch, Rectangle

    x, y, width, height = box
    colour = _colour(row.kind)
    tint = tuple(0.9 + 0.1 * c for c in to_rgb(colour))  # a tenth of the colour, on white
    outline = FancyBboxPatch(
        (x, y), width, height, boxstyle="round,pad=0,rounding_size=5", facecolor=tint, edgecolor=colour, linewidth=1.2
    )
    ax.add_patch(outline)
    stripe = Rectangle((x, y), _STRIPE, height, facecolor=colour, edgecolor="none")
    ax.add_patch(stripe)
    stripe.set_clip_path(outline)
    text_x = x + _STRIPE + _PAD
    baseline = y + _PAD + 10
    ax.text(text_x, baseline, row.kind, fontsize=12, fontweight="bold", color=INK)
    if show_name:
        ax.text(text_x + _text_width(row.kind, 12, bold=True) + _PAD, baseline, row.name, color=GREY)
    ax.text(x + width - _PAD, baseline, _params_text(row), color=INK if row.params else GREY, ha="right")
    for i, line in enumerate(lines, start=1):
        ax.text(text_x, baseline + i * _LINE, line, color=GREY)


def _draw_arrow(ax: "Axes", x: float, y: float, y_end: float, shape: Shape | None) -> None:
    from matplotlib.patches import FancyArrowPatch

    ax.add_patch(
        FancyArrowPatch(
            (x, y), (x, y_end), arrowstyle="-|>", mutation_scale=11, color=GREY, linewidth=1.2, shrinkA=2, shrinkB=1
        )
    )
    if shape is not None:
        ax.text(x + 9, (y + y_end) / 2 - 1, shape_text(shape), color=INK, va="center")


def _draw_loop(ax: "Axes", x: float, y: float, height: float, steps: str) -> None:
    """Draw the state that leaves a recurrent layer and enters it again."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    out, back, reach = y + 0.72 * height, y + 0.28 * height, x + _LOOP
    curve = Curve([(x, out), (reach, out + 6), (reach, back - 6), (x + 1, back)], [1, 4, 4, 4])
    ax.add_patch(
        FancyArrowPatch(path=curve, arrowstyle="-|>", mutation_scale=10, color=_RECURRENT, linewidth=1.4, fill=False)
    )
    ax.text(x + 0.9 * _LOOP, y + height / 2, steps, color=_RECURRENT, fontsize=9, va="center", rotation=90)
