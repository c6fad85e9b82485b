"""Small studies: 300 reviews to train with and 60 to test on, in Keras' layout."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scratchnn.data import DataWarning, sources
from scratchnn.data.corpus import Corpus
from scratchnn.data.sources import Found
from scratchnn.experiments.presets import named
from scratchnn.study.reviews import FilmReviews
from scratchnn.study.tasks import Task, Variant, plan
from tests.commands.test_train import write_data

SMALL = {"vocabulary": 50, "length": 20, "epochs": 2}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("study") / "data")


@pytest.fixture(scope="session")
def corpus(data: Path) -> Corpus:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return sources.find(data).corpus


@pytest.fixture(scope="session")
def source(data: Path, corpus: Corpus) -> FilmReviews:
    return FilmReviews.of(Found(corpus, "made up", False, False), str(data))


@pytest.fixture(scope="session")
def planned(source: FilmReviews) -> Callable[..., list[Task]]:
    """Return a function that plans small runs: presets, number of seeds, settings."""

    def make(*archs: str, seeds: int = 1, **chosen: Any) -> list[Task]:
        variants = [Variant(arch, named(arch), {**SMALL, **chosen}) for arch in archs]
        return plan(variants, range(seeds), source)

    return make
