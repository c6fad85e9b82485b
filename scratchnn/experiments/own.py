"""What a run on texts of the user's own starts from: their arrays, and a preset that ends in their classes."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from scratchnn.data.own.loading import WORDS, OwnTexts, load
from scratchnn.data.own.options import TextOptions
from scratchnn.data.vectors import WordVectors, word_vectors
from scratchnn.experiments.preparation import build_model, shuffle_words
from scratchnn.experiments.presets import CONTROLS, PRESETS, Preset
from scratchnn.experiments.settings import Settings
from scratchnn.models.sequential import Sequential


def prepared(
    preset: Preset, chosen: Mapping[str, Any], options: TextOptions
) -> tuple[Settings, OwnTexts, Sequential, WordVectors | None]:
    """The settings as they are resolved, the texts, and the model with its initial weights.

    Raises:
        DataError, ValueError: as `resolved` and `build`.
    """
    preset.with_classes(2)  # before anything is read
    settings, data = resolved(preset, chosen, options)
    vectors = vectors_for(data, options)
    return settings, data, build(preset, settings, len(data.classes), vectors), vectors


def resolved(preset: Preset, chosen: Mapping[str, Any], options: TextOptions) -> tuple[Settings, OwnTexts]:
    """The settings of a preset on the texts, which decide what is not chosen: how many words, and how many of a text.

    What a preset of ours says of these is said of the film reviews. A preset of the user's own means what it says.

    Raises:
        DataError: as `loading.load`.
        ValueError: for a setting that acts on the film reviews alone.
    """
    said = {**({} if preset.name in PRESETS | CONTROLS else preset.defaults), **chosen}
    if "test_reviews" in said:
        raise ValueError(
            "test_reviews is for the film reviews; of your own texts give the share to test on, --test-split 0.2, or "
            "a file, --test-data"
        )
    settings = preset.settings(**{**chosen, "vocabulary": said.get("vocabulary", WORDS)})
    settings = replace(settings, resplit=settings.resplit or 1)  # the draw of the split
    data = texts_for(settings, options, said.get("vocabulary"), said.get("length"))
    _check_draw(said, data)
    return replace(settings, vocabulary=len(data.vocabulary), length=data.encoder.length), data


def vectors_for(data: OwnTexts, options: TextOptions) -> WordVectors | None:
    """The word vectors of the vocabulary, if some were named.

    Raises:
        DataError: as `word_vectors`.
    """
    return None if options.vectors is None else word_vectors(options.vectors, data.vocabulary)


def build(preset: Preset, settings: Settings, classes: int, vectors: WordVectors | None) -> Sequential:
    """The model of so many classes with its initial weights; those of the embedding are the vectors, if there are some.

    Raises:
        ValueError: if its layers cannot be fitted to the classes, or to the vectors.
    """
    model = build_model(settings, preset.with_classes(classes, None if vectors is None else vectors.matrix.shape[1]))
    if vectors is not None:
        _begin_with(model, vectors)
    return model


def texts_for(settings: Settings, options: TextOptions, vocabulary: int | None, length: int | None) -> OwnTexts:
    """The texts as a run with these settings reads them; `vocabulary` and `length` None: chosen by the texts."""
    data = load(
        options,
        vocabulary=vocabulary,
        length=length,
        skip_top=settings.skip_top,
        validation_split=settings.validation_split,
        draw=settings.resplit,
        train_texts=settings.train_reviews,
    )
    if settings.shuffle_words:
        names = ("x_train", "x_test", "x_validation")
        data = replace(
            data, **{name: shuffle_words(getattr(data, name), settings.seed, n) for n, name in enumerate(names)}
        )
    return data


def texts_again(settings: Settings, saved: Mapping[str, Any]) -> tuple[OwnTexts, TextOptions]:
    """The texts of a run that was begun, from the options that it saved."""
    options = TextOptions(**saved)
    return texts_for(settings, options, settings.vocabulary, settings.length), options


def _check_draw(chosen: Mapping[str, Any], data: OwnTexts) -> None:
    """Raise ValueError for settings of a split that is not made."""
    if "validation_split" in chosen and "validation" not in data.drawn and len(data.x_validation):
        raise ValueError(
            "validation_split takes texts to validate on out of the others, and there are some: leave it out"
        )
    if "resplit" not in chosen:
        return
    if not chosen["resplit"]:
        raise ValueError("resplit 0 keeps the split of the film reviews; your own texts are split by a draw from 1 on")
    if "test" not in data.drawn:
        raise ValueError(
            "resplit splits the texts by another draw, and yours have a part to test on: leave resplit out, or give "
            "one file with all texts"
        )


def _begin_with(model: Sequential, vectors: WordVectors) -> None:
    """Give the embedding the vectors that were found; the other words keep the numbers that they were drawn."""
    embedding = model.layers[0]
    (table,) = embedding.get_weights()
    known = np.any(vectors.matrix, axis=1)
    embedding.set_weights([np.where(known[:, None], vectors.matrix, table)])


def class_weight(data: OwnTexts, options: TextOptions) -> dict[int, float] | None:
    """How much a text of each class counts, so that all classes together count alike; the mean over the texts is 1."""
    if options.class_weights is None:
        return None
    counts = np.bincount(data.y_train, minlength=len(data.classes))
    return {k: len(data.y_train) / (len(counts) * count) for k, count in enumerate(counts.tolist())}


def about(options: TextOptions, vectors: WordVectors | None) -> dict[str, Any]:
    """What the metadata of the run say of them, beyond what every run says of its data."""
    found = {} if vectors is None else {"vectors_found": vectors.found}
    return {"texts": asdict(options), **found}
