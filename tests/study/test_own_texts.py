"""A study of the user's own texts: its numbers are those of `train`, and whatever decides them tells studies apart."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn.data.own.loading import words_of
from scratchnn.data.own.options import TextOptions
from scratchnn.data.text import OOV
from scratchnn.experiments import own
from scratchnn.experiments import run as experiment
from scratchnn.experiments.linear_model import LinearModel
from scratchnn.experiments.presets import named
from scratchnn.report.console import Console
from scratchnn.study.own_texts import OwnSource
from scratchnn.study.run import run
from scratchnn.study.tasks import Task, Variant, plan
from tests.own_texts import rows, write_csv

LABELS = ("bad", "good", "odd")
FAST = {"backend": "reference", "epochs": 2}


def source(tmp_path: Path, classes: int = 3, n: int = 20, **options: Any) -> OwnSource:
    path = write_csv(tmp_path / "texts.csv", rows(n, *LABELS[:classes]))
    return OwnSource.of(TextOptions(str(path), **options))


def task_of(arch: str, source: OwnSource, seed: int = 0, **chosen: Any) -> Task:
    chosen = chosen if named(arch).grams is not None else FAST | chosen
    return plan([Variant(arch, named(arch), chosen)], [seed], source)[0]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("arch", "options"), [("ff", {}), ("lstm", {"class_weights": "balanced", "vectors": "words.txt", "min_count": 1})]
)
def test_the_numbers_are_those_of_train(
    arch: str, options: dict[str, Any], classes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text("great 1 0 0.5\ndull 0 1 -0.5\n")
    of = source(tmp_path, classes, **options)
    task = task_of(arch, of, seed=3)
    result = run(copy.deepcopy(task))  # as a worker gets it: without what planning has found out
    trained = experiment.start_own(named(arch), {**FAST, "seed": 3, "out": "runs"}, of.options)
    quiet = Console(quiet=True)
    experiment.train(trained, quiet)
    test = experiment.finish(trained, quiet)
    last = result.tested["last"]
    assert result.error is None and result.parameters == trained.model.count_params()
    assert last.weights == experiment.checksum(trained.model)
    assert last.probabilities.shape == ((8,) if classes == 2 else (12, 3))
    assert (last.loss, last.accuracy) == (pytest.approx(test["loss"], rel=1e-6), pytest.approx(test["accuracy"]))
    assert result.history["val_loss"] == [record["val_loss"] for record in trained.progress.records]


@pytest.mark.parametrize("classes", [2, 3])
def test_the_linear_model_is_the_one_that_train_ships(classes: int, tmp_path: Path) -> None:
    task = task_of("linear-bigrams", of := source(tmp_path, classes, class_weights="balanced"))
    data = own.texts_for(task.settings, of.options, task.settings.vocabulary, task.settings.length)
    weights = own.class_weight(data, of.options)
    assert weights is not None
    s = np.array([weights[k] for k in data.y_train.tolist()])
    p = LinearModel.fit(data.x_train, data.y_train, data.encoder, sample_weight=s).proba_of(data.x_test)
    result = run(task)
    assert np.allclose(result.tested["last"].probabilities, p[:, 1] if classes == 2 else p, atol=1e-6)
    assert len(result.history["loss"]) == len(result.history["val_loss"]) == 10
    assert result.tested["best"].epoch == 1 + int(np.argmin(result.history["val_loss"]))


def test_the_majority_says_how_common_classes_are_in_training(tmp_path: Path) -> None:
    texts = [(f"text number{n}", label) for n, label in enumerate("bad bad good odd".split() * 20)]
    of = OwnSource.of(TextOptions(str(write_csv(tmp_path / "texts.csv", texts)), min_count=1))
    result = run(task_of("majority", of))
    assert np.allclose(result.tested["best"].probabilities, [[0.5, 0.25, 0.25]], atol=0.02)
    assert result.tested["last"].accuracy == 0.5 and len(result.history["val_loss"]) == 1


def test_what_is_known_of_the_test_texts(tmp_path: Path) -> None:
    training = rows(12, *LABELS)
    test = [(training[0][0].upper() + "!", "bad"), ("a film never seen, great", "good")]
    of = OwnSource.of(
        TextOptions(
            str(write_csv(tmp_path / "a.csv", training)),
            str(write_csv(tmp_path / "b.csv", test)),
            str(write_csv(tmp_path / "c.csv", rows(1, *LABELS, seed=2))),
        )
    )
    task = task_of("ff", of, length=50)
    ((digest, about),) = of.describe([run(task)]).items()
    assert digest == task.test_set and about.classes == LABELS and about.noun == "text"
    assert about.y.tolist() == [0, 1] and about.in_training.tolist() == [True, False]
    data = own.texts_for(task.settings, of.options, task.settings.vocabulary, 50)
    for n, (text, _) in enumerate(test):
        assert about.length[n] == len(words_of(text)) and about.text(n) == text
        assert about.unknown_share[n] == pytest.approx((data.x_test[n] == OOV).sum() / about.length[n])


@pytest.mark.parametrize("changed", [{"min_count": 3}, {"class_weights": "balanced"}, {"vectors": "words.txt"}])
def test_what_is_said_of_the_texts_tells_studies_apart(
    changed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text("great 1 0 0.5\n")
    before, after = source(tmp_path), source(tmp_path, **changed)
    assert before.digest == after.digest and before.deciding != after.deciding
    first, second = task_of("ff", before), task_of("ff", after)
    assert first.config_hash != second.config_hash and first.test_set == second.test_set


def test_workers_are_given_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text("great 1 0 0.5\n")
    task = task_of("ff", source(tmp_path, vectors="words.txt"))
    Path("words.txt").write_text("great 1 0 0.25\n")
    other = dataclasses.replace(task, settings=dataclasses.replace(task.settings, shuffle_words=True))
    assert "planned with other word vectors" in str(run(other).error)
    Path("words.txt").write_text("great 1 0 0.5\n")
    source(tmp_path, n=21)
    assert f"planned with the data {task.data_digest[:8]}" in str(run(other).error)


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"test_reviews": 5, "resplit": 1}, "test_reviews is for the film reviews"),
        ({"validation_split": 0.0}, "nothing to validate on"),
        ({"train_reviews": 10**6}, "texts to train on, asked for were"),
    ],
)
def test_refused(chosen: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=told):
        task_of("ff", source(tmp_path), **chosen)
