"""The page from its template: report.html.jinja and report.css beside this file."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, SupportsFloat

import jinja2
import numpy as np
from markupsafe import Markup, escape

from scratchnn.study.breakdown import mean_of
from scratchnn.study.page.intervals import PROTOCOL_NAMES
from scratchnn.study.pairs import Pair
from scratchnn.study.standing import WHEN, kind
from scratchnn.study.statistics import Statistics
from scratchnn.study.wording import p_text

WORDS_SHOWN = 120  # of a review: its end, which is what the models read
HERE = Path(__file__).parent
NOTHING = "\N{EN DASH}"


def render(**content: Any) -> str:
    """Return the page. Whatever is put into it is escaped; only our own figures are markup already."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {
        "percent": percent, "points": points, "number": number, "p": p, "ending": ending, "mean": mean_of,
        "median": median, "breakable": breakable,
    }  # fmt: skip
    templates.globals |= {"judged": judged, "when": WHEN, "protocol_names": PROTOCOL_NAMES}
    return templates.get_template("report.html.jinja").render(**content)


def percent(share: float | None, digits: int = 1) -> str:
    return NOTHING if share is None or not math.isfinite(share) else f"{100 * share:.{digits}f}%"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    text = f"{100 * difference:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", "\N{MINUS SIGN}")


def number(x: SupportsFloat | None, digits: int = 0) -> str:
    return NOTHING if x is None or not math.isfinite(x) else f"{float(x):,.{digits}f}"


def p(value: float) -> str:
    return NOTHING if not math.isfinite(value) else p_text(value).removeprefix("= ")


def breakable(name: str) -> Markup:
    """A model's name, which may break after what holds its parts together."""
    return Markup(re.sub(r"([,=_.])", r"\1<wbr>", str(escape(name))))


def median(epochs: Sequence[int]) -> float:
    return float(np.median(epochs)) if epochs else math.nan


def judged(pair: Pair, statistics: Statistics) -> str:
    """What a pair with numbers comes to, as the verdict takes it."""
    words = {"equal": "equivalent", "open": "not decided", "few": "too few seeds"}
    return words.get(kind(pair, statistics), "differs")


def ending(text: str) -> str:
    """The last words of a review."""
    words = text.split()
    return " ".join(words if len(words) <= WORDS_SHOWN else ["\N{HORIZONTAL ELLIPSIS}", *words[-WORDS_SHOWN:]])
