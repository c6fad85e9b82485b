"""What a study says of itself on the console: what it compares and how, and its results in a table."""

from collections.abc import Mapping, Sequence

from scratchnn.data.sources import Found
from scratchnn.experiments.presets import Preset
from scratchnn.report.table import table
from scratchnn.study.results import PROTOCOLS, Protocol, RunResult
from scratchnn.study.standing import WHEN
from scratchnn.study.tasks import Task
from scratchnn.study.wording import margin_in_words, settings_in_words


def about(tasks: Sequence[Task], noun: str) -> str:
    """Epochs, sizes and whatever else is special about the reviews or texts, those of all models."""
    return ", ".join(settings_in_words([vars(task.settings) for task in tasks], noun))


def in_words(protocols: Sequence[Protocol], margin: float) -> str:
    """When models are tested, and which differences count as none."""
    when = " and ".join(WHEN[each] for each in protocols)
    return f"{when}; a difference within {margin_in_words(margin)} counts as none"


def published_of(results: Sequence[RunResult], found: Found | None, presets: Mapping[str, Preset]) -> dict[str, float]:
    """Published accuracies, of those models only whose data and settings are the published ones.

    `found`: the film reviews; None: the study is on something else.
    """
    if found is None or found.is_synthetic or not found.digest_known:
        return {}
    here = ("seed", "backend", "out")
    told = {}
    for result in results:
        preset = presets.get(result.model)
        if preset is None or preset.published is None or preset.published.accuracy is None:
            continue
        own = {name: value for name, value in vars(preset.settings()).items() if name not in here}
        if own == {name: value for name, value in result.settings.items() if name not in here}:
            told[result.model] = preset.published.accuracy
    return told


def summary(results: Sequence[RunResult], published: Mapping[str, float]) -> list[str]:
    """A table of the results, a row for each model, and a line for each run that failed."""
    protocols: list[Protocol] = [each for each in PROTOCOLS if any(each in result.tested for result in results)]
    rows = [["model", "runs", "failed", *(f"{each} epoch, lowest to highest" for each in protocols), "published"]]
    for model in dict.fromkeys(result.model for result in results):
        runs = [result for result in results if result.model == model]
        good = [result for result in runs if not result.failed]
        cells = []
        for protocol in protocols:
            values = [result.tested[protocol].accuracy for result in good]
            mean = f"{sum(values) / len(values):.4f}  {min(values):.4f} to {max(values):.4f}" if values else ""
            cells.append(mean)
        told = f"{published[model]:.4f}" if model in published else ""
        rows.append([model, str(len(runs)), str(len(runs) - len(good)), *cells, told])
    if not published:
        rows = [row[:-1] for row in rows]
    return table(rows, "<>>" + ">" * len(protocols) + ">" * bool(published)) + failures(results)


def failures(results: Sequence[RunResult]) -> list[str]:
    return [f"{run.model} seed {run.seed} failed: {run.error}" for run in results if run.failed]
