"""`scratchnn evaluate`: the numbers of a run and of other labelled texts, and labels that cannot be measured."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import load_model
from scratchnn.commands import predict
from scratchnn.commands.evaluate import _confusions, main
from scratchnn.experiments.linear_model import LinearModel
from scratchnn.texts.measures import measure
from scratchnn.train import main as train
from tests.texts.test_classifier import labelled

Output = pytest.CaptureFixture[str]


def write(path: Path, texts: list[str], labels: list[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("review", "mood"), *zip(texts, labels, strict=True)])
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three classes, with the linear model beside it."""
    folder = tmp_path_factory.mktemp("own")
    data = write(folder / "moods.csv", *labelled(120, "good", "bad", "odd"))
    columns = ["--label-column", "mood"]
    command = ["--data", str(data), *columns, "--arch", "bow", "--epochs", "2", "--out", str(folder / "runs")]
    assert train([*command, "--quiet"]) == 0
    return next((folder / "runs").iterdir())


def measured(capsys: Output, *arguments: object) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_the_run_was_tested_on(run: Path, capsys: Output) -> None:
    """The same numbers as training's; the file it was trained on gives no other texts than those."""
    tested = load_model(run / "model.npz", backend="reference").metadata["test"]
    data = run.parents[1] / "moods.csv"
    for arguments in ((), ("--data", data, "--label-column", "mood")):
        found = measured(capsys, run, *arguments)
        assert found["texts"] == 24
        assert found["accuracy"] == pytest.approx(tested["accuracy"])
        assert found["log_loss"] == pytest.approx(tested["loss"], rel=1e-5)
    lines = data.read_text(encoding="utf-8").splitlines()
    assert found["mistakes"]
    for each in found["mistakes"]:  # as they stand in the file, and not as ids
        assert each["text"] in lines[int(each["place"].removeprefix("line ")) - 1]
    assert list(found["classes"]) == ["bad", "good", "odd"]
    assert np.sum(found["confusion"]) == 24
    low, high = found["accuracy_95"]
    assert low < found["accuracy"] < high


def test_the_linear_model_beside_it(run: Path, capsys: Output) -> None:
    found = measured(capsys, run / "linear.npz")
    assert (found["texts"], found["accuracy"]) == (24, 1.0)
    assert predict.main([str(run / "linear.npz"), "dull and sad", "great"]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == ["bad", "good"]
    LinearModel.load(run / "linear.npz").save(alone := run.parents[1] / "alone.npz")
    assert main([str(alone)]) == 2
    assert "does not say what the model was trained on: name labelled texts with --data" in capsys.readouterr().err


def test_other_texts(run: Path, tmp_path: Path, capsys: Output) -> None:
    texts, labels = ["dull sad", "great", "weird", "nice, odd\nfilm"], ["bad", "good", "odd", "good"]
    data = write(tmp_path / "others.csv", texts, labels)
    found = measured(capsys, run / "linear.npz", "--data", data, "--label-column", "mood", "--mistakes", 3)
    assert found["data"] == "others.csv, columns review and mood"
    expected = LinearModel.load(run / "linear.npz").predict_proba(texts)
    right = expected.argmax(axis=1) == [0, 1, 2, 1]
    assert found["accuracy"] == right.mean()
    for mistake in found["mistakes"]:
        row = int(mistake["place"].removeprefix("line ")) - 2
        assert (mistake["true"], mistake["text"]) == (labels[row], " ".join(texts[row].split()))
        assert mistake["probability"] == pytest.approx(expected[row].max())


def test_the_report(run: Path, capsys: Output) -> None:
    found = measured(capsys, run)
    assert main([str(run), "--mistakes", "1"]) == 0
    told = capsys.readouterr().out
    low, high = found["accuracy_95"]
    assert f"accuracy           {found['accuracy']:.4f}  [{low:.4f}, {high:.4f}] 95%\n" in told
    assert f"{found['classes']['bad']['recall']:.4f}" in told
    assert told.count(", taken for ") == 1
    assert f"the most confident of {24 - round(24 * found['accuracy'])} mistakes" in told


def test_the_confusions_of_many_classes_are_a_list() -> None:
    classes = tuple(f"c{k}" for k in range(13))
    p = np.eye(13)[[*range(13), 1, 1, 2]]
    found = measure(p, np.array([*range(13), 0, 0, 12]), classes)
    assert _confusions(found) == ([("is", "was taken for", "texts"), ("c0", "c1", "2"), ("c12", "c2", "1")], "<<>")


def test_what_is_refused(run: Path, tmp_path: Path, capsys: Output) -> None:
    unseen = write(tmp_path / "unseen.csv", ["a", "b", "c"], ["good", "Good", "awful"])
    for arguments, expected in (
        (["nowhere"], "nowhere is neither the folder of a run"),
        (
            [run, "--data", unseen, "--label-column", "mood"],
            "not there in training: 'Good' (line 3, 1 in all), 'awful'",
        ),
        ([run, "--data", unseen, "--label-column", "moood"], "no column 'moood'; did you mean 'mood'?"),
        ([run, "--data", tmp_path / "no.csv"], "there is no"),
        ([run, "--text-column", "review"], "--text-column is for a table of your own"),
        ([run, "--mistakes", "-1"], "--mistakes must be a whole number of at least 0, got -1"),
    ):
        assert main([str(each) for each in arguments]) == 2
        assert expected in capsys.readouterr().err
