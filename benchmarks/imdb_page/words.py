"""Numbers of the studies in words: what is looked up in imdb.json, and how it is written and judged."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SIGNIFICANT = 0.05
LAST, BEST = "last", "best"
PROTOCOL = {LAST: "after the last epoch", BEST: "at the best epoch"}

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


def median(values: Sequence[float]) -> float:
    ordered, n = sorted(values), len(values)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


# ---- how it is judged


def judge(pair: Json, margin: float) -> str:
    """Whether the first is better: by the p values after Holm's correction, of a difference and of equivalence."""
    p, equivalent = pair["p_holm"], pair.get("p_equivalent_holm")
    if p is not None and p < SIGNIFICANT:
        small = equivalent is not None and equivalent < SIGNIFICANT
        answer = "yes" if pair["difference"]["value"] > 0 else "no, worse"
        if small:
            return f"{answer}, but within {percent(margin)} points"
        return answer if is_clear(pair) else f"{answer} on these reviews"
    if equivalent is not None and equivalent < SIGNIFICANT:
        return "no, equivalent"
    return "not decided" if pair["smallest_p_holm"] < SIGNIFICANT else "too few seeds to decide"


def is_clear(pair: Json) -> bool:
    """Whether the interval of the difference leaves out 0; the range of few seeds says nothing of the kind."""
    seen = pair["difference"]
    return not seen["is_range"] and (seen["low"] > 0 or seen["high"] < 0)


def p_of(pair: Json) -> str:
    """The p that the judgement rests on."""
    p, equivalent = pair["p_holm"], pair.get("p_equivalent_holm")
    if p is not None and p >= SIGNIFICANT and equivalent is not None and equivalent < SIGNIFICANT:
        return f"{p_text(equivalent)} for equivalence"
    return p_text(p)


def answer(pair: Json, margin: float) -> str:
    """The judgement with what it rests on: "yes (+2.52 [2.23, 2.81] points, p < 0.001)"."""
    return f"{judge(pair, margin)} ({points(pair)} points, {p_of(pair)})"
