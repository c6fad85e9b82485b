"""All figures of a study: drawn into its folder as .svg and .png, and made ready for the page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from markupsafe import Markup

from scratchnn.experiments.presets import PRESETS, Preset
from scratchnn.experiments.settings import Settings
from scratchnn.report.diagram import draw_model, rows_of
from scratchnn.study.page import figures
from scratchnn.study.page.inline import inline_svg
from scratchnn.study.pairs import Pair
from scratchnn.study.results import Protocol
from scratchnn.study.statistics import Analysis, Answers, ModelStatistics

MOST_PAIRS = 12  # more are too many to look at: then those of the model that the verdict is about


@dataclass
class OfProtocol:
    """The figures that each protocol has."""

    by_length: dict[str, Markup] = field(default_factory=dict)  # by test set
    by_unknown: dict[str, Markup] = field(default_factory=dict)
    calibration: dict[str, Markup] = field(default_factory=dict)  # by model


@dataclass
class Gallery:
    """The figures as elements of a page; those with nothing to draw are missing."""

    accuracies: Markup | None = None
    differences: Markup | None = None
    curves: dict[str, Markup] = field(default_factory=dict)  # by model
    diagrams: dict[str, Markup] = field(default_factory=dict)
    of: dict[Protocol, OfProtocol] = field(default_factory=dict)


def draw_gallery(
    folder: Path, analysis: Analysis, published: Mapping[str, float], presets: Mapping[str, Preset]
) -> Gallery:
    """Draw everything. Figures of the best epoch have "-best" at the end of their names."""
    gallery = Gallery()
    counted = {
        protocol: [model for model in found.models if model.runs] for protocol, found in analysis.by_protocol.items()
    }
    first = next(iter(counted.values()))
    if first:
        figures.draw_accuracies(counted, published, folder / "accuracies")
        gallery.accuracies = _inline(
            folder / "accuracies", "Test accuracy of each model: mean with its interval or range, and every seed"
        )
    if pairs := pairs_to_draw(analysis):
        figures.draw_differences(pairs, folder / "differences")
        gallery.differences = _inline(
            folder / "differences", "Differences in accuracy between models, with intervals or ranges"
        )
    limits = figures.accuracy_limits(first)
    for model in first:
        if any(any(run.history.values()) for run in model.runs):
            stem = folder / f"curves-{model.name}"
            figures.draw_curves(model.runs, stem, model.name, limits)
            title = f"Accuracy and loss of {model.name} over the epochs, in training and validation"
            gallery.curves[model.name] = _inline(stem, title)
    for protocol, models in counted.items():
        gallery.of[protocol] = _of_protocol(folder, models, "" if protocol == "last" else f"-{protocol}")
    for model in next(iter(analysis.by_protocol.values())).models:
        if _draw_diagram(folder / f"model-{model.name}", model, presets):
            gallery.diagrams[model.name] = _inline(
                folder / f"model-{model.name}", f"The layers of {model.name}", (46.0, 16.0)
            )
    return gallery


def _of_protocol(folder: Path, models: Sequence[ModelStatistics], suffix: str) -> OfProtocol:
    drawn = OfProtocol()
    for model in models:
        assert model.answers is not None
        stem = folder / f"calibration-{model.name}{suffix}"
        figures.draw_calibration(model.answers.calibration, stem)
        drawn.calibration[model.name] = _inline(stem, f"How often answers of {model.name} come true")
    for n, (test_set, answers) in enumerate(by_test_set(models).items()):
        number = f"-{n + 1}" if n else ""
        stem = folder / f"by-length{number}{suffix}"
        lengths = {name: each.by_length for name, each in answers.items()}
        figures.draw_parts(lengths, stem, "words in the review, up to", lambda x: f"{x:.0f}")
        drawn.by_length[test_set] = _inline(stem, "Accuracy by the length of the review")
        stem = folder / f"by-unknown{number}{suffix}"
        unknown = {name: each.by_unknown for name, each in answers.items()}
        figures.draw_parts(unknown, stem, "unknown words among those shown, up to", lambda x: f"{100 * x:.0f}%")
        drawn.by_unknown[test_set] = _inline(stem, "Accuracy by the share of unknown words")
    return drawn


def by_test_set(models: Sequence[ModelStatistics]) -> dict[str, dict[str, Answers]]:
    """Answers by test set and model: only those on the same reviews belong in one figure."""
    found: dict[str, dict[str, Answers]] = {}
    for model in models:
        if model.answers:
            found.setdefault(model.answers.test_set, {})[model.name] = model.answers
    return found


def in_order(analysis: Analysis) -> dict[Protocol, list[Pair]]:
    """The pairs of each protocol in one order and direction, that of the first protocol.

    There the more accurate model of a pair comes first, the largest difference on top, what was not compared below.
    """
    first, *others = analysis.by_protocol.values()
    turned = [pair.turned() if pair.difference and pair.difference.value < 0 else pair for pair in first.pairs]
    pairs = sorted(turned, key=lambda pair: -pair.difference.value if pair.difference else 1.0)
    found = {first.protocol: pairs}
    for other in others:
        found[other.protocol] = [same for pair in pairs if (same := other.pair(pair.first, pair.second)) is not None]
    return found


def pairs_to_draw(analysis: Analysis) -> dict[Protocol, list[Pair]]:
    """The pairs that were compared; if they are too many, those of the model that the verdict is about."""
    found = {protocol: [pair for pair in pairs if pair.difference] for protocol, pairs in in_order(analysis).items()}
    if any(len(pairs) > MOST_PAIRS for pairs in found.values()):
        subject = next(iter(analysis.by_protocol.values())).subject
        found = {
            protocol: [pair for pair in pairs if subject in (pair.first, pair.second)]
            for protocol, pairs in found.items()
        }
    return found if any(found.values()) else {}


def _draw_diagram(stem: Path, model: ModelStatistics, presets: Mapping[str, Preset]) -> bool:
    """Draw the layers of a preset; False if it has none or is unknown, or its sizes do not fit."""
    preset = (presets | PRESETS).get(model.preset)
    if preset is None or not {"vocabulary", "length"} <= model.settings.keys():
        return False
    from scratchnn.models.sequential import Sequential

    names = {field.name for field in fields(Settings)}
    settings = Settings(**{name: value for name, value in model.settings.items() if name in names})
    try:
        network = Sequential(preset.layers_for(settings), backend="reference", seed=0, name="drawn")
        network.build((None, settings.length))
    except ValueError:  # it cannot be built for these settings: its runs have failed, and the page says why
        return False
    draw_model(rows_of(network), stem, title=model.name, input_shape=network.input_shape, show_layer_names=False)
    return True


def _inline(stem: Path, title: str, crop: tuple[float, float] = (0.0, 0.0)) -> Markup:
    return inline_svg(stem.with_name(stem.name + ".svg"), title, re.sub(r"[^A-Za-z0-9-]", "_", stem.name), crop)
