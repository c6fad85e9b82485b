"""The programs in examples/articles, run on a few generated reviews: published parameter counts, and the loss falls."""

import importlib
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scratchnn import set_random_seed
from scratchnn.data import DataError, imdb
from tests.house import ROOT

FOLDER = ROOT / "examples" / "articles"
pytestmark = pytest.mark.filterwarnings("ignore:.*unknown content digest")


@pytest.fixture(scope="module")
def reviews() -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("reviews")
    sys.path.remove(str(FOLDER))
    del sys.modules["reviews"]


@pytest.fixture(scope="module")
def folder(reviews: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reviews")
    reviews.write(path, 400)
    return path


@pytest.fixture
def run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that runs a program, and returns its names."""
    monkeypatch.setenv("SCRATCHNN_DATA", str(folder))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")

    def program(name: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", [name, "--quick"])
        set_random_seed(0)  # as in a process of its own
        return runpy.run_path(str(FOLDER / name), run_name="__main__")

    return program


def falls(history: dict[str, list[float]]) -> bool:
    assert set(history) >= {"loss", "val_loss"}
    return history["loss"][-1] < history["loss"][0]


def test_four_models(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = run("four_models.py")
    counts = {model.name: model.count_params() for model in names["models"]}
    assert counts == {"feed_forward": 17_601, "rnn": 19_681, "lstm": 23_361, "cnn": 26_849}
    assert all(map(falls, names["histories"].values()))
    assert (tmp_path / "four_models.png").stat().st_size > 10_000
    assert capsys.readouterr().out.count("test accuracy") == 4


def test_lstm_between_dropouts(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = run("lstm_dropout.py")
    assert names["model"].count_params() == 166_305
    assert falls(names["history"].history)
    # Joined and split again: both halves hold reviews of both.
    assert names["x_train"].shape == names["x_test"].shape == (400, 500)
    assert 0 < (names["order"][:400] < 400).sum() < 400
    # What the codex says is what the library's own decoding says, and it is text.
    (x_train, _), _ = imdb.load_data(num_words=10_000, skip_top=24)
    known = imdb.load(num_words=10_000, maxlen=500, skip_top=24).vocabulary
    assert names["text"] == known.decode(x_train[0], unknown="#")
    assert names["text"][:300] in capsys.readouterr().out
    assert (tmp_path / "lstm_dropout.png").exists()


def test_simple_rnn(run: Any, tmp_path: Path) -> None:
    names = run("simple_rnn.py")
    assert names["model"].count_params() == 321_737
    assert falls(names["history"].history)
    assert len(names["val_acc"]) == len(names["acc"]) == 3
    assert {path.name for path in tmp_path.glob("*.png")} == {"simple_rnn_accuracy.png", "simple_rnn_loss.png"}


def test_rnn_overfitting(run: Any, tmp_path: Path) -> None:
    results = run("rnn_overfitting.py")["results"]
    counts = {model.name: model.count_params() for model, _ in results}
    assert counts == {"one": 322_113, "stacked": 328_353, "bidirectional": 324_225, "variational_dropout": 322_113}
    assert all(falls(history) for _, history in results)
    assert {path.stem for path in tmp_path.glob("*.png")} == set(counts)


def test_reviews_are_generated_where_there_are_none(
    reviews: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing_found() -> None:
        raise DataError("no IMDB reviews found")

    monkeypatch.setenv("SCRATCHNN_DATA", "")
    monkeypatch.setattr(imdb, "get_word_index", nothing_found)
    reviews.find(10)
    assert capsys.readouterr().out.startswith("GENERATED REVIEWS: ")
    (x_train, y_train), (x_test, _) = imdb.load_data(num_words=1000)
    assert len(x_train) == len(x_test) == 10 and sorted(y_train) == [0] * 5 + [1] * 5
    assert max(map(max, x_train)) < 1000
