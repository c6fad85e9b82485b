"""Numbers of the studies in words: what is looked up in imdb.json, and how it is written and judged."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scratchnn.study.breakdown import mean_of as mean
from scratchnn.study.breakdown import median_of as median
from scratchnn.study.standing import SIGNIFICANT, WHEN

__all__ = ["mean", "median"]

YES, WORSE, EQUIVALENT, OPEN = "yes", "no, worse", "no, equivalent", "not decided"  # what a comparison can find
FEW = "too few seeds to decide"
LAST, BEST = "last", "best"
PROTOCOL: Mapping[Any, str] = WHEN

Json = Mapping[str, Any]


# ---- what is looked up


def study_of(content: Json, name: str) -> Json | None:
    return content["studies"].get(name)


def tested(study: Json, protocol: str, name: str) -> Json | None:
    return study["protocols"][protocol]["models"].get(name)


def accuracies(study: Json, protocol: str, name: str) -> list[float]:
    """Of each seed on the test reviews."""
    found = tested(study, protocol, name)
    return [run["accuracy"] for run in found["seeds"].values()] if found else []


def epochs(study: Json, protocol: str, name: str) -> list[int]:
    found = tested(study, protocol, name)
    return [run["epoch"] for run in found["seeds"].values()] if found else []


def pair_of(study: Json, protocol: str, first: str, second: str) -> Json | None:
    return turned_to(study["protocols"][protocol]["pairs"], first, second)


def turned_to(pairs: Iterable[Json], first: str, second: str) -> Json | None:
    """The pair of the two, as the first against the second."""
    for pair in pairs:
        if (pair["first"], pair["second"]) == (first, second):
            return pair
        if (pair["first"], pair["second"]) == (second, first):
            seen = pair["difference"]
            difference = {**seen, "value": -seen["value"], "low": -seen["high"], "high": -seen["low"]}
            return {**pair, "first": first, "second": second, "difference": difference}
    return None


def models_of(study: Json) -> list[str]:
    """Those that have runs, in the order of the plan."""
    return [name for name in study["planned"]["models"] if name in study["models"]]


def progress(study: Json) -> tuple[int, int]:
    """How many seeds every model has, and how many it will have."""
    models = study["protocols"][LAST]["models"]
    counts = [len(models[name]["seeds"]) if name in models else 0 for name in study["planned"]["models"]]
    return min(counts), study["planned"]["seeds"]


def seeds_of(study: Json) -> str:
    found, planned = progress(study)
    return f"{found} seeds" if found == planned else f"{found} of {planned} seeds"


# ---- how it is written


def percent(x: float | None, places: int = 1) -> str:
    return "" if x is None else written(100 * x, f".{places}f")


def accuracy_cell(model: Json | None, bold: bool = True) -> str:
    """Mean in percent with its interval in square brackets, or the range of few seeds in round ones."""
    if model is None:
        return ""
    seen = model["accuracy"]
    value = percent(seen["value"], 2)
    return f"**{value}** {ends(seen)}" if bold else f"{value} {ends(seen)}"


def ends(seen: Json, places: int = 2) -> str:
    if seen["is_range"]:
        return f"({percent(seen['low'], places)} to {percent(seen['high'], places)})"
    return f"[{percent(seen['low'], places)}, {percent(seen['high'], places)}]"


def points(pair: Json, places: int = 2) -> str:
    """The difference in points of accuracy with its interval or range."""
    return f"{signed(pair['difference']['value'], places)} {ends(pair['difference'], places)}"


def signed(x: float, places: int = 2) -> str:
    return written(100 * x, f"+.{places}f")


def p_text(p: float | None) -> str:
    """Such as "p = 0.012"; few seeds have none."""
    return "none: too few seeds" if p is None else "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def listing(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else "none"


def code(names: Iterable[str]) -> str:
    return listing([f"`{name}`" for name in names])


def span(values: Sequence[float], form: str = "g") -> str:
    low, high = written(min(values), form), written(max(values), form)
    return low if low == high else f"{low} to {high}"


def written(x: float, form: str) -> str:
    """The number in that form, without the sign of a 0."""
    text = f"{x:{form}}"
    return text if float(text) else text.lstrip("+-")


# ---- how it is judged


def judge(pair: Json) -> str:
    """Whether the first is better, by the p values after Holm's correction; the same rule as that of the verdict.

    A difference within the margin is none that matters, even where it is certain. One that other seeds would show
    again, while other reviews might turn it round, is not decided.
    """
    if _is_small(pair["p_equivalent_holm"]):
        return EQUIVALENT
    if _is_small(pair["p_holm"]) and is_clear(pair):
        return YES if pair["difference"]["value"] > 0 else WORSE
    return OPEN if pair["smallest_p_holm"] < SIGNIFICANT else FEW


def _is_small(p: float | None) -> bool:
    return p is not None and p < SIGNIFICANT


def is_clear(pair: Json) -> bool:
    """Whether the interval of the difference leaves out 0; the range of few seeds says nothing of the kind."""
    seen = pair["difference"]
    return not seen["is_range"] and (seen["low"] > 0 or seen["high"] < 0)


def p_of(pair: Json) -> str:
    """The p that the judgement rests on."""
    if judge(pair) == EQUIVALENT:
        return f"{p_text(pair['p_equivalent_holm'])} for equivalence"
    seeds_alone = judge(pair) == OPEN and _is_small(pair["p_holm"])
    return f"{p_text(pair['p_holm'])}{' for the seeds alone' if seeds_alone else ''}"


def answer(pair: Json) -> str:
    """The judgement with what it rests on: "yes (+2.52 [2.23, 2.81] points, p < 0.001)"."""
    return f"{judge(pair)} ({points(pair)} points, {p_of(pair)})"
