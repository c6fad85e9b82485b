"""`TextClassifier`: it learns, it repeats, it travels, and refuses by name what it cannot take."""

import pickle  # noqa: TID251 - the package has none; its users do
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scratchnn
from scratchnn import TextClassifier, load_model
from scratchnn.experiments import pretraining
from scratchnn.texts.estimator import NotFittedError

WORDS = {"good": "great fine nice lovely", "bad": "awful dull poor sad", "odd": "strange weird queer curious"}
SMALL: dict[str, Any] = {"arch": "bow", "epochs": 15, "learning_rate": 0.05, "batch_size": 8}


def labelled(N: int, *labels: str) -> tuple[list[str], list[str]]:
    """Texts of words of their label, and of words of none."""
    draws = np.random.default_rng(N)
    y = [labels[n % len(labels)] for n in range(N)]
    return [" ".join(draws.choice([*WORDS[label].split(), "the", "film"], 6)) for label in y], y


@pytest.fixture(scope="module")
def three() -> TextClassifier:
    return TextClassifier(**SMALL).fit(*labelled(90, "good", "bad", "odd"))


def test_it_learns_any_labels(three: TextClassifier) -> None:
    texts, labels = labelled(31, "odd", "bad", "good")
    assert three.classes_.tolist() == ["bad", "good", "odd"]
    assert three.predict(texts).tolist() == labels
    assert three.score(texts, labels) == 1
    assert three.predict_proba(texts).shape == (31, 3)
    numbers = TextClassifier(**SMALL).fit(texts, np.array([7 if label == "bad" else -2 for label in labels]))
    assert numbers.classes_.tolist() == [-2, 7]
    assert numbers.predict(["dull and sad", "great"]).tolist() == [7, -2]
    truth = TextClassifier(**SMALL).fit(np.array(texts), [label == "bad" for label in labels])
    assert truth.predict(["dull and sad", "great"]).tolist() == [True, False]
    assert not hasattr(truth, "n_features_in_")


def test_a_seed_repeats_and_another_does_not(three: TextClassifier) -> None:
    texts, labels = labelled(90, "good", "bad", "odd")
    again = TextClassifier(**SMALL).fit(texts, labels)
    assert np.array_equal(again.predict_proba(texts), three.predict_proba(texts))
    other = again.set_params(seed=1).fit(texts, labels)
    assert not np.array_equal(other.predict_proba(texts), three.predict_proba(texts))


def test_every_setting_of_a_preset_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels = labelled(90, "good", "bad")
    with pytest.raises(ValueError, match="pretraining reads 64 streams"):
        TextClassifier("lm-lstm").fit(texts, labels)
    monkeypatch.setattr(pretraining, "STREAMS", 2)
    monkeypatch.setattr(pretraining, "WINDOW", 8)
    small = {"arch": "lstm", "units": 3, "epochs": 1, "batch_size": 8}
    plain, read, falling = (
        TextClassifier(**small, **more).fit(texts, labels).predict_proba(texts)
        for more in ({}, {"pretrain_epochs": 1}, {"learning_rate_decay": "linear"})
    )
    assert (plain != read).any() and (plain != falling).any()


def test_parameters() -> None:
    classifier = TextClassifier("gru", epochs=2, class_weight={"bad": 2.0})
    assert repr(classifier) == "TextClassifier(arch='gru', epochs=2, class_weight={'bad': 2.0})"
    params = classifier.get_params()
    assert TextClassifier(**params).get_params() == params
    assert classifier.set_params(units=4) is classifier
    assert classifier.units == 4
    with pytest.raises(ValueError, match=r"no parameter 'epoch'; did you mean 'epochs'\? It has arch, vocabulary"):
        classifier.set_params(epoch=3)


def test_weights_of_texts_and_of_classes() -> None:
    """What counts twice is as if it were there twice, and what counts nothing teaches nothing."""
    texts, labels = ["great film", "dull film"] * 20, ["good", "bad"] * 20
    texts, labels = [*texts, *["fine"] * 20], [*labels, *["good"] * 10, *["bad"] * 10]
    for bad in (0.0, 1.0):
        weight = [1.0] * 40 + [1.0 - bad] * 10 + [bad] * 10
        said = TextClassifier(**SMALL).fit(texts, labels, sample_weight=weight).predict(["fine"])
        assert said.tolist() == ["bad" if bad else "good"]
        by_class = TextClassifier(**SMALL, class_weight={"good": 1 - 0.9 * bad, "bad": 0.1 + 0.9 * bad})
        assert by_class.fit(texts, labels).predict(["fine"]).tolist() == said.tolist()
    rare = ["good"] * 54 + ["bad"] * 6
    usual, balanced = (
        TextClassifier(**SMALL, class_weight=weight).fit(["film"] * 60, rare).predict_proba(["film"])
        for weight in (None, "balanced")
    )
    assert usual[0, 0] < 0.3
    assert balanced[0, 0] == pytest.approx(0.5, abs=0.1)


def test_it_travels_and_needs_no_compiler_there(three: TextClassifier, tmp_path: Path) -> None:
    (tmp_path / "classifier").write_bytes(pickle.dumps(three))
    script = f"""
import pickle, sys
for blocked in ("numba", "llvmlite", "sklearn"):
    sys.modules[blocked] = None
with open({str(tmp_path / "classifier")!r}, "rb") as file:
    print(pickle.load(file).predict(["dull and sad", "great"]).tolist())
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("['bad', 'good']\n", "")
    three.model_.save(tmp_path / "model.npz")
    (said,) = load_model(tmp_path / "model.npz").predict_text(["dull and sad"])
    assert said.label == "bad"


@pytest.mark.parametrize(
    ("X", "y", "error", "expected"),
    [
        ("a text", ["a"], TypeError, "X must be texts, such as a list of str, got str"),
        ([["a", "b"]], ["a"], TypeError, r"the one at 0 is \['a', 'b'\]"),
        (["a a", None], ["a", "b"], TypeError, "X must be texts, and the one at 1 is None"),
        (np.array([["a", "b"]]), ["a"], ValueError, r"got a table of shape \(1, 2\): give its column of texts"),
        (["a a", "b", "c"], ["a", "b"], ValueError, "there are 3 texts and 2 labels"),
        (["a a", "b"], ["a", "a"], ValueError, r"two classes or more, got \['a'\]"),
        (["a a", "b"], ["a", None], ValueError, "labels of several types, or some are missing"),
        (["a a", "b"], [0.5, 1.0], ValueError, "fractions or NaN"),
        (["a a", "b"], [[0], [1]], ValueError, r"one label for each text, got an array of shape \(2, 1\)"),
        (["a", "b"], ["a", "b"], ValueError, "no word is 2 times or more in the 2 texts: lower min_count"),
        ([], [], ValueError, r"two classes or more, got \[\]"),
    ],
)
def test_what_cannot_be_learned(X: Any, y: Any, error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=expected):
        TextClassifier(**SMALL).fit(X, y)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"arch": "lstn"}, "unknown preset 'lstn'; did you mean 'lstm'"),
        ({"arch": "cnn-linear"}, "'cnn-linear' ends in no probability"),
        ({"arch": "bow", "units": 3}, "'bow' has no recurrent layer"),
        ({"vocabulary": 3}, "num_words must be a whole number of at least 4, got 3"),
        ({"vocabulary": 4}, "a vocabulary of 4 ids holds no word"),
        ({"epochs": 0}, "epochs must be a whole number from 1"),
        ({"min_count": 0}, "min_count must be a whole number of at least 1, got 0"),
        ({"class_weight": "balance"}, "unknown class_weight 'balance'; did you mean 'balanced'"),
        ({"class_weight": {"god": 1}}, "class_weight has 'god', which no text is labelled with"),
    ],
)
def test_parameters_that_are_refused(params: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        TextClassifier(**{"arch": "bow", **params}).fit(*labelled(30, "good", "bad"))


@pytest.mark.parametrize("labels", [["a", 1], ["a", None], ["a", float("nan")], [True, 1]])
def test_labels_of_several_kinds_are_not_made_words(labels: list[Any]) -> None:
    with pytest.raises(ValueError, match="labels of several types, or some are missing"):
        TextClassifier(arch="bow").fit(["a film", "a plot"] * 5, labels * 5)


def test_a_score_is_of_as_many_labels_of_the_same_kind() -> None:
    classifier = TextClassifier(**SMALL).fit(*labelled(30, "good", "bad"))
    texts, labels = labelled(4, "good", "bad")
    for X, y, s, said in (
        (texts, labels[:1], None, "each text needs a label: there are 4 texts and 1 labels"),
        (texts, [0, 1, 0, 1], None, "y holds 0, and the labels that fit was given are such as"),
        (texts, labels, [1.0], "each text needs a weight: there are 4 texts and 1 weights"),
        ([], [], None, "there are no texts to measure with"),
    ):
        with pytest.raises(ValueError, match=said):
            classifier.score(X, y, s)


def test_before_fit() -> None:
    with pytest.raises(NotFittedError, match="this TextClassifier is not trained yet: call fit first"):
        TextClassifier().predict(["a"])
    assert scratchnn.TextClassifier is TextClassifier
