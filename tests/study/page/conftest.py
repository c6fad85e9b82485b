"""A whole study on its page, written once for all tests that only read it."""

from pathlib import Path
from typing import Any

import pytest

from scratchnn.study.page import write
from tests.study import fakes

GAINS = {"ff": 0.02, "rnn": 0.01, "cnn": 0.03}  # at the best epoch
CODE = {"code": "c0de00000000", "numpy": "2", "numba": "0", "machine": "x86_64"}
PUBLISHED = {"ff": 0.7931, "rnn": 0.7911, "lstm": 0.8321}


@pytest.fixture(scope="session")
def study() -> dict[str, Any]:
    """The arguments of `write` for 4 models with 20 seeds, one of which failed."""
    about = fakes.reviews(1000)
    skills = fakes.SKILLS | {"lstm": (0.85, 0.004, 0.5)}  # so far ahead that a thousand reviews decide it
    results = [run for run in fakes.study(about, range(20), skills, gains=GAINS) if (run.model, run.seed) != ("cnn", 7)]
    return {
        "results": [*results, fakes.failed("cnn", 7, about, "the loss is <b>NaN</b>")],
        "reviews": {about.digest: about},
        "published": PUBLISHED,
        "code": CODE,
    }


@pytest.fixture(scope="session")
def folder(study: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write(folder, **study)
    return folder
