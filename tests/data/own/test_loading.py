"""Own texts become arrays: encoded with words of the training part, and split only where they have no parts."""

from pathlib import Path

import numpy as np
import pytest

from scratchnn.data import DataError, DataWarning
from scratchnn.data.own.loading import length_for, load, ranked_words, words_of
from scratchnn.data.own.options import TextOptions
from scratchnn.data.own.reading import read
from scratchnn.data.text import OOV, Vocabulary
from tests.own_texts import rows, write_csv, write_folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "a.csv", rows(50))


def test_arrays_and_what_they_mean(path: Path) -> None:
    data = load(TextOptions(str(path)))
    assert [len(x) for x in (data.x_train, data.x_validation, data.x_test)] == [64, 16, 20]
    assert data.classes == ("bad", "good")
    for y in (data.y_train, data.y_validation, data.y_test):
        assert y.mean() == 0.5
    assert data.encoder.length == data.x_train.shape[1] == 50
    assert data.drawn == ("validation", "test")
    labels = {data.encoder.encode([text])[0].tobytes(): label for text, label in rows(50)}
    for x, y in zip(data.x_test, data.y_test, strict=True):
        assert labels[x.tobytes()] == data.classes[y]


def test_words_are_those_of_the_training_texts_that_are_common_enough(tmp_path: Path) -> None:
    texts = ("one two two", "two three one", "three four", "one")
    train = write_csv(tmp_path / "a.csv", list(zip(texts, "xyxy", strict=True)))
    test = write_csv(tmp_path / "b.csv", [("five five five", "x")])
    for min_count, words in ((1, ("one", "two", "three", "four")), (2, ("one", "two", "three")), (3, ("one", "two"))):
        data = load(TextOptions(str(train), str(test), min_count=min_count), validation_split=0.0, length=4)
        assert tuple(data.vocabulary.ids) == words
        assert data.x_test[0].tolist() == [1, OOV, OOV, OOV]
        unknown = {1: 0, 2: 1, 3: 3}[min_count]
        assert data.oov_share == unknown / 9
    assert len(data.x_validation) == 0
    assert data.drawn == ()
    assert load(TextOptions(str(train), str(test), min_count=1), vocabulary=6, validation_split=0.0).vocabulary.ids == {
        "one": 4, "two": 5,
    }  # fmt: skip
    with pytest.raises(DataError, match="no word is 4 times or more in the 4 training texts; --min-count 1"):
        load(TextOptions(str(train), str(test), min_count=4), validation_split=0.0)


@pytest.mark.parametrize(
    "text", ["Don’t “quote” me", "'tis the CAFÉ's 'best'", "x &amp; y <br /><br />z`s", "ﬁne ½ naïve"]
)
def test_every_word_of_a_text_is_found_again(text: str) -> None:
    words = words_of(text)
    assert words
    vocabulary = Vocabulary.from_ranked(ranked_words([text], 1))
    assert [vocabulary.words[n] for n in vocabulary.encode(text)[1:]] == words


def test_equally_common_words_are_ranked_by_their_letters_and_line_breaks_are_none() -> None:
    assert ranked_words(["b a b a c br br br<br/>"], 1) == ["a", "b", "c"]


def test_the_length_that_nobody_asked_for() -> None:
    assert length_for(np.arange(1, 201)) == 192, "190.05 words, and the start mark"
    assert length_for(np.array([3, 4])) == 50
    assert length_for(np.array([5000])) == 400


def test_parts_of_their_own_are_not_split(tmp_path: Path, path: Path) -> None:
    other = write_csv(tmp_path / "b.csv", rows(3, seed=1))
    data = load(TextOptions(str(path), test_data=str(other), validation_data=str(other)))
    assert [len(x) for x in (data.x_train, data.x_validation, data.x_test)] == [100, 6, 6]
    np.testing.assert_array_equal(data.x_test, data.x_validation)
    assert data.drawn == ()
    for part in ("train", "dev"):
        write_folder(tmp_path / "parts" / part, rows(5, seed=len(part)))
    folder = load(TextOptions(str(tmp_path / "parts")))
    assert [len(x) for x in (folder.x_train, folder.x_validation, folder.x_test)] == [8, 10, 2]
    assert folder.drawn == ("test",)


def test_train_texts_and_the_split(path: Path) -> None:
    data = load(TextOptions(str(path), test_split=0.5), train_texts=9, validation_split=0.2)
    assert [len(x) for x in (data.x_train, data.x_validation, data.x_test)] == [9, 10, 50]
    with pytest.raises(ValueError, match="there are 64 texts to train on, asked for were 65"):
        load(TextOptions(str(path)), train_texts=65)


def test_labels_that_are_numbers_are_in_their_order(tmp_path: Path) -> None:
    labelled = [(f"text {n} {label}", label) for n in range(4) for label in ("10", "9", "-1")]
    path = write_csv(tmp_path / "a.csv", labelled)
    assert load(TextOptions(str(path))).classes == ("-1", "9", "10")


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [*rows(5), (" ", "good")])
    with pytest.warns(DataWarning, match="line 12 has no text; left out"):
        load(TextOptions(str(path)))


@pytest.mark.parametrize(
    ("labelled", "said"),
    [
        ([("a", "x"), ("b", "x")], "all texts have the label 'x', and a classifier needs two classes"),
        ([("a", "x"), ("b", "y"), ("c", "x")], "2 different labels for 3 texts, .*: these are too few texts"),
        ([(f"t{n}", f"l{n}") for n in range(9)], "9 different labels for 9 texts, such as 'l0', .* no classes"),
        ([*rows(5), ("rare", "odd")], "each class needs 3 different texts .*'odd' 1"),
    ],
)
def test_labels_that_cannot_be_learned(tmp_path: Path, labelled: list, said: str) -> None:
    with pytest.raises(DataError, match=said):
        load(TextOptions(str(write_csv(tmp_path / "a.csv", labelled))))


def test_a_label_that_training_has_not_seen(tmp_path: Path, path: Path) -> None:
    other = write_csv(tmp_path / "b.csv", [("x", "good"), ("y", "goood")])
    with pytest.raises(DataError, match=r"the test texts have the label 'goood' \(line 3\).*did you mean 'good'\?"):
        load(TextOptions(str(path), test_data=str(other)))


def test_texts_to_test_on_that_training_sees_are_told(tmp_path: Path, path: Path) -> None:
    other = write_csv(tmp_path / "b.csv", [read(path).train.rows[0][:2], ("unseen", "bad")])
    with pytest.warns(DataWarning, match="1 of 2 test texts are training texts too, to the letter"):
        load(TextOptions(str(path), test_data=str(other)))


def test_a_vocabulary_without_words(path: Path) -> None:
    with pytest.raises(ValueError, match="a vocabulary of 4 ids holds no word"):
        load(TextOptions(str(path)), vocabulary=4)


def test_parts_that_are_given_twice(tmp_path: Path, path: Path) -> None:
    for part in ("train", "test"):
        write_folder(tmp_path / "parts" / part, rows(5, seed=len(part)))
    folder = str(tmp_path / "parts")
    for options, said in (
        (TextOptions(folder, test_data=str(path)), "has a test part of its own: leave --test-data out"),
        (TextOptions(str(path), test_data=folder), "has parts of its own; name one of them"),
        (TextOptions(folder, test_split=0.1), "--test-split takes the test texts out of the others"),
        (TextOptions(str(path), test_data=str(tmp_path / "no.csv")), "--test-data: there is no .*no.csv"),
    ):
        with pytest.raises(DataError, match=said):
            load(options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"test_split": 0}, "test_split must be above 0"),
        ({"test_split": 1.0}, "test_split must be at least 0 and below 1"),
        ({"test_split": 0.2, "test_data": "b.csv"}, "leave one out"),
        ({"min_count": 0}, "min_count must be a whole number"),
        ({"vectors": ""}, "vectors is empty, and must be a path"),
        ({"class_weights": "balancd"}, "did you mean 'balanced'"),
    ],
)
def test_options_out_of_range(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TextOptions("a.csv", **options)
