"""A figure's SVG file, made part of a page: colours that follow its light or dark theme, ids of its own, a title."""

import re
from pathlib import Path

from markupsafe import Markup, escape

from scratchnn.report import figure

# The colours of the figures, and the page's variables for them; the page gives each a light and a dark value.
VARIABLES = {
    figure.INK: "ink",
    figure.GREY: "grey",
    figure.FAINT: "faint",
    figure.BLUE: "blue",
    figure.VERMILION: "vermilion",
    figure.GREEN: "green",
    figure.ORANGE: "orange",
    figure.PURPLE: "purple",
    "#9aa5b1": "other",
    "#ffffff": "paper",
}


def inline_svg(path: Path, title: str, prefix: str, crop: tuple[float, float] = (0.0, 0.0)) -> Markup:
    """Return the SVG in `path` as an element of a page.

    Args:
        title: what the figure shows, for readers who cannot see it.
        prefix: goes before every id, which are the same in every file and must not be in one page.
        crop: how much of an empty margin to leave out on the left and on the right, in points.
    """
    svg = path.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)  # it would be the style of the whole page
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{prefix}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"#[0-9a-fA-F]{6}\b", lambda m: _variable(m[0]), svg)
    svg = re.sub(r"'DejaVu Sans'[^\";]*", "var(--sans)", svg)
    svg = re.sub(r">\s+<(?!tspan|/text)", "><", svg)  # a third of the file; no text of ours begins with a space
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert box is not None
    view = f"{crop[0]:g} 0 {float(box[1]) - sum(crop):g} {box[2]}"
    name = f"{prefix}-title"
    head = f'<svg viewBox="{view}" role="img" aria-labelledby="{name}"><title id="{name}">{escape(title)}</title>'
    return Markup(head + svg[svg.index(">") + 1 :])


def _variable(colour: str) -> str:
    """Return the variable for a colour of ours, or for one that is a tenth of it on white (a diagram's boxes)."""
    wanted = colour.lower()
    for ours, name in VARIABLES.items():
        if wanted == ours.lower():
            return f"var(--{name})"
        tint = "#" + "".join(f"{round(0.9 * 255 + 0.1 * int(ours[n : n + 2], 16)):02x}" for n in (1, 3, 5))
        if _near(wanted, tint):
            return f"var(--{name}-tint)"
    return colour


def _near(a: str, b: str) -> bool:
    """Whether two colours differ by rounding only."""
    return all(abs(int(a[n : n + 2], 16) - int(b[n : n + 2], 16)) <= 1 for n in (1, 3, 5))
