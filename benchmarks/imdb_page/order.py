"""What memory is for: accuracy with the words in order less that with them shuffled, on three kinds of reviews."""

from benchmarks.imdb_page import words
from benchmarks.imdb_page.words import BEST, LAST, Json
from benchmarks.studies import CONTROLS, STUDIES, by_name
from benchmarks.tables import markdown

NAMES = {"shuffled": "article", "long-shuffled": "long", "generated-shuffled": "generated"}
*WITHOUT_ORDER, WITH_PAIRS = CONTROLS  # models that see no order, and one that sees a little


def section(content: Json) -> str:
    head = "## What memory is for"
    there = [name for name in NAMES if content["order"].get(name, {}).get(BEST)]
    about = (
        "A memory can be of use only where the order of the words says something. So the words of every review, in "
        "training and in testing, change places at random, and everything else stays: what a model "
        "loses is what their order was worth to it, or what it suffers from words that mislead. `bow` and `linear` see "
        "no order, and must not change. `linear-bigrams` sees which words are neighbours."
    )
    about += extended()
    if not there:
        return f"{head}\n\n{about}\n\nStill to be conducted."
    missing = [title(content, name) for name in NAMES if name not in there]
    parts = [head, about, *[table(content, there, protocol) for protocol in (BEST, LAST)]]
    parts += [
        "All p values of the networks are corrected for their number (Holm).",
        "\n".join(f"- {paragraph(content, name)}" for name in there),
    ]
    if missing:
        parts.append(f"Still to be conducted: {words.listing(missing)}.")
    return "\n\n".join([*parts, command()])


def extended() -> str:
    """Which studies have more seeds than were planned before the first were seen: a reader should know that."""
    found = [study for study in STUDIES if study.at_first is not None]
    if not found:
        return ""
    counts = words.listing(sorted({f"{study.at_first} seeds, now {study.seeds}" for study in found}))
    return (
        f" The studies {words.listing([study.name for study in found])} were planned with {counts}: with fewer, no "
        f"test could decide among their {len(found[0].archs)} models."
    )


def command() -> str:
    """What asks the same of the first kind of reviews."""
    study = by_name(next(iter(NAMES)))
    given = f"python -m scratchnn.compare --arch {' '.join(study.archs)} --seeds {study.seeds}"
    return f"```sh\n{given} --out ordered\n{given} --shuffle-words --out shuffled\n```"


def title(content: Json, name: str) -> str:
    study = content["studies"].get(name)
    if study is None:
        return by_name(name).name.removesuffix("-shuffled").replace("shuffled", "article")
    settings = next(iter(study["models"].values()))["settings"]
    real = "generated reviews" if study["planned"]["settings"].get("synthetic") else "reviews"
    return f"{real}, {settings['vocabulary']:,} words, length {settings['length']}"


def table(content: Json, there: list[str], protocol: str) -> str:
    models = list(dict.fromkeys(model for name in there for model in content["order"][name][protocol]))
    rows = []
    for model in models:
        cells = []
        for name in there:
            pair = content["order"][name][protocol].get(model)
            cells += ["", ""] if pair is None else [levels(content, name, protocol, model), words.points(pair)]
        rows.append([f"`{model}`", *cells])
    head = [f"{protocol} epoch"]
    for name in there:
        seeds = min(pair["seeds"] for pair in content["order"][name][protocol].values())
        head += [f"{title(content, name)} ({seeds} seeds): ordered, shuffled, %", "difference, points"]
    return markdown(head, ["---", *["--:", "---"] * len(there)], rows)


def levels(content: Json, name: str, protocol: str, model: str) -> str:
    """Mean accuracies over the seeds that both studies have."""
    found = [content["studies"][each]["protocols"][protocol]["models"][model]["seeds"] for each in (NAMES[name], name)]
    common = [seed for seed in found[0] if seed in found[1]]
    return ", ".join(f"{100 * words.mean([seeds[seed]['accuracy'] for seed in common]):.2f}" for seeds in found)


def paragraph(content: Json, name: str) -> str:
    """How much order the reviews hold, which share of it each network collects, and whether the check holds."""
    pairs = content["order"][name][BEST]
    text = f"*{title(content, name)}*: {check(content, name)}"
    if WITH_PAIRS not in pairs:
        return text
    held = pairs[WITH_PAIRS]
    if words.judge(held) != words.YES:
        return f"{text} That pairs of words find an order in them is not shown ({words.answer(held)})."
    networks = [model for model in pairs if model not in CONTROLS]
    shares = {model: shares_of(pairs[model], held) for model in networks}
    said = [share(pairs[model], shares[model]) for model in networks]
    text += f" Pairs of words find an order that is worth {words.points(held)} points ({words.p_of(held)})."
    text += f" Of it, at their best epochs, the networks collect: {words.listing(said)}."
    if any("%;" in each for each in said):
        text += " Shares in brackets are what the ends of both intervals allow."
    if any(words.judge(pairs[model]) == words.FEW for model in networks):
        number = f"{held['seeds']} seeds are too few for tests of {len(networks)} networks"
        text += f" These shares rest on the intervals: {number}."
    if any(part[0] > 1 for part in shares.values()):
        text += (
            " More than all of it is order that pairs of words do not find, or a network that hardly learns without it."
        )
    return text


def shares_of(pair: Json, held: Json) -> tuple[float, float, float]:
    """A network's share of what pairs of words find, and the smallest and largest that both intervals allow."""
    value, low, high = (pair["difference"][name] for name in ("value", "low", "high"))
    whole = held["difference"]
    least, most = (low / whole["high" if low > 0 else "low"], high / whole["low" if high > 0 else "high"])
    return value / whole["value"], least, most


def share(pair: Json, shares: tuple[float, float, float]) -> str:
    """That share in words, or why there is none."""
    part, low, high = (round(100 * each) for each in shares)
    judged = words.judge(pair)
    seen = f"{words.points(pair)} points{'' if judged == words.FEW else f', {words.p_of(pair)}'}"
    if judged == words.YES or (judged == words.FEW and part > 0 and words.is_clear(pair)):
        if part > 100:
            return f"`{pair['first']}` more than all of it ({seen})"
        return f"`{pair['first']}` {part}% ({low} to {high}%; {seen})"
    nothing = {words.WORSE: "less than nothing", words.EQUIVALENT: "nothing"}
    return f"`{pair['first']}` {nothing.get(judged, 'nothing that is certain')} ({seen})"


def check(content: Json, name: str) -> str:
    """What shuffling does to the models that see no order."""
    pairs = content["order"][name][BEST]
    said = [f"`{model}` {effect(pairs[model])}" for model in WITHOUT_ORDER if model in pairs]
    return f"{words.listing(said)}." if said else ""


def effect(pair: Json) -> str:
    found = {words.EQUIVALENT: "is unchanged", words.YES: "changes", words.WORSE: "changes"}
    return f"{found.get(words.judge(pair), 'has not been shown to change')} ({words.points(pair)} points)"
