"""The tables of accuracy in Markdown, README's headline and those of docs/imdb.md, from the recorded results."""

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks import tables
from scratchnn.study.inference import LEAST_SEEDS


def headline(imdb: dict[str, Any], keras: dict[str, Any], speed: dict[str, Any]) -> str:
    """README's table: the published accuracy, ours, Keras', and the seconds of a training epoch."""
    models = imdb["article"]["models"]
    theirs = {arch: [run["test_accuracy"] for run in keras["runs"] if run["arch"] == arch] for arch in models}
    rows = []
    for arch, model in models.items():
        ours = f"**{model['accuracy']['value']:.3f}** {ends(accuracies(model), model['accuracy'])}".strip()
        rows.append([f"`{arch}`", digits(model["published"]), ours, mean_and_range(theirs[arch])])
        rows[-1].append(seconds(speed["workloads"].get(arch)))
    head = ["test accuracy", "published", f"scratchnn: {means(map(accuracies, models.values()))}"]
    head += [f"Keras: {means(theirs.values())}", "s/epoch, ours and Keras"]
    return tables.markdown(head, ["---", "--:", "---", "---", "--:"], rows)


def page_tables(imdb: dict[str, Any]) -> str:
    """All tables of docs/imdb.md, and the verdict above them."""
    article, others = imdb["article"], imdb["others"]
    parts = [f"> {article['verdict']}", models_table(article), pairs_table(article)]
    return "\n\n".join([*parts, "The other presets:", models_table(others)])


def models_table(study: dict[str, Any]) -> str:
    models = study["models"]
    rows = []
    for arch, model in models.items():
        seeds = accuracies(model)
        interval = ends(seeds, model["accuracy"]) if len(seeds) >= LEAST_SEEDS else ""
        rows.append([f"`{arch}`", f"{model['parameters']:,}", digits(model["published"])])
        rows[-1] += [f"**{model['accuracy']['value']:.3f}** {interval}".strip(), span(seeds)]
        rows[-1] += [digits(model["answers"]["without_repeats"]), f"{model['best_validation_accuracy']:.3f}"]
        rows[-1] += [f"{model['lowest_validation_loss_after']:g}"]
    title = means(map(accuracies, models.values())).removesuffix(" (range)")  # which has a column of its own
    head = ["model", "parameters", "published", f"test accuracy: {title}", "range of the seeds", "without repeats"]
    head += ["highest validation accuracy", "lowest validation loss after epoch"]
    return tables.markdown(head, ["---", "--:", "--:", "---", "---", "--:", "--:", "--:"], rows)


def pairs_table(study: dict[str, Any]) -> str:
    """The pairs that were compared, the largest difference on top, the better model of each pair first."""
    rows = []
    for pair in study["pairs"]:
        first, second, difference = pair["first"], pair["second"], pair["difference"]
        seeds = [accuracy_of(study, first, seed) - accuracy_of(study, second, seed) for seed in pair["seeds"]]
        if difference["value"] < 0:
            first, second, seeds = second, first, [-each for each in seeds]
            difference = {"value": -difference["value"], "low": -difference["high"], "high": -difference["low"]}
        points = f"{100 * difference['value']:.2f} {ends(seeds, difference, 100, 2)}".strip()
        cells = [f"`{first}` over `{second}`", points, p_value(pair["p_holm"]), p_value(pair["mcnemar_holm"])]
        rows.append((difference["value"], cells))
    title = means(pair["seeds"] for pair in study["pairs"])
    head = ["pair", f"points of accuracy: {title}", "p, sign flips (Holm)", "p, McNemar (Holm)"]
    in_order = [cells for _, cells in sorted(rows, key=lambda row: -row[0])]
    return tables.markdown(head, ["---", "---", "--:", "--:"], in_order)


def accuracies(model: dict[str, Any]) -> list[float]:
    return [run["accuracy"] for run in model["seeds"].values()]


def accuracy_of(study: dict[str, Any], arch: str, seed: int) -> float:
    return study["models"][arch]["seeds"][str(seed)]["accuracy"]


def means(groups: Iterable[Sequence[Any]]) -> str:
    """The heading of a column of means over seeds: of how many, and what the brackets after them hold."""
    counts = {len(seeds) for seeds in groups}
    number = f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
    kinds = [
        kind
        for kind, there in (("[95% interval]", max(counts) >= LEAST_SEEDS), ("(range)", min(counts) < LEAST_SEEDS))
        if there
    ]
    return f"mean of {number} seeds {' or '.join(kinds)}"


def ends(seeds: Sequence[float], estimate: dict[str, float], scale: float = 1, places: int = 3) -> str:
    """The brackets after a mean: its interval in square ones, or the range of few seeds in round ones."""
    if len(seeds) < LEAST_SEEDS:
        return f"({span(seeds, scale, places)})" if len(seeds) > 1 else ""
    return f"[{scale * estimate['low']:.{places}f}, {scale * estimate['high']:.{places}f}]"


def span(seeds: Sequence[float], scale: float = 1, places: int = 3) -> str:
    return f"{scale * min(seeds):.{places}f} to {scale * max(seeds):.{places}f}"


def mean_and_range(seeds: Sequence[float]) -> str:
    return f"{sum(seeds) / len(seeds):.3f} ({span(seeds)})" if seeds else ""


def seconds(workload: dict[str, Any] | None) -> str:
    """The median epoch of ours and of Keras, from the speed benchmark."""
    if workload is None:
        return ""
    found = (workload["contenders"].get(name) for name in tables.COLUMNS["scratchnn"] + tables.COLUMNS["Keras"])
    return ", ".join("" if each is None else f"{each['epoch']['median']:.2f}" for each in found)


def digits(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def p_value(p: float | None) -> str:
    return "" if p is None else f"{p:.1e}" if p < 0.001 else f"{p:.3f}"
