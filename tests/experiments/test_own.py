"""A run on own texts begins with a preset that ends in their classes, and with settings that the texts decide."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn.data.own.options import TextOptions
from scratchnn.experiments import own
from scratchnn.experiments.baselines import coins_p, compared
from scratchnn.experiments.presets import PRESETS, named
from tests.own_texts import rows, write_csv

SMALL = {"backend": "reference"}


def texts(tmp_path: Path, *labels: str, n: int = 20) -> str:
    return str(write_csv(tmp_path / "a.csv", rows(n, *labels)))


def prepared(arch: str, options: TextOptions, **chosen: Any) -> Any:
    return own.prepared(named(arch), SMALL | chosen, options)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("arch", [name for name in PRESETS if name != "cnn-linear"])
def test_every_preset_has_an_output_for_each_class(tmp_path: Path, arch: str, classes: int) -> None:
    path = texts(tmp_path, *("bad", "good", "odd")[:classes])
    settings, data, model, _ = prepared(arch, TextOptions(path))
    assert (settings.length, settings.vocabulary) == (50, len(data.vocabulary))
    y = model.predict(data.x_test[:3], verbose=0)
    assert y.shape == (3, 1 if classes == 2 else 3)
    assert model.loss.name == ("binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy")
    model.fit(data.x_train[:4], data.y_train[:4], epochs=1, batch_size=4, verbose=0)


@pytest.mark.parametrize(
    ("arch", "chosen", "options", "said"),
    [
        ("cnn-linear", {}, {}, "'cnn-linear' ends in no probability"),
        ("ff", {"test_reviews": 5, "resplit": 1}, {}, "test_reviews is for the film reviews.*--test-split"),
        ("ff", {"resplit": 0}, {}, "resplit 0 keeps the split of the film reviews"),
        ("ff", {"resplit": 2}, {"test_data": "a.csv"}, "resplit splits the texts by another draw"),
        ("ff", {"validation_split": 0.1}, {"validation_data": "a.csv"}, "validation_split takes texts to validate on"),
        ("ff", {"units": 4}, {}, "'ff' has no recurrent layer"),
        ("ff", {"skip_top": 60}, {}, "skip_top"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*are training texts too:scratchnn.data.DataWarning")  # one file in two places
def test_what_would_not_act_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arch: str, chosen: dict, options: dict, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=said):
        prepared(arch, TextOptions(texts(tmp_path), **options), **chosen)


def test_settings_of_the_reviews_that_act_here_too(tmp_path: Path) -> None:
    options = TextOptions(texts(tmp_path))
    _, plain, _, _ = prepared("ff", options)
    _, other, _, _ = prepared("ff", options, resplit=2)
    assert set(map(bytes, plain.x_test)) != set(map(bytes, other.x_test))
    _, again, _, _ = prepared("ff", options, resplit=1)
    np.testing.assert_array_equal(plain.x_test, again.x_test)
    _, shuffled, _, _ = prepared("ff", options, shuffle_words=True)
    for name in ("x_train", "x_validation", "x_test"):
        x, y = getattr(plain, name), getattr(shuffled, name)
        assert not np.array_equal(x, y)
        np.testing.assert_array_equal(np.sort(x, axis=1), np.sort(y, axis=1))
    settings, fewer, _, _ = prepared("ff", options, vocabulary=10, length=7, train_reviews=9)
    assert (settings.vocabulary, fewer.x_train.shape) == (10, (9, 7))
    _, skipping, _, _ = prepared("ff", options, skip_top=6)
    assert skipping.oov_share == pytest.approx((skipping.x_train == 2).sum() / (skipping.x_train > 0).sum(), abs=0.1)
    assert skipping.oov_share > plain.oov_share


def test_an_embedding_begins_with_the_vectors_that_are_found(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("dull 1 2 3\ngreat 4 5 6\nfaraway 7 8 9\n")
    options = TextOptions(texts(tmp_path), vectors=str(path))
    settings, data, model, vectors = prepared("lstm", options)
    (table,) = model.layers[0].get_weights()
    assert table.shape == (settings.vocabulary, 3)
    ids = data.vocabulary.ids
    assert table[[ids["dull"], ids["great"]]].tolist() == [[1, 2, 3], [4, 5, 6]]
    drawn = np.delete(table, [ids["dull"], ids["great"]], axis=0)
    assert np.abs(drawn).max() <= 0.05, "the others keep what Keras' initializer drew"
    assert (drawn != 0).all()
    assert prepared("lm-lstm", options)[2].layers[0].mask_zero, "vectors take the place of the features alone"
    assert own.about(options, vectors) == {
        "texts": dataclasses.asdict(options), "vectors_found": pytest.approx(2 / len(ids)),
    }  # fmt: skip


def test_balanced_classes_count_alike(tmp_path: Path) -> None:
    path = str(write_csv(tmp_path / "a.csv", [*rows(20), *rows(40, "odd", seed=1)]))
    _, data, _, _ = prepared("ff", TextOptions(path))
    counts = np.bincount(data.y_train)
    weights = own.class_weight(data, TextOptions(path, class_weights="balanced"))
    assert weights is not None
    assert [weights[k] * counts[k] for k in range(3)] == pytest.approx([counts.sum() / 3] * 3)
    assert own.class_weight(data, TextOptions(path)) is None


def test_coins() -> None:
    assert coins_p(0, 0) == 1
    assert coins_p(5, 0) == coins_p(0, 5) == 2 / 32
    assert coins_p(7, 2) == pytest.approx(2 * (1 + 9 + 36) / 512)
    assert coins_p(3, 3) == 1
    assert coins_p(3000, 3300) == pytest.approx(0.000166, rel=0.01)


def test_one_model_beats_another_by_more_than_chance_or_not() -> None:
    def right(n: int, of: int = 40) -> np.ndarray:
        return np.arange(of) < n

    assert compared(right(20), right(10), "a", "b")[0]
    assert not compared(right(10), right(20), "a", "b")[0]
    wins, told = compared(right(13), right(10), "a", "b")
    assert not wins
    assert told == "of 40 test texts a alone gets 3 right, b alone 0, which chance explains (p 0.25)"
