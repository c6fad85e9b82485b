"""What a reader of a run's output wants to know before the numbers."""

from scratchnn.data import Imdb
from scratchnn.data.own.loading import OwnTexts
from scratchnn.data.own.options import TextOptions
from scratchnn.experiments.run import Run
from scratchnn.experiments.settings import Settings

_MOST_CLASSES = 6  # that are listed


def header(run: Run) -> list[tuple[str, str]]:
    """Names and values."""
    settings, data, model = run.settings, run.data, run.model
    early = "" if settings.early_stop is None else f", stops after {settings.early_stop} without lower validation loss"
    clip = "" if settings.global_clipnorm is None else f", gradient clipped to {settings.global_clipnorm:g}"
    fall = "" if settings.learning_rate_decay is None else f" falling to 0 ({settings.learning_rate_decay})"
    hardware = model.backend.hardware()
    threads = f"{hardware.get('threads')} threads"
    unit = "reviews" if isinstance(data, Imdb) else "texts"
    return [
        *(_of_reviews(settings, data) if isinstance(data, Imdb) else _of_own(run, data)),
        (
            "words",
            f"vocabulary {settings.vocabulary:,}: {data.oov_share:.1%} unknown"
            + (f", shuffled within each {unit.removesuffix('s')}" if settings.shuffle_words else ""),
        ),
        ("length", f"last {settings.length} words: {data.truncated_share:.1%} of {unit} cut"),
        ("model", f"{settings.arch}, {model.count_params():,} parameters"),
        (
            "train",
            f"{settings.optimizer}, learning rate {settings.learning_rate:g}{fall}, batch {settings.batch_size}"
            f"{clip}{early}",
        ),
        ("machine", f"backend {settings.backend}, {hardware.get('device') or threads}"),
        ("seed", str(settings.seed)),
        ("run", str(run.folder.path)),
    ]


def _of_reviews(settings: Settings, data: Imdb) -> list[tuple[str, str]]:
    N = len(data.x_train)
    held_out = N - int(N * (1 - settings.validation_split))
    digest = f"digest {data.digest[:8]} {'ok' if data.digest_known else 'not the published one'}"
    return [
        ("data", f"{data.source}, {digest}"),
        (
            "reviews",
            f"{N - held_out:,} to train, {held_out:,} to validate, {len(data.x_test):,} to test"
            + (f", joined and split again (draw {settings.resplit})" if settings.resplit else ""),
        ),
    ]


def _of_own(run: Run, data: OwnTexts) -> list[tuple[str, str]]:
    assert run.options is not None
    return of_texts(data, run.settings, run.options, run.model.metadata["data"].get("vectors_found"))


def of_texts(
    data: OwnTexts, settings: Settings, options: TextOptions, vectors_found: float | None
) -> list[tuple[str, str]]:
    """Of texts of the user's own. `vectors_found`: the share of the words that have a vector, if there are some."""
    sizes = f"{len(data.x_train):,} to train, {len(data.x_validation):,} to validate, {len(data.x_test):,} to test"
    drawn = f", split by draw {settings.resplit}" if data.drawn else ""
    counts = [f"{name} {(data.y_train == k).mean():.1%}" for k, name in enumerate(data.classes)]
    more = f" and {len(counts) - _MOST_CLASSES} more" if len(counts) > _MOST_CLASSES else ""
    balanced = "" if options.class_weights is None else "; weighted so that all count alike"
    lines = [
        ("data", f"{data.source}, digest {data.digest[:8]}"),
        ("texts", sizes + drawn),
        ("classes", ", ".join(counts[:_MOST_CLASSES]) + more + balanced),
    ]
    if vectors_found is not None:
        lines.append(("vectors", f"{options.vectors}: {vectors_found:.1%} of the words found"))
    return lines
