"""Models of your own compared in Python, on arrays of your own, as `scratchnn compare` compares presets on texts.

    from scratchnn.study.builders import compare

    found = compare({"small": small, "large": large}, x, y, test_data=(x_test, y_test), seeds=6, epochs=5)
    print(found)

A builder is a function of a seed that returns a compiled model whose seed that is.
"""

import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scratchnn.core.checks import number, share, whole_number
from scratchnn.core.names import look_up
from scratchnn.experiments.presets import Preset
from scratchnn.report.console import Console
from scratchnn.study import overview, sources
from scratchnn.study.arrays import ArraySource
from scratchnn.study.board import Board
from scratchnn.study.built import Builder, Built
from scratchnn.study.conduct import missing
from scratchnn.study.folder import StudyFolder
from scratchnn.study.results import PROTOCOLS, Reviews, RunResult
from scratchnn.study.run import run
from scratchnn.study.statistics import analyse
from scratchnn.study.tasks import Task, Variant, plan
from scratchnn.study.verdict import verdict

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """What came of it: `print` shows the table and the verdict."""

    results: tuple[RunResult, ...]
    reviews: Mapping[str, Reviews]
    margin: float
    presets: Mapping[str, Preset]
    common: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        """In words: which model is better, by how much, and how sure that is."""
        return verdict(analyse(self.results, self.reviews, margin=self.margin))

    @property
    def accuracies(self) -> dict[str, list[float]]:
        """Of each model on the test examples after its last epoch, one for each seed that did not fail."""
        found: dict[str, list[float]] = {result.model: [] for result in self.results}
        for result in self.results:
            if not result.failed:
                found[result.model].append(next(iter(result.tested.values())).accuracy)
        return found

    def __str__(self) -> str:
        words = [textwrap.fill(each, 100) for each in self.verdict.split("\n\n")]
        return "\n\n".join(["\n".join(overview.summary(self.results, {})), *words])

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write report.html, summary.json and the figures into the folder; return the path of the page."""
        from scratchnn.study import page

        return page.write(
            folder, self.results, self.reviews, code=dict(self.common), margin=self.margin, presets=self.presets
        )


def compare(
    builders: Builder | Mapping[str, Builder],
    x: Any,
    y: Any,
    *,
    test_data: tuple[Any, Any],
    validation_data: tuple[Any, Any] | None = None,
    validation_split: float = 0.2,
    class_weight: Mapping[Any, float] | None = None,
    seeds: int | Sequence[int] = 10,
    epochs: int = 10,
    batch_size: int = 32,
    protocol: str = "both",
    margin: float = 0.5,
    out: str | os.PathLike[str] | None = None,
    verbose: int = 1,
) -> Comparison:
    """Train each model with each seed in this process, test it, and say which is better.

    Args:
        builders: a function builder(seed) that returns a compiled model, or several by their names, after which files
            are named. The model's seed
            must be the seed; its last activation sigmoid for two classes, with one output, or softmax for each class.
        x, y: examples (N, ...) and their labels (N,), words or whole numbers; `test_data` and `validation_data` are
            others. Without the latter the last `validation_split` of x is held out, as by `fit`.
        class_weight: how much an example counts, by its label; a label that is not named counts 1.
        seeds: how many, from 0 on, or the seeds themselves.
        protocol: "last" tests after the last epoch, "best" after the epoch of lowest validation loss.
        margin: a difference within so many points of accuracy counts as none.
        out: a folder to keep the runs in. The same call goes on there, and one with more seeds adds them. It tells
            models by their layers and settings; code of your own inside of a layer it cannot tell.

    Raises:
        TypeError, ValueError: for builders, examples or arguments that cannot be used; for a folder of another study.
    """
    named = dict(builders) if isinstance(builders, Mapping) else {_name(builders): builders}
    if not named:
        raise ValueError("there is no builder: give a function that returns a compiled model for a seed")
    each_seed = list(range(whole_number("seeds", seeds, 1))) if isinstance(seeds, int) else list(seeds)
    if not each_seed:
        raise ValueError("seeds must be how many, or the seeds themselves, got none")
    share("validation_split", validation_split)
    if not 0 < number("margin", margin) < 100:
        raise ValueError(f"margin is in points of accuracy, above 0 and below 100, got {margin:g}")
    protocols = {"both": PROTOCOLS, "last": PROTOCOLS[:1], "best": PROTOCOLS[1:]}
    tested = look_up("protocol", protocol, protocols)
    source = ArraySource.of(x, y, test_data, validation_data, class_weight)
    presets = {name: Built.of(name, builder, each_seed[0]) for name, builder in named.items()}
    chosen = {"epochs": epochs, "batch_size": batch_size, "validation_split": validation_split}
    try:
        tasks = plan([Variant(name, preset, chosen) for name, preset in presets.items()], each_seed, source, tested)
        common = {"data": source.digest, **tasks[0].code, "protocols": list(tested), **chosen, **source.deciding}
        folder = None if out is None else StudyFolder.open(out, common)
        results = _train(tasks, folder, Console(quiet=not verbose, unit="examples"))
        shown = {task.preset.name: source.fitted(task.preset, task.settings) for task in tasks}
        return Comparison(tuple(results), source.describe(results), margin / 100, shown, common)
    finally:
        sources.forget()


def _train(tasks: Sequence[Task], folder: StudyFolder | None, console: Console) -> list[RunResult]:
    """The results of all tasks; those that the folder has are taken from there."""
    todo, found = (list(tasks), []) if folder is None else missing(tasks, folder)
    results = {result.key: result for result in found}
    with Board(tasks, found, console, quiet=True) as board:
        for task in todo:
            result = run(task)
            if folder is not None:
                folder.save(result)
            results[task.key] = result
            board.finished(result)
    return [results[task.key] for task in tasks]


def _name(builder: Any) -> str:
    name = getattr(builder, "__name__", "model")
    return name if name.isidentifier() and name[0] != "_" else "model"
