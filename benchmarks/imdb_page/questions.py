"""The questions that the article left open: fewer units, more reviews, another test set, a network that dies."""

from benchmarks.imdb_page import words
from benchmarks.imdb_page.logs import is_dead
from benchmarks.imdb_page.words import BEST, LAST, PROTOCOL, Json
from benchmarks.tables import markdown
from scratchnn.experiments.run import interval

STILL = "Still to be conducted."


def section(content: Json) -> str:
    parts = ["## What the article left open", units(content), reviews(content), resplits(content), dying(content)]
    return "\n\n".join([*parts, smaller(content)])


def units(content: Json) -> str:
    head, study = "**Fewer parameters for the rnn.**", words.study_of(content, "units")
    if study is None:
        return f"{head} {STILL}"
    names = words.models_of(study)
    body = table(study, names, "rnn with so many units", [f"`{name}`" for name in names])
    whole, said = names[-1], []
    for name in names[:-1]:
        said.append(both(study, name, whole))
    return f"{head} {words.seeds_of(study)}.\n\n{body}\n\n" + "\n".join(f"- {each}" for each in said)


def reviews(content: Json) -> str:
    head, study = "**More reviews and longer training for the LSTM.**", words.study_of(content, "reviews")
    if study is None:
        return f"{head} {STILL}"
    names = words.models_of(study)
    test = study["planned"]["settings"]
    about = (
        f"{head} All {all_reviews(content):,} reviews are joined and split again, {test['test_reviews']:,} of them to "
        f"test on, and the LSTM is trained for {test['epochs']} epochs on a part of the rest ({words.seeds_of(study)})."
    )
    body = table(
        study, names, "reviews to train and validate on", [f"{int(name.partition('=')[2]):,}" for name in names]
    )
    said = [f"{more(study, protocol, names[-1], names[0])}, {when}" for protocol, when in PROTOCOL.items()]
    all_of_it = names[-1]
    gains = [
        best - last
        for last, best in zip(
            words.accuracies(study, LAST, all_of_it), words.accuracies(study, BEST, all_of_it), strict=True
        )
    ]
    longer = (
        "With the most reviews, the lowest validation loss comes after "
        f"{words.span(words.epochs(study, BEST, all_of_it))} of {test['epochs']} epochs, and training on to the end "
        f"changes the accuracy by {words.signed(-words.mean(gains))} points (mean)."
    )
    return f"{about}\n\n{body}\n\n{' '.join(f'{each}.' for each in said)} {longer}"


def more(study: Json, protocol: str, most: str, fewest: str) -> str:
    """The one question that was asked of this study, so that its p needs no correction."""
    pair = words.pair_of(study, protocol, most, fewest)
    if pair is None:
        return "Nothing is known yet"
    helps = pair["p"] is not None and pair["p"] < words.SIGNIFICANT
    answer = (
        "Not decided" if not helps else "More reviews help" if pair["difference"]["value"] > 0 else "More reviews harm"
    )
    return f"{answer}: {words.points(pair)} points between the fewest and the most ({words.p_text(pair['p'])})"


def resplits(content: Json) -> str:
    head, study = "**Another split.**", words.study_of(content, "resplits")
    if study is None:
        return f"{head} {STILL}"
    rows, lines = [], []
    networks = list(dict.fromkeys(name.partition(",")[0] for name in words.models_of(study)))
    for arch in networks:
        cells = []
        for protocol in (LAST, BEST):
            of_draws = [words.accuracies(study, protocol, name) for name in variants(study, arch)]
            means = [words.mean(each) for each in of_draws if each]
            within = words.mean([max(each) - min(each) for each in of_draws if each])
            cells += [f"{100 * min(means):.2f} to {100 * max(means):.2f}", f"{100 * within:.2f}"]
        rows.append([f"`{arch}`", *cells])
    columns = [
        f"{what}, {protocol} epoch"
        for protocol in ("last", "best")
        for what in ("means of the test sets", "range of the seeds")
    ]
    for other in (each for each in networks if each != "lstm"):
        for protocol, when in PROTOCOL.items():
            found = [
                words.pair_of(study, protocol, name, name.replace("lstm", other, 1)) for name in variants(study, "lstm")
            ]
            clear = sum(words.is_clear(pair) and pair["difference"]["value"] > 0 for pair in found if pair)
            leads = [pair["difference"]["value"] for pair in found if pair]
            lines.append(f"- `lstm` over `{other}` {when}: {lead(leads)}; {surely(clear, len(leads))}.")
    about = (
        f"{head} The {all_reviews(content):,} reviews are joined, shuffled and split in halves anew, "
        f"{len(variants(study, networks[0]))} times ({words.seeds_of(study)} each). The columns compare what changes "
        "with the split, training reviews included, with what changes with the seed; the splits share "
        "reviews."
    )
    return f"{about}\n\n{markdown(['network', *columns], ['---', *['---', '--:'] * 2], rows)}\n\n" + "\n".join(lines)


def all_reviews(content: Json) -> int:
    """As many to train on as to test on."""
    return 2 * content["studies"]["article"]["test_sets"][0]["reviews"]


def lead(leads: list[float]) -> str:
    return f"{words.signed(min(leads))} to {words.signed(max(leads))} points" if leads else "nothing yet"


def surely(clear: int, sets: int) -> str:
    return f"in {clear} of {sets} test sets the 95% interval of its lead is above 0"


def variants(study: Json, arch: str) -> list[str]:
    return [name for name in words.models_of(study) if name.partition(",")[0] == arch]


def dying(content: Json) -> str:
    head, study = (
        "**The convolutional network as published, without a sigmoid at its end.**",
        words.study_of(content, "others"),
    )
    if study is None:
        return f"{head} {STILL}"
    seen = words.accuracies(study, LAST, "cnn-linear")
    dead = [each for each in seen if is_dead(each)]
    alive = [each for each in seen if not is_dead(each)]
    low, high = interval(len(dead) / len(seen), len(seen))
    rest = f" The others end at {words.span([100 * each for each in alive], '.1f')}%." if alive else ""
    return (
        f"{head} The loss expects probabilities: outputs outside [0, 1] are clipped and have no gradient, and a "
        f"network whose outputs have all left the interval never learns again. {len(dead)} of {len(seen)} seeds are "
        f"right on half of the reviews after the last epoch, as a coin is, {100 * len(dead) / len(seen):.0f}% (95% "
        f"interval {100 * low:.0f} to {100 * high:.0f}%, Wilson).{rest}"
    )


def smaller(content: Json) -> str:
    head, study = "**Other networks of that size.**", words.study_of(content, "smaller")
    if study is None:
        return f"{head} {STILL}"
    names = words.models_of(study)
    return f"{head} {words.seeds_of(study)}.\n\n{table(study, names, 'network', [f'`{name}`' for name in names])}"


def table(study: Json, names: list[str], kind: str, labels: list[str]) -> str:
    rows = []
    for name, label in zip(names, labels, strict=True):
        cells = [words.accuracy_cell(words.tested(study, protocol, name), bold=False) for protocol in (LAST, BEST)]
        after = f"{words.median(words.epochs(study, BEST, name)):g}"
        rows.append([label, f"{study['models'][name]['parameters']:,}", *cells, after])
    head = [kind, "parameters", "last epoch, %", "best epoch, %", "which (median)"]
    return markdown(head, ["---", "--:", "---", "---", "--:"], rows)


def both(study: Json, first: str, second: str) -> str:
    """Whether the first is better, under both protocols."""
    said = []
    for protocol, when in PROTOCOL.items():
        pair = words.pair_of(study, protocol, first, second)
        said.append(f"{when} {words.answer(pair) if pair else 'nothing is known yet'}")
    return f"Is `{first}` better than `{second}`? {words.sentence('; '.join(said))}"
