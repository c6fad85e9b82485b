"""All figures of a study: drawn into its folder as .svg and .png, and made ready for the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from scratchnn.experiments.presets import PRESETS
from scratchnn.report.diagram import draw_model, rows_of
from scratchnn.study.page import figures
from scratchnn.study.page.inline import inline_svg
from scratchnn.study.pairs import Pair
from scratchnn.study.statistics import Answers, ModelStatistics, Statistics

MOST_PAIRS = 12  # more are too many to look at: then those of the model that the verdict is about


@dataclass
class Gallery:
    """The figures as elements of a page; those with nothing to draw are missing."""

    accuracies: Markup | None = None
    differences: Markup | None = None
    curves: dict[str, Markup] = field(default_factory=dict)  # by model
    by_length: dict[str, Markup] = field(default_factory=dict)  # by test set
    by_unknown: dict[str, Markup] = field(default_factory=dict)
    calibration: dict[str, Markup] = field(default_factory=dict)
    diagrams: dict[str, Markup] = field(default_factory=dict)


def draw_gallery(folder: Path, statistics: Statistics, published: Mapping[str, float]) -> Gallery:
    gallery = Gallery()
    counted = [model for model in statistics.models if model.runs]
    if counted:
        figures.draw_accuracies(counted, published, folder / "accuracies")
        gallery.accuracies = _inline(
            folder / "accuracies", "Test accuracy of each model: mean with its interval or range, and every seed"
        )
    if pairs := pairs_to_draw(statistics):
        figures.draw_differences(pairs, folder / "differences")
        gallery.differences = _inline(
            folder / "differences", "Differences in accuracy between models, with intervals or ranges"
        )
    limits = figures.accuracy_limits(counted)
    for model in counted:
        if any(any(run.history.values()) for run in model.runs):
            stem = folder / f"curves-{model.name}"
            figures.draw_curves(model.runs, stem, model.name, limits)
            title = f"Accuracy and loss of {model.name} over the epochs, in training and validation"
            gallery.curves[model.name] = _inline(stem, title)
        if model.answers:
            stem = folder / f"calibration-{model.name}"
            figures.draw_calibration(model.answers.calibration, stem)
            gallery.calibration[model.name] = _inline(stem, f"How often answers of {model.name} come true")
    for n, (test_set, answers) in enumerate(by_test_set(counted).items()):
        suffix = f"-{n + 1}" if n else ""
        stem = folder / f"by-length{suffix}"
        lengths = {arch: each.by_length for arch, each in answers.items()}
        figures.draw_parts(lengths, stem, "words in the review, up to", lambda x: f"{x:.0f}")
        gallery.by_length[test_set] = _inline(stem, "Accuracy by the length of the review")
        stem = folder / f"by-unknown{suffix}"
        unknown = {arch: each.by_unknown for arch, each in answers.items()}
        figures.draw_parts(unknown, stem, "unknown words among those shown, up to", lambda x: f"{100 * x:.0f}%")
        gallery.by_unknown[test_set] = _inline(stem, "Accuracy by the share of unknown words")
    for model in statistics.models:
        if _draw_diagram(folder / f"model-{model.name}", model.name, model.settings):
            gallery.diagrams[model.name] = _inline(
                folder / f"model-{model.name}", f"The layers of {model.name}", (46.0, 16.0)
            )
    return gallery


def by_test_set(models: Sequence[ModelStatistics]) -> dict[str, dict[str, Answers]]:
    """Answers by test set and model: only those on the same reviews belong in one figure."""
    found: dict[str, dict[str, Answers]] = {}
    for model in models:
        if model.answers:
            found.setdefault(model.answers.test_set, {})[model.name] = model.answers
    return found


def in_order(pairs: Sequence[Pair]) -> list[Pair]:
    """The more accurate model of a pair first, the largest difference on top, what was not compared below."""
    turned = [pair.turned() if pair.difference and pair.difference.value < 0 else pair for pair in pairs]
    return sorted(turned, key=lambda pair: -pair.difference.value if pair.difference else 1.0)


def pairs_to_draw(statistics: Statistics) -> list[Pair]:
    """The pairs that were compared; if they are too many, those of the model that the verdict is about."""
    pairs = [pair for pair in in_order(statistics.pairs) if pair.difference]
    if len(pairs) > MOST_PAIRS:
        pairs = [pair for pair in pairs if statistics.subject in (pair.first, pair.second)]
    return pairs


def _draw_diagram(stem: Path, arch: str, settings: Mapping[str, Any]) -> bool:
    """Draw the layers of a preset; False if it is none, or its sizes are unknown or do not fit."""
    if arch not in PRESETS or not {"vocabulary", "length"} <= settings.keys():
        return False
    from scratchnn.models.sequential import Sequential

    model = Sequential(PRESETS[arch].layers(settings["vocabulary"]), backend="reference", seed=0, name=arch)
    try:
        model.build((None, settings["length"]))
    except ValueError:  # it cannot be built for these settings: its runs have failed, and the page says why
        return False
    draw_model(rows_of(model), stem, title=arch, input_shape=model.input_shape, show_layer_names=False)
    return True


def _inline(stem: Path, title: str, crop: tuple[float, float] = (0.0, 0.0)) -> Markup:
    return inline_svg(stem.with_name(stem.name + ".svg"), title, stem.name.replace(".", "_"), crop)
