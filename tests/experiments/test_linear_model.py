"""The linear model that is shipped: it learns, its probabilities are those of its scores, its file brings it back."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from scratchnn import Sequential
from scratchnn.core.files.container import StorageError
from scratchnn.data import Vocabulary
from scratchnn.data.encoder import TextEncoder
from scratchnn.data.own.loading import OwnTexts, load
from scratchnn.data.own.options import TextOptions
from scratchnn.experiments import linear
from scratchnn.experiments.linear_model import EPOCHS, LinearModel
from scratchnn.layers import Dense
from tests.own_texts import rows, write_csv

CLASSES = ("bad", "good", "odd")


def data_of(folder: Path, *labels: str) -> OwnTexts:
    return load(TextOptions(str(write_csv(folder / "a.csv", rows(100, *labels)))))


@pytest.mark.parametrize("labels", [CLASSES[:2], CLASSES])
def test_it_learns_and_comes_back_from_its_file(tmp_path: Path, labels: tuple[str, ...]) -> None:
    data = data_of(tmp_path, *labels)
    model = LinearModel.fit(data.x_train, data.y_train, data.encoder)
    texts = [text for text, _ in rows(30, *labels, seed=5)]
    p = model.predict_proba(texts)
    assert p.shape == (len(texts), len(labels))
    assert p.sum(axis=1) == pytest.approx(1)
    assert (p.argmax(axis=1) == [labels.index(label) for _, label in rows(30, *labels, seed=5)]).mean() > 0.8
    model.save(tmp_path / "linear.npz")
    again = LinearModel.load(tmp_path / "linear.npz")
    assert again.encoder == data.encoder
    np.testing.assert_array_equal(again.predict_proba(texts), p)
    np.load(tmp_path / "linear.npz", allow_pickle=False)["weights"]


def test_two_classes_are_learned_as_in_a_study(tmp_path: Path) -> None:
    data = data_of(tmp_path)
    bayes = linear.NaiveBayes.fit(data.x_train, data.y_train, 2)
    weights: list[np.ndarray] = []
    linear.train(bayes(data.x_train), data.y_train.astype(float), EPOCHS, weights.append)
    expected = expit(bayes(data.x_test) @ weights[-1][:-1] + weights[-1][-1])
    model = LinearModel.fit(data.x_train, data.y_train, data.encoder)
    assert model.proba_of(data.x_test)[:, 1] == pytest.approx(expected, rel=1e-12)


def test_more_classes_are_each_learned_against_all_others(tmp_path: Path) -> None:
    data = data_of(tmp_path, *CLASSES)
    model = LinearModel.fit(data.x_train, data.y_train, data.encoder)
    alone = []
    for k in range(3):
        two = TextEncoder(data.vocabulary, data.encoder.length, ("others", CLASSES[k]))
        alone.append(
            LinearModel.fit(data.x_train, (data.y_train == k).astype(np.uint8), two).proba_of(data.x_test)[:, 1]
        )
    expected = np.stack(alone, axis=1)
    assert model.proba_of(data.x_test) == pytest.approx(expected / expected.sum(axis=1, keepdims=True))


def test_weights_let_a_rare_class_count(tmp_path: Path) -> None:
    data = data_of(tmp_path)
    kept = np.flatnonzero((data.y_train == 0) | (np.arange(len(data.y_train)) % 8 == 0))
    x, y = data.x_train[kept], data.y_train[kept]
    s = np.where(y == 1, len(y) / (2 * y.sum()), len(y) / (2 * (1 - y).sum()))
    found = [LinearModel.fit(x, y, data.encoder, 2, each).proba_of(data.x_test)[:, 1].mean() for each in (None, s)]
    assert found[1] > found[0] + 0.1


def test_what_training_has_not_seen_leaves_the_bias() -> None:
    encoder = TextEncoder(Vocabulary.from_ranked(["a", "b"]), 4)
    model = LinearModel(encoder, 1, np.array([4]), np.array([[2.0]]), np.array([-1.0]))
    assert model.predict_proba(["b", "a", "a a", ""])[:, 1] == pytest.approx(expit([-1.0, 1.0, 1.0, -1.0]))
    far = LinearModel(encoder, 1, np.array([4]), np.array([[2e4]]), np.array([-1e4]))
    assert far.predict_proba(["a", "b"]).tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_another_file_is_refused(tmp_path: Path) -> None:
    model = Sequential([Dense(1)])
    model.build((None, 2))
    model.save(tmp_path / "model.npz")
    with pytest.raises(StorageError, match="holds no linear model, but 'model'"):
        LinearModel.load(tmp_path / "model.npz")
