"""All figures of a study: drawn into its folder as .svg and .png, and made ready for the page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from markupsafe import Markup

from scratchnn.experiments.presets import PRESETS, Preset
from scratchnn.experiments.settings import Settings
from scratchnn.models.model import Model
from scratchnn.report.diagram import draw_model, rows_of
from scratchnn.study.built import Built
from scratchnn.study.one_model import Answers, ModelStatistics
from scratchnn.study.page import figures
from scratchnn.study.page.inline import inline_svg
from scratchnn.study.page.intervals import draw_accuracies, draw_differences
from scratchnn.study.pairs import Pair
from scratchnn.study.results import Protocol
from scratchnn.study.standing import WHEN
from scratchnn.study.statistics import Analysis, Statistics

MOST_PAIRS = 12  # more are too many to look at: then those of the model that the verdict is about


@dataclass
class Gallery:
    """The figures as elements of a page; those with nothing to draw are missing."""

    accuracies: Markup | None = None
    differences: Markup | None = None
    curves: dict[str, Markup] = field(default_factory=dict)  # by model
    diagrams: dict[str, Markup] = field(default_factory=dict)
    answers: dict[Protocol, "AnswersGallery"] = field(default_factory=dict)


@dataclass
class AnswersGallery:
    """The figures that take the answers under one protocol apart."""

    by_length: dict[str, Markup] = field(default_factory=dict)  # by test set
    by_unknown: dict[str, Markup] = field(default_factory=dict)
    calibration: dict[str, Markup] = field(default_factory=dict)  # by model


def draw_gallery(
    folder: Path,
    analysis: Analysis,
    published: Mapping[str, float],
    presets: Mapping[str, Preset],
    classes: Sequence[str],
) -> Gallery:
    """Draw all. The names of files of the best epoch begin with best-, in front of what a model's name may be."""
    gallery = Gallery()
    models = [model for model in analysis.first.models if model.runs]
    if models:
        draw_accuracies(list(analysis.by_protocol.values()), published, folder / "accuracies")
        gallery.accuracies = _inline(
            folder / "accuracies", "Test accuracy of each model: mean with its interval or range, and every seed"
        )
    if pairs := pairs_to_draw(analysis):
        draw_differences(pairs, folder / "differences")
        gallery.differences = _inline(
            folder / "differences", "Differences in accuracy between models, with intervals or ranges"
        )
    limits = figures.accuracy_limits(models)
    for model in models:
        if any(any(run.history.values()) for run in model.runs):
            stem = folder / f"curves-{model.name}"
            figures.draw_curves(model.runs, stem, model.name, limits, model.lowest_loss_after)
            title = f"Accuracy and loss of {model.name} over the epochs, in training and validation"
            gallery.curves[model.name] = _inline(stem, title)
    for model in analysis.first.models:
        stem = folder / f"model-{model.name}"
        if _draw_diagram(stem, model.name, model.settings, presets):
            gallery.diagrams[model.name] = _inline(stem, f"The layers of {model.name}", (46.0, 16.0))
    for protocol, statistics in analysis.by_protocol.items():
        prefix = "" if protocol == "last" else f"{protocol}-"
        gallery.answers[protocol] = _draw_answers(folder, prefix, statistics, classes)
    return gallery


def _draw_answers(folder: Path, prefix: str, statistics: Statistics, classes: Sequence[str]) -> AnswersGallery:
    gallery = AnswersGallery()
    models = [model for model in statistics.models if model.answers]
    when, noun = WHEN[statistics.protocol], statistics.noun
    comes_true = f"share {figures.shorten(classes[1])}" if len(classes) == 2 else "share right"
    for model in models:
        assert model.answers is not None
        stem = folder / f"{prefix}calibration-{model.name}"
        figures.draw_calibration(model.answers.calibration, stem, comes_true)
        gallery.calibration[model.name] = _inline(stem, f"How often answers of {model.name} come true, {when}")
    if noun == "example":
        return gallery  # it has no words
    for n, (test_set, answers) in enumerate(by_test_set(models).items()):
        suffix = f"-{n + 1}" if n else ""
        stem = folder / f"{prefix}by-length{suffix}"
        lengths = {name: each.by_length for name, each in answers.items()}
        figures.draw_parts(lengths, stem, f"words in the {noun}, up to", lambda x: f"{x:.0f}")
        gallery.by_length[test_set] = _inline(stem, f"Accuracy by the length of the {noun}, {when}")
        stem = folder / f"{prefix}by-unknown{suffix}"
        unknown = {name: each.by_unknown for name, each in answers.items()}
        figures.draw_parts(unknown, stem, "unknown words among those shown, up to", lambda x: f"{100 * x:.0f}%")
        gallery.by_unknown[test_set] = _inline(stem, f"Accuracy by the share of unknown words, {when}")
    return gallery


def by_test_set(models: Sequence[ModelStatistics]) -> dict[str, dict[str, Answers]]:
    """Answers by test set and model: only those on the same reviews belong in one figure."""
    found: dict[str, dict[str, Answers]] = {}
    for model in models:
        if model.answers:
            found.setdefault(model.answers.test_set, {})[model.name] = model.answers
    return found


def in_order(analysis: Analysis) -> list[tuple[str, str]]:
    """The names of each pair as the page tells them: under the first protocol the more accurate model comes first, and
    the largest difference on top; what was not compared is below."""
    turned = [pair.turned() if pair.difference and pair.difference.value < 0 else pair for pair in analysis.first.pairs]
    ordered = sorted(turned, key=lambda pair: -pair.difference.value if pair.difference else 1.0)
    return [(pair.first, pair.second) for pair in ordered]


def pairs_to_draw(analysis: Analysis) -> list[dict[Protocol, Pair]]:
    """The pairs that were compared, by protocol; if they are too many, those of the model the verdict is about."""
    found = []
    for first, second in in_order(analysis):
        pairs = {protocol: each.pair(first, second) for protocol, each in analysis.by_protocol.items()}
        found.append({protocol: pair for protocol, pair in pairs.items() if pair is not None and pair.difference})
    found = [pairs for pairs in found if pairs]
    if len(found) > MOST_PAIRS:
        subject = analysis.first.subject
        found = [pairs for pairs in found if any(subject in (each.first, each.second) for each in pairs.values())]
    return found


def _draw_diagram(stem: Path, name: str, settings: Mapping[str, Any], presets: Mapping[str, Preset]) -> bool:
    """Draw the layers of a model; False if it is no preset, has no layers, or its sizes are unknown or do not fit."""
    preset = {**PRESETS, **presets}.get(settings.get("arch", ""))
    if preset is None or preset.grams is not None:
        return False
    try:
        model = _model_of(preset, settings)
    except ValueError:  # it cannot be built for these settings: its runs have failed, and the page says why
        return False
    if model is None:
        return False
    draw_model(rows_of(model), stem, title=name, input_shape=model.input_shape, show_layer_names=False)
    return True


def _model_of(preset: Preset, settings: Mapping[str, Any]) -> Model | None:
    """The model, to be drawn; None where its sizes are unknown."""
    if isinstance(preset, Built):
        model = preset.build(0)
        if not model.built and preset.row is not None:
            model.build((None, *preset.row))
        return model if model.built else None
    if not {"vocabulary", "length"} <= settings.keys():
        return None
    from scratchnn.models.sequential import Sequential

    known = {field.name for field in fields(Settings)}
    chosen = Settings(**{key: value for key, value in settings.items() if key in known})
    model = Sequential(preset.layers_for(chosen), backend="reference", seed=0, name=preset.name)
    model.build((None, chosen.length))
    return model


def _inline(stem: Path, title: str, crop: tuple[float, float] = (0.0, 0.0)) -> Markup:
    return inline_svg(stem.with_name(stem.name + ".svg"), title, identifier(stem.name), crop)


def identifier(name: str) -> str:
    """What an id may be made of, and as different as the names are: those of models may hold "," and "="."""
    return re.sub(r"[^A-Za-z0-9-]", lambda found: f"_{ord(found[0]):x}_", name)
