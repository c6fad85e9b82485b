"""The plan of a study: which runs it is made of, and what each of them is called."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scratchnn.data.corpus import Corpus, resplit
from scratchnn.experiments.presets import named
from scratchnn.experiments.settings import Settings
from scratchnn.study.code import code_version

NOT_DECIDING = ("seed", "out")  # settings that are not part of the hash: the seed is next to it in the key


@dataclass(frozen=True)
class Task:
    """One run to do, with all that a worker must know. It is sent to other processes and machines."""

    settings: Settings
    source: str | None  # where to look for the reviews
    data_digest: str  # of the reviews that must be found there
    test_set: str  # digest of those it is tested on
    code: Mapping[str, str]
    config_hash: str
    threads: int | None = None  # of the kernels; None: as many as there are

    @property
    def key(self) -> str:
        """The name of the run; that of its result is the same."""
        return f"{self.settings.arch}-{self.settings.seed}-{self.config_hash}"


def plan(archs: Sequence[str], seeds: int, corpus: Corpus, source: str | None, chosen: Mapping[str, Any]) -> list[Task]:
    """All runs, seed by seed: stopped early, a study has finished blocks in which every preset has its turn.

    `chosen`: settings that override the presets' own.

    Raises:
        ValueError: for an unknown preset, one that is named twice, or less than one seed.
    """
    if seeds < 1:
        raise ValueError(f"a study needs at least 1 seed, got {seeds}; 6 or more can tell models apart")
    for arch in archs:
        named(arch)
        if archs.count(arch) > 1:
            raise ValueError(f"{arch!r} is named twice; name each preset once")
    test_sets: dict[bool, str] = {}
    hashes: dict[str, str] = {}
    tasks = []
    for seed in range(seeds):
        for arch in archs:
            settings = named(arch).settings(**chosen, seed=seed)
            if settings.early_stop is not None:
                raise ValueError(
                    f"{arch!r} has early_stop={settings.early_stop}, but a study compares models after their last "
                    "epoch: leave early_stop out of the preset"
                )
            again = settings.resplit
            if again not in test_sets:
                test_sets[again] = (resplit(corpus) if again else corpus).test.digest
            code = code_version(settings.backend)
            if arch not in hashes:
                hashes[arch] = config_hash(settings, corpus.digest, code)
            tasks.append(Task(settings, source, corpus.digest, test_sets[again], code, hashes[arch]))
    return tasks


def config_hash(settings: Settings, data_digest: str, code: Mapping[str, str]) -> str:
    """Twelve characters that change with anything that decides the numbers, except the seed."""
    layers = [[type(layer).__name__, layer.get_config()] for layer in named(settings.arch).layers(settings.vocabulary)]
    plain = {key: value for key, value in dataclasses.asdict(settings).items() if key not in NOT_DECIDING}
    content = json.dumps([layers, plain, data_digest, dict(code)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]
