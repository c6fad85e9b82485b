"""What the figures share: one style, colours that colour-blind readers can tell apart, equal bytes each time."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scratchnn.core.extras import extra
from scratchnn.core.files.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, GREY, FAINT = "#1f2933", "#616e7c", "#d5dae0"
# Okabe and Ito, "Color Universal Design", 2008
BLUE, VERMILION, GREEN, ORANGE, PURPLE = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7"

_MAX_PIXELS = 2**15 - 1  # of one side; many viewers open no more, Matplotlib itself draws twice as many


@contextmanager
def style() -> Iterator[None]:
    """Draw and save in here: Matplotlib's defaults and ours, whatever the user's matplotlibrc says, restored after."""
    with extra("plots", "drawing"):
        import matplotlib.style

    ours = {
        "svg.fonttype": "none",  # text stays text: it can be searched, copied and read aloud
        "svg.hashsalt": "scratchnn",  # else the ids in an SVG are random
        "font.size": 10,
        "text.color": INK,
        "axes.formatter.useoffset": False,  # else numbers that are near each other are what is to be added to one
        "text.parse_math": False,  # a $ in a layer's name is a $
        "axes.edgecolor": FAINT,
        "axes.labelcolor": GREY,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelcolor": GREY,
        "ytick.labelcolor": GREY,
    }
    with matplotlib.style.context(["default", ours]):
        yield


class Pictures(list[Path]):
    """The files of one picture, which a notebook shows itself where they are the value of a cell."""

    def _repr_svg_(self) -> str | None:
        return next((path.read_text(encoding="utf-8") for path in self if path.suffix == ".svg"), None)

    def _repr_png_(self) -> bytes | None:
        return next((path.read_bytes() for path in self if path.suffix == ".png"), None)


def svg_of(figure: "Figure") -> str:
    """The picture as the text of an SVG, for a notebook."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue().decode()


def save(figure: "Figure", path: str | os.PathLike[str], dpi: int = 150) -> Pictures:
    """Write `figure` as the suffix of `path` says (.svg, .png, .pdf), or as .svg and .png when it has none of these."""
    path = Path(path)
    suffixes = [path.suffix] if path.suffix in (".svg", ".png", ".pdf") else [".svg", ".png"]
    stem = path.with_suffix("") if path.suffix == suffixes[0] else path
    fitting_dpi = min(dpi, _MAX_PIXELS / max(figure.get_size_inches()))
    written = Pictures()
    for suffix in suffixes:
        stream = io.BytesIO()
        dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}[suffix]
        figure.savefig(stream, format=suffix[1:], dpi=fitting_dpi, metadata=dates)
        written.append(stem.parent / (stem.name + suffix))
        write_atomically(written[-1], [stream.getvalue()])
    return written
