"""The first sections of docs/imdb.md: the question, the answer, the accuracies and what stopping explains of them."""

from typing import Any

from benchmarks.imdb_page import words
from benchmarks.imdb_page.words import BEST, LAST, PROTOCOL, Json
from benchmarks.imdb_results import KERAS_VARIANTS
from benchmarks.speed_page import COLUMNS
from benchmarks.studies import CONTROLS
from benchmarks.tables import markdown
from scratchnn.study.inference import LEAST_SEEDS

NETWORKS = ("ff", "rnn", "lstm", "cnn")
SUMMED = KERAS_VARIANTS[1]
ABOUT = {
    "bow": "the mean of the words' embeddings",
    "linear": "logistic regression on which words occur",
    "linear-bigrams": "the same on pairs of neighbouring words too",
}


def question(content: Json, logs: Json) -> str:
    study = content["studies"]["article"]
    some = [f"{100 * log['test_accuracy']:.1f}% for `{name}`" for name, log in logs.items() if "test_accuracy" in log]
    settings = study["models"]["lstm"]["settings"]
    controls = words.listing([f"`{name}`, {ABOUT[name]}" for name in CONTROLS])
    return f"""# The IMDB comparison

Does a network with a memory tell good reviews from bad ones better than one without? An article trained each of four
networks once and reported {words.listing(some)}. One run each cannot say whether such differences are more than luck.
Here each network was trained with {words.seeds_of(study)} on the same arrays: a vocabulary of
{settings["vocabulary"]:,}, the last {settings["length"]} words of each review, batches of {settings["batch_size"]},
{settings["epochs"]} epochs of {settings["optimizer"].capitalize()}, {settings["validation_split"]:.0%} of the
training reviews held out for validation. Every run holds out the same ones, and within a seed all networks see the
others in the same order.

Each training is tested twice, under two *protocols*:

- **the last epoch**: as published results are. A network that learns fast has by then learned its training reviews by
heart, and is tested past its best;
- **the best epoch**: the one of the lowest validation loss among them. The test reviews have no part in the choice.

Three simpler models stand beside them, which know words, or pairs of words, but not where they stand: {controls}.
{unfinished(study)}"""


def unfinished(study: Json) -> str:
    """Of which models the validation loss was still falling when training ended, in the median seed."""
    last = [
        name
        for name in words.models_of(study)
        if _median_best(study, name) == study["models"][name]["settings"]["epochs"]
    ]
    if not last:
        return ""
    return (
        f"The validation loss of {words.code(last)} was lowest after the last epoch, so that the best epoch is mostly "
        "the last one."
    )


def _median_best(study: Json, name: str) -> float:
    return words.median(words.epochs(study, BEST, name))


def verdict(content: Json, keras: Json) -> str:
    study = content["studies"]["article"]
    parts = ["## The answer", quoted(study["verdict"]), table(content, keras), reading(study)]
    parts += [published(content), beside_keras(study, keras), controls(content), longer_reviews(content)]
    return "\n\n".join(part for part in parts if part)


def published(content: Json) -> str:
    """Whether each published accuracy is one that our trainings come to, after the last epoch."""
    said = []
    for study in (content["studies"][name] for name in ("article", "others") if name in content["studies"]):
        for name in words.models_of(study):
            told, seen = study["models"][name]["published"], words.accuracies(study, LAST, name)
            if told is None or not seen:
                continue
            inside = "inside" if min(seen) <= told <= max(seen) else "below" if told < min(seen) else "above"
            said.append(
                f"`{name}` {words.percent(told)}%, {inside} the range of our {len(seen)} seeds "
                f"({words.span([100 * each for each in seen], '.1f')}%)"
            )
    return f"Is it reproduced? Published, and ours after the last epoch: {'; '.join(said)}." if said else ""


def longer_reviews(content: Json) -> str:
    """The same question on ten times the words and five times the length, where the answer is another one."""
    study = words.study_of(content, "long")
    if study is None:
        return ""
    settings = next(iter(study["models"].values()))["settings"]
    return (
        f"With a vocabulary of {settings['vocabulary']:,} and the last {settings['length']} words of each review "
        f"({words.seeds_of(study)}) the answer is another one:\n\n{quoted(study['verdict'].split('. ')[0])}."
    )


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def table(content: Json, keras: Json) -> str:
    """The headline: test accuracies in percent, ours and Keras', under both protocols."""
    study = content["studies"]["article"]
    rows = []
    for name in words.models_of(study):
        about = study["models"][name]
        cells = [words.accuracy_cell(words.tested(study, protocol, name)) for protocol in (LAST, BEST)]
        after = f"{words.median(words.epochs(study, BEST, name)):g}"
        theirs = [keras_cell(keras, protocol, name) for protocol in (LAST, BEST)]
        rows.append(
            [f"`{name}`", f"{about['parameters']:,}", words.percent(about["published"]), *cells, after, *theirs]
        )
    head = ["test accuracy, %", "parameters", "published", "last epoch", "best epoch", "which (median)"]
    return markdown(
        [*head, "Keras, last", "Keras, best"], ["---", *["--:"] * 2, "---", "---", "--:", "---", "---"], rows
    )


def reading(study: Json) -> str:
    return (
        f"Means of {words.seeds_of(study)}. Square brackets hold 95% intervals, from a bootstrap over seeds and "
        f"reviews at once; round ones the range of the seeds, where fewer than {LEAST_SEEDS} are too few for an "
        "interval."
    )


def of_keras(keras: Json, protocol: str, name: str, variant: str = "") -> list[float]:
    return [run["tested"][protocol]["accuracy"] for run in runs_of(keras, name, variant)]


def runs_of(keras: Json, name: str, variant: str = "") -> list[Json]:
    return [run for run in keras["runs"] if (run["arch"], run["variant"]) == (name, variant)]


def keras_cell(keras: Json, protocol: str, name: str) -> str:
    seen = of_keras(keras, protocol, name)
    return f"{100 * words.mean(seen):.2f} ({100 * min(seen):.2f} to {100 * max(seen):.2f})" if len(seen) > 1 else (
        f"{100 * seen[0]:.2f}" if seen else ""
    )  # fmt: skip


def beside_keras(study: Json, keras: Json) -> str:
    """How far Keras' means are from ours of the same seeds, and why."""
    names = [name for name in NETWORKS if runs_of(keras, name) and words.tested(study, LAST, name)]
    if not names:
        return "Keras' own runs are still to be made."
    counts = [len(runs_of(keras, name)) for name in names]
    framework = keras["runs"][0]["framework"].replace("tensorflow", "TensorFlow")
    text = (
        f"{framework}, with the same arrays, split and settings ({words.span(counts)} "
        f"seed{'s' if max(counts) > 1 else ''}; for each the mean and the range), differs from our means of these "
        f"seeds {_gaps(study, keras, names, '')}."
    )
    if not all(runs_of(keras, name, SUMMED) for name in names):
        return text
    return (
        f"{text} Some of that has a cause: where a word occurs several times in a batch, TensorFlow gives its "
        "gradients one by one, and Keras' Adam squares each for itself; its other backends, and we, sum "
        f"them first. With the gradients summed first, Keras differs {_gaps(study, keras, names, SUMMED)}."
    )


def _gaps(study: Json, keras: Json, names: list[str], variant: str) -> str:
    said = []
    for protocol in (LAST, BEST):
        gaps = []
        for name in names:
            seeds = [run["seed"] for run in runs_of(keras, name, variant)]
            gap = words.mean(of_keras(keras, protocol, name, variant)) - _mean(study, protocol, name, seeds)
            gaps.append(f"{words.signed(gap)} (`{name}`)")
        said.append(f"{PROTOCOL[protocol]} by {words.listing(gaps)} points")
    return words.listing(said)


def _mean(study: Json, protocol: str, name: str, seeds: list[int]) -> float:
    found = words.tested(study, protocol, name)
    assert found is not None
    runs = found["seeds"]
    return words.mean([runs[str(seed)]["accuracy"] for seed in seeds if str(seed) in runs])


def controls(content: Json) -> str:
    """How the networks stand to the linear model on pairs of words, under both protocols."""
    study, lines = content["studies"]["article"], []
    models = study["protocols"][LAST]["models"]
    if "linear-bigrams" not in models:
        return ""
    for name in [each for each in models if each not in CONTROLS]:
        pairs = [words.pair_of(study, protocol, name, "linear-bigrams") for protocol in (LAST, BEST)]
        if all(pairs):
            last, best = [words.answer(pair) for pair in pairs if pair]
            lines.append(f"- `{name}`: after the last epoch {last}; at the best epoch {best}.")
    accuracy = words.percent(models["linear-bigrams"]["accuracy"]["value"])
    head = f"`linear-bigrams` reaches {accuracy}% with the same words of the same reviews. Is a network better?"
    return "\n".join([head, "", *lines])


# ---- pairs


def pairs(content: Json) -> str:
    study, margin = content["studies"]["article"], content["margin"]
    rows: list[tuple[float, list[str]]] = []
    for pair in study["protocols"][LAST]["pairs"]:
        first, second = pair["first"], pair["second"]
        if pair["difference"]["value"] < 0:
            first, second = second, first
        rows.append(_row(study, first, second))
    head = ["is the first better?", *PROTOCOL.values(), "explained by when training stopped"]
    body = markdown(head, ["---"] * 4, [cells for _, cells in sorted(rows, key=lambda row: -row[0])])
    return "\n\n".join(["## Pair by pair", about_pairs(study, margin), body, counted(study) + alike(study)])


def alike(study: Json) -> str:
    """Which models no seed changes: between two of them the test over the seeds would count copies."""
    names = [name for name in words.models_of(study) if len(set(words.accuracies(study, LAST, name))) == 1]
    if len(names) < 2:
        return ""
    return (
        f" Seeds change nothing in {words.code(names)}, whose {words.seeds_of(study)} are one result repeated; between "
        "them p is that of McNemar's exact test, over the reviews."
    )


def _row(study: Json, first: str, second: str) -> tuple[float, list[str]]:
    last, best = (words.pair_of(study, protocol, first, second) for protocol in (LAST, BEST))
    assert last is not None and best is not None
    stopped = words.turned_to(study["stopping"], first, second)
    cells = [f"{words.judge(pair)}: {words.points(pair)}, {words.p_of(pair)}" for pair in (last, best)]
    explained = f"{words.points(stopped)}, {words.p_text(stopped['p_holm'])}" if stopped else ""
    return last["difference"]["value"], [f"`{first}`, `{second}`", *cells, explained]


def about_pairs(study: Json, margin: float) -> str:
    number = len(study["protocols"][LAST]["pairs"])
    return (
        "Differences are in points of accuracy, taken seed by seed. *Equivalent* where two one-sided tests show that "
        f"the difference is within {100 * margin:g} points; *yes* or *worse* where the sign-flip test over the seeds "
        f"rules out luck with them (p < {words.SIGNIFICANT:g}) and the interval, which holds luck with the reviews "
        "too, leaves out 0; *not decided* where neither can be said, with the p *for the seeds alone* where the "
        f"interval is what leaves it open. All p values are corrected for the {number} pairs (Holm). The last column "
        "is the difference after the last epoch less that at the best one: what disappears of it when both are taken "
        "at their best epochs."
    )


def counted(study: Json) -> str:
    said = []
    for protocol, when in PROTOCOL.items():
        judged = [words.judge(pair) for pair in study["protocols"][protocol]["pairs"]]
        differ, equivalent = judged.count(words.YES) + judged.count(words.WORSE), judged.count(words.EQUIVALENT)
        said.append(
            f"{when} {differ} of {len(judged)} pairs differ, {equivalent} are equivalent, and "
            f"{len(judged) - differ - equivalent} are not decided"
        )
    return words.sentence("; ".join(said))


# ---- README


def headline(content: Json, keras: Json, speed: dict[str, Any]) -> str:
    """README's table: published, ours and Keras' under both protocols, and the seconds of a training epoch."""
    study, rows = content["studies"]["article"], []
    for name in (each for each in words.models_of(study) if each != "linear"):
        cells = [words.accuracy_cell(words.tested(study, protocol, name)) for protocol in (LAST, BEST)]
        theirs = "/".join(f"{100 * words.mean(s):.1f}" for p in (LAST, BEST) if (s := of_keras(keras, p, name)))
        timed = speed["workloads"].get(name, {}).get("contenders", {})
        found = (timed.get(each) for each in (*COLUMNS["scratchnn"], *COLUMNS["Keras"]))
        seconds = "/".join("" if each is None else f"{each['epoch']['median']:.2f}" for each in found) if timed else ""
        rows.append([f"`{name}`", words.percent(study["models"][name]["published"]), *cells, theirs, seconds])
    head = [f"test accuracy, %, {words.seeds_of(study)}", "published", "last epoch", "best epoch", "Keras, last/best"]
    return markdown([*head, "s/epoch, ours/Keras"], ["---", "--:", "---", "---", "---", "--:"], rows)
