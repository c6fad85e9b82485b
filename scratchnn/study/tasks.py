"""The plan of a study: which runs it is made of, and what each of them is called."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from scratchnn import optimizers
from scratchnn.experiments.presets import Preset
from scratchnn.experiments.settings import Settings
from scratchnn.study.code import code_version
from scratchnn.study.results import PROTOCOLS, Protocol
from scratchnn.study.sources import Source

NOT_DECIDING = ("seed", "out")  # settings that are not part of the hash: the seed is next to it in the key


@dataclass(frozen=True)
class Task:
    """One run to do, with all that a worker must know. It is sent to other processes and machines."""

    model: str  # its name in the study
    preset: Preset
    settings: Settings
    protocols: tuple[Protocol, ...]
    source: Source  # of what it is trained and tested on
    data_digest: str  # of what must be found there
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
    source: Source,
    protocols: Sequence[Protocol] = PROTOCOLS,
) -> list[Task]:
    """All runs, seed by seed: stopped early, a study has finished blocks in which every model has its turn.

    Raises:
        ValueError: for a name or a seed that is there twice, no seed, and settings that do not fit a model, the
            examples or a protocol.
    """
    if not seeds:
        raise ValueError("a study needs at least 1 seed, got none; 6 or more can tell models apart")
    _no_two("seed", seeds)
    _no_two("model", [variant.name for variant in variants])
    first = [_first_task(variant, seeds[0], source, protocols) for variant in variants]
    return [replace(task, settings=replace(task.settings, seed=seed)) for seed in seeds for task in first]


def _first_task(variant: Variant, seed: int, source: Source, protocols: Sequence[Protocol]) -> Task:
    settings = replace(source.settings(variant.preset, variant.chosen), seed=seed)
    _check(variant, settings, protocols, source)
    code = code_version(settings.backend)
    named = config_hash(variant.preset, settings, source, code)
    return Task(
        variant.name, variant.preset, settings, tuple(protocols), source, source.digest, source.test_set(settings),
        code, named,
    )  # fmt: skip


def _no_two(kind: str, given: Sequence[Any]) -> None:
    for each in given:
        if given.count(each) > 1:
            raise ValueError(f"{kind} {each!r} is there twice; name each {kind} once")


def _check(variant: Variant, settings: Settings, protocols: Sequence[Protocol], source: Source) -> None:
    if settings.early_stop is not None:
        raise ValueError(
            f"{variant.name!r} has early_stop={settings.early_stop}, but a study trains every model to its last epoch, "
            "and tests the best one too: leave early_stop out of the preset"
        )
    if "best" in protocols and not source.validates(settings):
        raise ValueError(
            f"{variant.name!r} has validation_split={settings.validation_split:g}, which leaves nothing to validate "
            "on, and the best epoch is that of the lowest validation loss: hold out a share, for instance 0.2, or "
            "compare the last epochs alone, with --protocol last"
        )
    source.check(variant.name, settings)
    if settings.units is not None:
        variant.preset.layers_for(settings)  # that they are those of some layer
    if variant.preset.grams is not None:  # it is trained in a way of its own
        return
    _check_optimizer(variant.name, settings)
    try:  # built once, on the backend that compiles nothing, and shown a row
        model = source.build(variant.preset, replace(settings, backend="reference"))
        model.forward(model.check_input(source.blank(settings)), keep_caches=False)
        rate = (variant.preset.compiled or {"optimizer": {}})["optimizer"].get("learning_rate")
        if settings.learning_rate_decay is not None and isinstance(rate, dict) and settings.learning_rate is None:
            raise ValueError("its learning rate has a schedule of its own: leave learning_rate_decay out")
    except (ValueError, TypeError) as error:
        raise _of(variant.name, error) from None


def _of(model: str, error: Exception) -> ValueError:
    """The error with the name of the model before it, unless it begins with that."""
    says = str(error)
    return ValueError(says if says.startswith(repr(model)) else f"{model!r}: {says}")


def _check_optimizer(model: str, settings: Settings) -> None:
    """Make it once: what it refuses, every single run would fail of."""
    given = {"learning_rate": settings.learning_rate, "global_clipnorm": settings.global_clipnorm}
    try:
        optimizers.get({"name": settings.optimizer, **{key: each for key, each in given.items() if each is not None}})
    except (ValueError, TypeError) as error:
        raise _of(model, error) from None


def config_hash(preset: Preset, settings: Settings, source: Source, code: Mapping[str, str]) -> str:
    """Twelve characters that change with anything that decides the numbers, except the seed."""
    layers = [[type(layer).__name__, layer.get_config()] for layer in preset.layers_for(settings)]
    plain = {key: value for key, value in dataclasses.asdict(settings).items() if key not in NOT_DECIDING}
    made_of = [layers, preset.grams, preset.compiled, plain, source.digest, source.deciding, dict(code)]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:12]
