"""Numbers of a study as words: points with their interval, p values, lists of models, settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from scratchnn.study.inference import Estimate
from scratchnn.study.pairs import MARGIN, Pair

LIMIT = 0.05  # of p, between decided and not
MOST = 4  # models named in one sentence
MOST_VALUES = 4  # of one setting


def by(pair: Pair) -> str:
    """By how much the first beats the second, or loses to it, without a sign."""
    return f"{pair.second} by {points(pair.turned() if pair.difference and pair.difference.value < 0 else pair)}"


def against_of(pair: Pair) -> str:
    return f"{points(pair)} against {pair.second}"


def points(pair: Pair) -> str:
    assert pair.difference is not None
    return points_of(pair.difference, pair.seeds, " points")


def points_of(difference: Estimate, seeds: Sequence[int], unit: str = "") -> str:
    """The difference in points, in brackets its interval, or the range of few seeds, named as such."""
    middle, low, high = (signed(100 * number) for number in (difference.value, difference.low, difference.high))
    if len(seeds) == 1:
        return f"{middle}{unit}"
    return f"{middle}{unit} ({f'{len(seeds)} seeds: ' if difference.is_range else ''}{low} to {high})"


def signed(number: float) -> str:
    """One digit, with a real minus sign, and none before zero."""
    text = f"{number:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "\N{MINUS SIGN}")


def margin_in_words(margin: float) -> str:
    return "half a point" if margin == MARGIN else "1 point" if margin == 0.01 else f"{100 * margin:.3g} points"


def p_of(values: Sequence[float], least: bool = False) -> str:
    """Return "p = 0.031"; of several, that no p is larger, or with `least` none is smaller."""
    bound = min(values) if least else max(values)
    if len(values) == 1 or bound < 1e-4:
        return f"p {p_text(bound)}"
    return f"p {p_text(bound).removeprefix('= ')} or {'more' if least else 'less'}"


def p_text(p: float) -> str:
    """Return "= 0.031", or "< 0.0001" where more digits would say nothing more.

    A p below 0.05 is written with as many digits as it takes to be below it on paper too.
    """
    if p < 1e-4 or p >= 0.995:
        return "< 0.0001" if p < 1e-4 else "= 1"
    digits = next(n for n in range(2, 18) if (float(f"{p:.{n}g}") < LIMIT) == (p < LIMIT))
    return f"= {p:.{digits}g}"


def listed(words: Sequence[str]) -> str:
    """The words as a list, those after the fourth as a number when there are more than one."""
    if len(words) > MOST + 1:
        words = [*words[:MOST], f"{len(words) - MOST} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def settings_in_words(all_settings: Sequence[Mapping[str, Any]], noun: str = "review") -> list[str]:
    """What the models of a study were trained on, and for how long; of each setting every value that one has."""
    if noun == "example":
        all_settings = [{"epochs": settings.get("epochs")} for settings in all_settings]
    # Of texts the part to validate on is taken before, and is as large for any number to train on.
    split, trained = (
        ("split again by draw {}", "trained and validated on {}")
        if noun == "review"
        else ("split by draw {}", "trained on {}")
    )
    found = [
        _setting(all_settings, "epochs", "{} epochs"),
        _setting(all_settings, "length", f"the last {{}} words of a {noun}"),
        _setting(all_settings, "vocabulary", "vocabulary {}"),
        _setting(all_settings, "train_reviews", trained),
        _setting(all_settings, "resplit", split),
        _setting(all_settings, "shuffle_words", f"words of a {noun} shuffled: {{}}"),
    ]
    return ["1 epoch" if each == "1 epochs" else each for each in found if each]


def _setting(all_settings: Sequence[Mapping[str, Any]], name: str, words: str) -> str:
    """Nothing, where it is at rest in every model: None, 0 or False."""
    values = list(dict.fromkeys(settings.get(name) for settings in all_settings))
    if not any(values):
        return ""
    if any(isinstance(value, bool) for value in values):
        return words.format(one_or_more(["yes" if value else "no" for value in values]))
    rest = "none" if name == "resplit" else "all"
    numbers = sorted(value for value in values if value)
    return words.format(one_or_more([f"{value:,}" for value in numbers] + [rest] * (len(numbers) < len(values))))


def one_or_more(values: Sequence[str]) -> str:
    values = list(dict.fromkeys(values))
    if len(values) > MOST_VALUES:
        return f"{values[0]} to {values[-1]}"
    return " or ".join(values)
