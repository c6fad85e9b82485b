"""The plan of a study: which runs it is made of, and what each of them is called."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchnn import optimizers
from scratchnn.data.corpus import Corpus, resplit
from scratchnn.experiments.preparation import build_model
from scratchnn.experiments.presets import Preset
from scratchnn.experiments.settings import Settings
from scratchnn.study.code import code_version
from scratchnn.study.results import PROTOCOLS, Protocol
from scratchnn.training.batches import split

NOT_DECIDING = ("seed", "out")  # settings that are not part of the hash: the seed is next to it in the key


@dataclass(frozen=True)
class Task:
    """One run to do, with all that a worker must know. It is sent to other processes and machines."""

    model: str  # its name in the study
    preset: Preset
    settings: Settings
    protocols: tuple[Protocol, ...]
    source: str | None  # where to look for the reviews
    data_digest: str  # of the reviews that must be found there
    test_set: str  # digest of those it is tested on
    code: Mapping[str, str]
    config_hash: str
    threads: int | None = None  # of the kernels; None: as many as there are

    @property
    def key(self) -> str:
        """The name of the run; that of its result is the same."""
        return f"{self.model}-{self.settings.seed}-{self.config_hash}"


@dataclass(frozen=True)
class Variant:
    """A model of a study: a preset, and the settings that override its own."""

    name: str
    preset: Preset
    chosen: Mapping[str, Any] = field(default_factory=dict)


def plan(
    variants: Sequence[Variant],
    seeds: Sequence[int],
    corpus: Corpus,
    source: str | None,
    protocols: Sequence[Protocol] = PROTOCOLS,
) -> list[Task]:
    """All runs, seed by seed: stopped early, a study has finished blocks in which every model has its turn.

    Raises:
        ValueError: for a name or a seed that is there twice, no seed, and settings that do not fit a model or a
            protocol.
    """
    if not seeds:
        raise ValueError("a study needs at least 1 seed, got none; 6 or more can tell models apart")
    _no_two("seed", seeds)
    _no_two("model", [variant.name for variant in variants])
    test_sets: dict[tuple[int, int | None], str] = {}
    hashes: dict[str, str] = {}
    tasks = []
    for seed in seeds:
        for variant in variants:
            settings = variant.preset.settings(**variant.chosen, seed=seed)
            split = settings.resplit, settings.test_reviews
            if split not in test_sets:
                test_sets[split] = (resplit(corpus, *split) if settings.resplit else corpus).test.digest
            code = code_version(settings.backend)
            if variant.name not in hashes:
                _check(variant, settings, protocols, corpus)
                hashes[variant.name] = config_hash(variant.preset, settings, corpus.digest, code)
            tasks.append(
                Task(
                    variant.name, variant.preset, settings, tuple(protocols), source, corpus.digest, test_sets[split],
                    code, hashes[variant.name],
                )
            )  # fmt: skip
    return tasks


def _no_two(kind: str, given: Sequence[Any]) -> None:
    for each in given:
        if given.count(each) > 1:
            raise ValueError(f"{kind} {each!r} is there twice; name each {kind} once")


def _check(variant: Variant, settings: Settings, protocols: Sequence[Protocol], corpus: Corpus) -> None:
    if settings.early_stop is not None:
        raise ValueError(
            f"{variant.name!r} has early_stop={settings.early_stop}, but a study trains every model to its last epoch, "
            "and tests the best one too: leave early_stop out of the preset"
        )
    if "best" in protocols and settings.validation_split == 0:
        raise ValueError(
            f"{variant.name!r} has validation_split=0, which leaves no reviews to validate on, and the best epoch is "
            "that of the lowest validation loss: hold out a share, for instance 0.2, or compare the last epochs alone, "
            "with --protocol last"
        )
    _check_split(variant.name, settings, corpus)
    variant.preset.layers_for(settings)  # that units, where they are set, are those of some layer
    if variant.preset.grams is None:  # the linear models are trained in a way of their own
        _check_optimizer(variant.name, settings)
        _check_model(variant, settings)


def _check_split(model: str, settings: Settings, corpus: Corpus) -> None:
    """That there are as many reviews to train on as are asked for, and some of them on both sides of the split."""
    there = len(corpus.train)
    if settings.resplit:
        both = there + len(corpus.test)
        there = both - (both // 2 if settings.test_reviews is None else settings.test_reviews)
    n = there if settings.train_reviews is None else settings.train_reviews
    if n > there:
        raise ValueError(
            f"{model!r}: train_reviews must be at most {there:,}, the reviews there are to train on, got {n:,}; "
            "resplit and a smaller number of test_reviews leave more"
        )
    try:
        split((np.zeros(n), np.zeros(n), None), settings.validation_split)
    except ValueError as error:
        raise ValueError(f"{model!r}: {error}") from None


def _check_model(variant: Variant, settings: Settings) -> None:
    """Build it once, on the backend that compiles nothing, and show it a review."""
    try:
        model = build_model(dataclasses.replace(settings, backend="reference"), variant.preset)
        model.forward(model.check_input(np.zeros((1, settings.length), np.int32)), keep_caches=False)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{variant.name!r}: {error}") from None


def _check_optimizer(model: str, settings: Settings) -> None:
    """Make it once: what it refuses, every single run would fail of."""
    given = {"learning_rate": settings.learning_rate, "global_clipnorm": settings.global_clipnorm}
    try:
        optimizers.get({"name": settings.optimizer, **{key: each for key, each in given.items() if each is not None}})
    except (ValueError, TypeError) as error:
        raise ValueError(f"{model!r}: {error}") from None


def config_hash(preset: Preset, settings: Settings, data_digest: str, code: Mapping[str, str]) -> str:
    """Twelve characters that change with anything that decides the numbers, except the seed."""
    layers = [[type(layer).__name__, layer.get_config()] for layer in preset.layers_for(settings)]
    plain = {key: value for key, value in dataclasses.asdict(settings).items() if key not in NOT_DECIDING}
    content = json.dumps([layers, preset.grams, plain, data_digest, dict(code)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]
