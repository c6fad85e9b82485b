"""`scratchnn compare` on texts of the user's own, with a model file beside the presets."""

import json
import re
from pathlib import Path

import pytest

from scratchnn import Input, Sequential, compare
from scratchnn.layers import Dense, Embedding, GlobalMaxPooling1D
from tests.own_texts import rows, write_csv

FAST = ["--workers", "1"]


@pytest.fixture
def texts(tmp_path: Path) -> str:
    return str(write_csv(tmp_path / "moods.csv", rows(20, "bad", "good", "odd")))


def mine(tmp_path: Path) -> str:
    model = Sequential([Input((9,)), Embedding(60, 4), GlobalMaxPooling1D(), Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save(tmp_path / "mine.npz")
    return str(tmp_path / "mine.npz")


def test_three_classes_a_model_file_and_what_to_beat(
    texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "study"
    arguments = ["--data", texts, "--out", str(out), *FAST, "--arch", "ff", mine(tmp_path), "linear", "majority"]
    assert compare.main([*arguments, "--seeds", "1", "--epochs", "2"]) == 0
    said = capsys.readouterr().out
    assert "classes    bad 33.3%, good 33.3%, odd 33.3%\n" in said and "of the test texts" in said
    assert "4 models, 1 seed: ff, mine, linear, majority\n" in said and "review" not in said.replace(str(out), "")
    assert compare.main([*arguments, "--seeds", "2", "--epochs", "2"]) == 0
    assert "\n4 runs done, 8 in all; wall time" in capsys.readouterr().out, "the others were there"
    page = (out / "report.html").read_text(encoding="utf-8").split("</style>")[1]
    for shown in ("comparison on moods.csv", "3 units, softmax", '<th scope="col">odd</th>', "Confusion of mine"):
        assert shown in page
    assert "review" not in page and "published" not in page and "positive" not in page
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["models"]["mine"]["settings"]["length"] == 9 and summary["models"]["mine"]["parameters"] == 255
    assert summary["protocols"]["last"]["models"]["majority"]["accuracy"]["value"] == pytest.approx(1 / 3)
    (test_set,) = summary["test_sets"].values()
    assert test_set["classes"] == {"bad": 4, "good": 4, "odd": 4} and test_set["source"] == "moods.csv"
    assert [len(row) for row in summary["protocols"]["best"]["models"]["ff"]["answers"]["confusion"]] == [3, 3, 3]
    assert (out / "model-mine.svg").exists() and (out / "model-ff.svg").exists()
    assert compare.main([*arguments, "--seeds", "2", "--epochs", "2", "--min-count", "3"]) == 2
    assert "holds another study: --min-count is 2 there, 3 here" in capsys.readouterr().err
    write_csv(Path(texts), rows(21, "bad", "good", "odd"))
    assert compare.main([*arguments, "--seeds", "2", "--epochs", "2"]) == 2
    told = capsys.readouterr().err
    assert re.search(r"holds another study: data is [0-9a-f]{8} there, [0-9a-f]{8} here\. Its runs", told)


REFUSED = {
    "no model file": (["--arch", "nope.npz"], "the model file 'nope.npz' is not there"),
    "a folder": (["--arch", "."], "'.' is a folder: name a model in it, such as model.npz"),
    "no model": (["--arch", "moods.csv"], "saved models, whose names end in .npz; 'moods.csv' is no saved model"),
    "other outputs": (["--arch", "two.npz"], "error: 'two' has 1 output, and there are 3 classes"),
    "other classes": (["--arch", "cnn-linear"], "'cnn-linear' ends in no probability"),
    "film reviews": (["--test-reviews", "9", "--resplit"], "test_reviews is for the film reviews"),
    "a column": (["--text-column", "sentence"], "'sentence'"),
    "vectors": (["--vectors", "/nope.txt"], "--vectors /nope.txt cannot be read"),
    "units of a file": (["--arch", "mine.npz", "--units", "3"], "makes its layers itself"),
    "words of a file": (["--arch", "mine.npz", "--vocabulary", "70", "--min-count", "1"], "its embedding knows 60 ids"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(
    name: str, texts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    mine(tmp_path)
    two = Sequential([Input((9,)), Embedding(60, 4), GlobalMaxPooling1D(), Dense(1, activation="sigmoid")])
    two.save("two.npz")
    arguments, told = REFUSED[name]
    assert compare.main(["--data", texts, "--out", "study", "--seeds", "1", *FAST, *arguments]) == 2
    assert told in capsys.readouterr().err.splitlines()[-1]
    assert not Path("study").exists()


def test_what_only_own_texts_have_is_refused_on_the_reviews(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main(["--min-count", "3", "--synthetic"]) == 2
    assert "--min-count is for texts of your own: name them with --data" in capsys.readouterr().err


def test_the_linear_and_simple_models_stand_beside_networks_by_default(
    texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "study")
    arguments = ["--data", texts, "--out", out, *FAST, "--seeds", "1", "--epochs", "1", "--budget", "1h"]
    assert compare.main([*arguments, "--backend", "reference"]) == 0  # of which the linear model has no use
    said = capsys.readouterr().out
    assert "6 models, 1 seed: ff, rnn, lstm, cnn, linear-bigrams, majority\n" in said
    lines = [line for line in said.splitlines() if "  seed 0  " in line]
    assert len(lines) == 6 and len({line.index("  seed") for line in lines}) == 1, "as wide as the longest name"
